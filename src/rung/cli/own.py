"""Where the Rung that serves by a config is asked. Apart from who asks it: what serves needs no client."""

from rung.cli.options import url_of
from rung.config import Config, load_config
from rung.errors import ConfigError

_OWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def own_url(config: Config | None) -> str:
    """Where a Rung that serves by `config` is asked on this machine."""
    assert config is not None
    host = _OWN.get(config.server.host, config.server.host)
    return url_of(host, config.server.port)


def how_to_reach(serving: Config) -> str:
    """What `rung chat` needs to be told to ask the Rung that serves by `serving`: nothing, where it looks there."""
    try:
        found = own_url(load_config(None)) == own_url(serving)
    except ConfigError:
        found = False
    return "" if found else f" --url {own_url(serving)}"
