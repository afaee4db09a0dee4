from pathlib import Path

import pytest

from rung.config.load import default_config
from rung.errors import WeightsError
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import ENCODERS
from rung.reasoners.local.progress import unwatched
from rung.types import Features

# A question like any other: at this complexity and task, a strength is the chance itself.
FEATURES = Features(
    task="open", complexity=0.3, language="en", prompt_tokens=20, max_tokens=None, turns=1, short="", needs=frozenset()
)


@pytest.fixture(scope="session")
def encoder_folder() -> Path:
    """Where model files are kept, the sentence encoder among them."""
    folder = default_config().models_dir
    assert folder is not None
    try:
        for file in ENCODERS["all-minilm-l6-v2"].files:
            weights.obtain(file, folder, unwatched())
    except WeightsError as error:
        pytest.skip(error.message)
    return folder
