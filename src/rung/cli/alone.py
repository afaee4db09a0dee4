"""A config of one reasoner, for commands that put it to the test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rung.config import Config
from rung.config.schema import Judge
from rung.errors import ConfigError, did_you_mean


def alone(config: Config, name: str, folder: Path) -> Config:
    """The reasoner and what is below it, with a ledger of its own, no cache and no judge. Raises ConfigError."""
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
    estimates = config.estimates.model_copy(update={"artefact": _artefact(config.estimates.artefact, kept)})
    update = {"reasoners": kept, "ledger": ledger, "cache": cache, "estimates": estimates, "judge": Judge()}
    return config.model_copy(update=update)


def _artefact(path: Path | None, kept: Mapping[str, object]) -> Path | None:
    """None for one that knows others only, which would be refused."""
    if path is None:
        return None
    try:
        from rung.estimators.artefact import load  # noqa: PLC0415  numpy is heavy, and an extra
    except ImportError:
        return path  # who serves by it says what is missing
    return path if kept.keys() & set(load(path)[1].reasoners) else None
