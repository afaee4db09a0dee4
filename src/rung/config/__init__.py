"""YAML and environment -> one frozen `Config`. Nothing else reads either."""

from rung.config.load import default_config, load_config, parse_config
from rung.config.schema import Config

__all__ = ["Config", "default_config", "load_config", "parse_config"]
