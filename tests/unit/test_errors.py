"""The tree at the top of the module is that of the classes."""

import re

from rung import errors


def drawn() -> dict[str, str]:
    """Name -> name of the one above it."""
    above: list[str] = []
    found: dict[str, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if name := re.match(r"[│├└─ ]*([A-Z]\w+)", line):
            depth = name.start(1) // 4
            above[depth:] = [name[1]]
            if depth:
                found[name[1]] = above[depth - 1]
    return found


def test_every_error_is_drawn_below_its_parent() -> None:
    known = [error for error in vars(errors).values() if isinstance(error, type)]
    children = {e.__name__: e.__base__.__name__ for e in known if issubclass(e, errors.RungError) and e.__base__}
    assert drawn() == {name: parent for name, parent in children.items() if name != "RungError"}
