"""What a process and its children hold of memory, where the system tells."""

import os
from pathlib import Path

_PROC = Path("/proc")


def tree_bytes(pid: int) -> int | None:
    """Of the process and all below it: memory that is shared counts by its share in each (PSS). None where there is no
    /proc."""
    if not (_PROC / "self" / "smaps_rollup").exists():
        return None
    children: dict[int, list[int]] = {}
    for entry in os.listdir(_PROC):
        if entry.isdigit() and (parent := _parent(int(entry))) is not None:
            children.setdefault(parent, []).append(int(entry))
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += _pss_bytes(one)
        waiting += children.get(one, [])
    return total


def _parent(pid: int) -> int | None:
    try:
        # The name in brackets before it may hold spaces.
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _pss_bytes(pid: int) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:  # gone, or not ours
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
