"""Holds the sizes of the house: files at most 600 lines, functions at most 60, at most 6 parameters, no broad except.

usage: sizes.py PACKAGE_DIR     prints one line of figures; exit 1 names every place over a bound.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FILE, MAX_FUNCTION, MAX_P90, MAX_PARAMETERS = 600, 60, 30, 6


def functions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int, int]]:
    """Each function with its lines (docstring not counted) and its parameters (self and cls not counted)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)
            a = node.args
            names = [x.arg for x in a.posonlyargs + a.args + a.kwonlyargs if x.arg not in {"self", "cls"}]
            yield node, lines, len(names)


def main(root: Path) -> int:
    wrong: list[str] = []
    files, lengths = [], []
    for path in sorted(root.rglob("*.py")):
        text = path.read_text()
        files.append(text.count("\n"))
        if files[-1] > MAX_FILE:
            wrong.append(f"{path}: {files[-1]} lines, at most {MAX_FILE}")
        for node, lines, parameters in functions(ast.parse(text)):
            lengths.append(lines)
            if lines > MAX_FUNCTION:
                wrong.append(f"{path}:{node.lineno}: {node.name} has {lines} lines, at most {MAX_FUNCTION}")
            if parameters > MAX_PARAMETERS:
                wrong.append(f"{path}:{node.lineno}: {node.name} has {parameters} parameters, at most {MAX_PARAMETERS}")
    p90 = sorted(lengths)[int(len(lengths) * 0.9)] if lengths else 0
    if p90 > MAX_P90:
        wrong.append(f"{root}: a tenth of the functions has over {p90} lines, at most {MAX_P90}")
    print(
        f"sizes: {len(files)} files, median {statistics.median(files or [0]):.0f}, max {max(files, default=0)} lines;"
        f" {len(lengths)} functions, median {statistics.median(lengths or [0]):.0f}, p90 {p90},"
        f" max {max(lengths, default=0)}"
    )
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
