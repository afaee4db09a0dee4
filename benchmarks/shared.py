"""What benchmarks share: where their data lies, and a ladder that is waited for."""

import asyncio
import os
import sys
from pathlib import Path

from rung.bootstrap import Rung


def data_path(*parts: str) -> Path:
    """What lies in RUNG_DATA, or in shared/data beside the checkout if that is not set. Exits where it is missing."""
    path = Path(os.environ.get("RUNG_DATA", Path(__file__).parents[2] / "shared" / "data"), *parts)
    if not path.exists():
        sys.exit(f"{path} is missing: set RUNG_DATA to the folder that holds it")
    return path


async def until_ready(rung: Rung) -> None:
    while not rung.runtime.readiness().ready:  # noqa: ASYNC110  a status can only be looked at
        await asyncio.sleep(0.2)
