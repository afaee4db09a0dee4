"""How fast is a local model, and how well does the simulator's model of it tell what a call will take?

Reads calls that were timed, one JSON object a line: prompt_tokens (those really read), completion_tokens, total_s (or
`seconds`, as `hybrid.py record` writes) and, better, first_s; `pair`, equal in two rows, says that both were sent at
the same moment. Fits on every second call or pair, and shows the error on the others.

    python benchmarks/fit_local.py ROWS.jsonl
"""

import sys
from pathlib import Path

from rung.errors import BadRequest
from rung.simulate.fit import Timed, errors_of, fit, read_rows


def halves(rows: list[Timed]) -> tuple[list[Timed], list[Timed]]:
    """Pairs stay together."""
    groups: dict[object, list[Timed]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(at if row.pair is None else ("pair", row.pair), []).append(row)
    parts = list(groups.values())
    return [row for part in parts[::2] for row in part], [row for part in parts[1::2] for row in part]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    try:
        fitted_on, kept_back = halves(read_rows(path))
        speed = fit(fitted_on, path.name).speed
    except BadRequest as problem:
        sys.exit(problem.message)
    print(speed)
    print(
        f"{1 / speed.read_token_s:.1f} tokens/s read, {1 / speed.step_s(1, 0):.1f} written alone, "
        f"{2 / speed.step_s(2, 0):.1f} by two together, {speed.start_s:.2f} s before anything"
    )
    for error in errors_of(speed, kept_back):
        print(f"{error.what}: {error.calls} calls, median error {error.median:.0%}, nine of ten within {error.p90:.0%}")


if __name__ == "__main__":
    main()
