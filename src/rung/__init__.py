"""Rung: one endpoint in front of many reasoners."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rung.bootstrap import Rung as Rung
    from rung.errors import Abstained as Abstained
    from rung.errors import RungError as RungError
    from rung.types import Answer as Answer
    from rung.types import Call as Call
    from rung.types import Chunk as Chunk
    from rung.types import Decision as Decision
    from rung.types import Reply as Reply

__version__ = "0.1.0"

_HOMES = {
    "Rung": "rung.bootstrap",
    "Answer": "rung.types",
    "Call": "rung.types",
    "Chunk": "rung.types",
    "Decision": "rung.types",
    "Reply": "rung.types",
    "RungError": "rung.errors",
    "Abstained": "rung.errors",
}
__all__ = ["Abstained", "Answer", "Call", "Chunk", "Decision", "Reply", "Rung", "RungError", "__version__"]


def __getattr__(name: str) -> Any:
    """Loaded when first asked for, so that `import rung` and the command line start quickly."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module `rung` has no attribute `{name}`")
