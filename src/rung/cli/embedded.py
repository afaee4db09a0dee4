"""What the questions of outcomes mean, for the commands that learn from them."""

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs
from rich.console import Console
from rich.progress import Progress

from rung.cli.models import bar
from rung.config import load_config
from rung.errors import ConfigError
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import ENCODERS
from rung.reasoners.local.progress import unwatched

if TYPE_CHECKING:
    from rung.estimators.outcomes import Outcomes  # needs numpy, which its callers ask for in better words

ENCODER = "all-minilm-l6-v2"


def embedded(outcomes: "Outcomes", config: Path | None) -> "Outcomes":
    """With sentence embeddings; fetches the encoder to the config's `models_dir` where it is not there, and takes
    milliseconds a question. Raises ConfigError and WeightsError."""
    try:
        from rung.embedding import opened  # noqa: PLC0415  onnxruntime is heavy, and an extra
    except ImportError as error:
        raise ConfigError("--embedding needs an extra: pip install 'rung[embed]'") from error
    folder = load_config(config).models_dir
    assert folder is not None
    for file in ENCODERS[ENCODER].files:
        with bar(file) as watch:
            weights.obtain(file, folder, watch)
    encode = opened(ENCODER, folder, unwatched())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("embedding questions", total=len(outcomes.questions))
        vectors = encode(outcomes.questions, lambda done: progress.advance(task, done))
    return structs.replace(outcomes, embedded=vectors)
