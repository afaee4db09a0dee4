"""Wire formats <-> types: the HTTP door in front of a runtime."""

from rung.api.app import make_app
from rung.api.doors import door_problem
from rung.api.exchange import KeepAlive
from rung.api.routes import first_call

__all__ = ["KeepAlive", "door_problem", "first_call", "make_app"]
