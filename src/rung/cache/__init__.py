"""What is not computed twice: answers to the same request, and the same request in flight."""
