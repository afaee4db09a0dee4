"""An engine without weights: it takes the memory that they would, and the time that loading them does."""

import asyncio

from rung.reasoners.local import weights
from rung.reasoners.local.engine import Engine, Found
from rung.reasoners.local.memory import needed_bytes

# Measured with 98 MB (2.0 to 3.3 s) and with 1,117 MB (6.7 to 10 s), on two cores with other work.
_LOAD_S = 1.5
_BYTES_PER_S = 200e6


class ModelledEngine(Engine):
    """Who is loaded, woken and unloaded is decided as it really is; only the file and the process are made up."""

    async def _obtained(self) -> Found:
        """A model that is yet to be fetched counts without its context. Raises WeightsError."""
        spec = self.spec
        if spec.path is not None:
            path = weights.own_file(spec.path)
        else:
            model = weights.named(spec.label)
            path = spec.folder / model.file_name
            if not path.exists():
                return self._fitting(path, model.size_bytes)
        return self._fitting(path, needed_bytes(path, spec.context_tokens * spec.slots))

    async def _live(self, found: Found) -> str:
        self._loads()
        size_bytes = found.path.stat().st_size if found.path.exists() else found.needed_bytes
        await asyncio.sleep(_LOAD_S + size_bytes / _BYTES_PER_S)
        self._is_loaded()
        await self._leaving.wait()
        return "unloaded"
