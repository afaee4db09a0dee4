"""Wire formats <-> types: the HTTP door in front of a runtime."""

from rung.api.app import make_app
from rung.api.doors import door_problem
from rung.api.exchange import KeepAlive

__all__ = ["KeepAlive", "door_problem", "make_app"]
