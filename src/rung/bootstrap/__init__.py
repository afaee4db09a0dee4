"""Config -> running system: the only place where concrete classes meet."""

from rung.bootstrap.reload import Source, watch_config
from rung.bootstrap.rung import Rung

__all__ = ["Rung", "Source", "watch_config"]
