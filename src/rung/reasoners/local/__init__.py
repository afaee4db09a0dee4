"""A language model on this machine: pinned weights, a supervised llama.cpp child, and the reasoner in front of it."""
