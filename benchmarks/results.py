"""Where a benchmark's figures go: `benchmarks/results/NAME.json`, with what is needed to compare them later."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_ROOT = Path(__file__).parent.parent


def write(
    name: str,
    figures: Mapping[str, float],
    intervals: Mapping[str, Sequence[float]],
    detail: Any,
    seed: int,
    n: int,
) -> Path:
    """Writes one benchmark's result and gives its path. `intervals` are 95% unless `detail` says otherwise; `n` is how
    many items were asked. `commit` ends in `+` where the checkout held changes that are not in it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    result = {
        "benchmark": name,
        "commit": _commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": _machine(),
        "seed": seed,
        "n": n,
        "figures": dict(figures),
        "intervals": {key: list(bounds) for key, bounds in intervals.items()},
        "detail": detail,
    }
    path.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return path


def within(values: Sequence[float]) -> float:
    """Half of the 95% interval of the mean of a few draws, by Student's t."""
    from scipy.special import stdtrit  # noqa: PLC0415  heavy, and most benchmarks do without

    return float(stdtrit(len(values) - 1, 0.975)) * statistics.stdev(values) / len(values) ** 0.5


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "src")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=_ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
