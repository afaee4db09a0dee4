"""Estimates on disk: a zip of plain arrays and a description, without pickles, so that loading runs nothing."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from rung.errors import ConfigError
from rung.estimators.bases import BASES, Linear
from rung.estimators.reading import BITS, SURFACE, Rows
from rung.estimators.space import Points, Space
from rung.estimators.stack import Model, Weights

FORMAT = 3
_ABOUT = "about"
# What reading a damaged file may raise, as flags and heads say all manner of things then.
_DAMAGED: Final = (
    OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, TokenError, OverflowError, MemoryError
)  # fmt: skip


class About(Struct, frozen=True, kw_only=True):
    """What an artefact is. `data` is the SHA-256 of the outcomes it was fitted to, `made` the day, ISO 8601; `metrics`
    are from predictions across folds; `embedding` names what its questions were embedded by, if they were."""

    format: int
    rung: str
    made: str
    data: str
    outcomes: int
    reasoners: tuple[str, ...]
    bases: tuple[str, ...]
    metrics: dict[str, float]
    embedding: str = ""


def save(path: Path, model: Model, about: About) -> None:
    """Whole or not at all: a server may read it meanwhile. Raises ConfigError if it cannot be written."""
    arrays: dict[str, Any] = {_ABOUT: np.frombuffer(msgspec.json.encode(about), np.uint8)}
    parts: dict[str, Mapping[str, Any]] = {"space": model.space._asdict(), "weights": model.weights._asdict()}
    parts |= {f"base.{name}": base._asdict() for name, base in model.bases.items()}
    if model.tokens is not None:
        parts["tokens"] = model.tokens._asdict()
    arrays |= {f"{part}.{name}": array for part, of in parts.items() for name, array in of.items()}
    arrays |= {name: getattr(model, name) for name in _OWN}
    special = path.exists() and not path.is_file()
    beside = path if special else path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        if not special:
            os.replace(beside, path)
    except OSError as error:
        if not special:
            beside.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}") from error


_OWN = ("lean", "mix", "mean", "calibration", "sample", "density")


def load(path: Path) -> tuple[Model, About]:
    """Raises ConfigError for anything but an artefact of this format."""
    if path.exists() and not zipfile.is_zipfile(path):
        raise ConfigError(f"{path}: is no artefact of `rung eval`, or only a part of one; make it again")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ConfigError(f"there is no artefact {path}; `rung eval --outcomes FILE --out {path}` writes one") from None
    except _DAMAGED as error:
        raise ConfigError(f"{path}: is no artefact of `rung eval`: {error}") from error
    try:
        about = msgspec.json.decode(arrays[_ABOUT].tobytes(), type=About)
        if about.format != FORMAT:
            raise ConfigError(
                f"{path}: has format {about.format}, this Rung reads {FORMAT}: make it again with `rung eval`"
            )
        model = _model(arrays, about)
        _check(model, about)
    except (IndexError, KeyError, TypeError, ValueError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: is a damaged artefact ({error}): make it again with `rung eval`") from error
    return model, about


def _model(arrays: Mapping[str, Any], about: About) -> Model:
    def part(name: str) -> dict[str, Any]:
        return {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}

    floats = [array for name, array in arrays.items() if name != "space.vocabulary"]
    if arrays["space.vocabulary"].dtype.kind not in "iu" or any(array.dtype.kind not in "fiu" for array in floats):
        raise ValueError("what is no number stands among the numbers")
    return Model(
        space=Space(**part("space")),
        bases={name: BASES[name][1](**part(f"base.{name}")) for name in about.bases},
        weights=Weights(**part("weights")),
        tokens=Linear(**part("tokens")) if "tokens.weights" in arrays else None,
        **{name: arrays[name] for name in _OWN},
    )


def _check(model: Model, about: About) -> None:
    """ValueError where shapes do not fit each other, or a number is none: found now, not in a request."""
    for array in (*model.space, *(a for base in model.bases.values() for a in base._asdict().values())):
        if not np.isfinite(array).all():
            raise ValueError("a number is missing")
    vocabulary = model.space.vocabulary
    if vocabulary.ndim != 1 or vocabulary[0] != 0 or vocabulary.min() < 0 or vocabulary.max() > 1 << BITS:
        raise ValueError("the vocabulary is out of bounds")
    if not len(vocabulary) == len(model.space.idf) == len(model.space.topics):
        raise ValueError("the vocabulary and its weights differ")
    if model.space.surface_mean.shape != (SURFACE,) or model.space.surface_scale.shape != (SURFACE,):
        raise ValueError("the surface has other figures")
    if model.space.topic_scale.shape != (1,):
        raise ValueError("the topics have other figures")
    if bool(about.embedding) != bool(len(model.space.meanings)):
        raise ValueError("the embedding has no name, or its name no dimensions")
    if model.space.embedded_mean.shape != model.space.meanings.shape[:1]:
        raise ValueError("the embedding's dimensions differ")
    if not len(model.weights.shared) == len(model.weights.own) == len(model.bases):
        raise ValueError("weights and estimators differ")
    words = Rows(np.array([0, 2]), np.array([0, len(vocabulary) - 1]), np.ones(2, np.float32))
    dimensions = model.space.topics.shape[1] + SURFACE + model.space.meanings.shape[1]
    places = np.zeros((1, dimensions), np.float32)
    points = Points(words, places, len(vocabulary))
    right = model.predict(points)
    said = [right, model.deviation(points, right), *([model.tokens.predict(points)] if model.tokens else [])]
    if any(one.shape != (1, len(about.reasoners)) or not np.isfinite(one).all() for one in said):
        raise ValueError("the reasoners differ")
