"""A config of one reasoner, for commands that put it to the test."""

from pathlib import Path
from typing import Any

from rung.config import Config
from rung.errors import ConfigError, did_you_mean


def alone(config: Config, name: str, folder: Path) -> Config:
    """The reasoner and what is below it, with a ledger of its own and no cache. Raises ConfigError."""
    if name not in config.reasoners:
        hint = did_you_mean(name, config.reasoners, f"there are {', '.join(config.reasoners)}")
        raise ConfigError(f"there is no reasoner `{name}`; {hint}")
    kept: dict[str, Any] = {}
    at: str | None = name
    while at is not None:
        kept[at] = config.reasoners[at].model_copy(update={"auto": True})
        at = getattr(kept[at], "of", None)
    ledger = config.ledger.model_copy(update={"path": folder / "ledger.sqlite", "text": False})
    exact = config.cache.exact.model_copy(update={"max_mb": 0.0})
    cache = config.cache.model_copy(update={"exact": exact})
    return config.model_copy(update={"reasoners": kept, "ledger": ledger, "cache": cache})
