"""What is not computed twice: answers to the same request, and the same request in flight."""

from rung.cache.exact import ExactCache, Kept, digest_of, key_of, served_from_cache
from rung.cache.flights import Flights

__all__ = ["ExactCache", "Flights", "Kept", "digest_of", "key_of", "served_from_cache"]
