"""Writes docs/reference/config.md from the schema, whose descriptions are its text.

usage: config_reference.py            writes it
       config_reference.py --check    exit 1 if it is not what would be written
"""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from rung.config.schema import Config, ReasonerBase

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "config.md"

HEAD = """\
# rung.yaml

<!-- Written by scripts/config_reference.py from src/rung/config/schema.py: change the descriptions there. -->

`rung serve` reads `./rung.yaml`, or the file named by `--config`; without one the built-in ladder serves. `rung init`
writes a file to start from, `rung validate` names every problem in one. A file holds `reasoners`, the ladder, and as
much of the rest as should differ from the defaults.

- `${NAME}`, `${NAME:-default}` and `os.environ/NAME` are replaced by environment variables, anywhere in a value. A
  variable that is not set is an error.
- An unknown key is an error that names the nearest known one. A key that stands twice is an error.
- An edit takes effect when the file changes, or on SIGHUP: whole, without losing a request, or not at all, with the
  reason in the log. `server.host`, `server.port`, `ledger.path`, `machine.memory_mb` and `log` need a restart.
- Paths are looked for from the folder in which Rung is started, a function's `file.py` from this file's; `~` is your
  home.
- Files go where `models_dir` and `ledger.path` say; else to `RUNG_CACHE` and `RUNG_STATE`, or to `rung` in the user's
  cache and state folders (`XDG_CACHE_HOME`, `XDG_STATE_HOME`).

```yaml
reasoners:
  calc:  {kind: symbolic}
  brief: {kind: brief, of: fast}
  fast:  {kind: local, model: qwen2.5-coder-1.5b-instruct}
  vote:  {kind: vote, of: fast, samples: 3}
  cloud:
    kind: endpoint
    base_url: https://api.openai.com/v1
    model: gpt-4.1-mini
    api_key: ${OPENAI_API_KEY}
    price: {input_usd_per_mtok: 0.40, output_usd_per_mtok: 1.60}
```

The price in this example is only an example.
"""


def page() -> str:
    parts = [HEAD, "\n## Everything\n\n", _table(Config), *_sections(Config, "")]
    parts.append(
        "\n## reasoners\n\nEach entry is a name of your own and what stands there. `kind` says which of these it is."
        " Names are letters, digits, `.`, `-` and `_`; `auto`, `unknown` and `rung` are taken. Common to all:\n\n"
    )
    parts.append(_table(ReasonerBase))
    for kind in ReasonerBase.__subclasses__():
        name = get_args(kind.model_fields["kind"].annotation)[0]
        own = [field for field in kind.model_fields if field not in ReasonerBase.model_fields and field != "kind"]
        parts.append(f"\n### kind: {name}\n\n{kind.__doc__}\n\n{_table(kind, own)}")
        parts += _sections(kind, "##", own)
    return "".join(parts)


def _sections(model: type[BaseModel], deeper: str, fields: list[str] | None = None, under: str = "") -> Iterator[str]:
    """A table for each section within `model`, and for those within it."""
    for name in fields or model.model_fields:
        below = model.model_fields[name].annotation
        if isinstance(below, type) and issubclass(below, BaseModel):
            path = f"{under}{name}"
            about = f"{cleandoc(below.__doc__)}\n\n" if below.__doc__ else ""
            yield f"\n##{deeper} {path}\n\n{about}{_table(below)}"
            yield from _sections(below, deeper, under=f"{path}.")


def _table(model: type[BaseModel], fields: list[str] | None = None) -> str:
    rows = [
        f"| `{name}` | {_type(field.annotation)}{_bounds(field)} | {_default(field)} | {field.description} |"
        for name, field in model.model_fields.items()
        if fields is None or name in fields
    ]
    return "\n".join(["| key | value | default | what |", "|---|---|---|---|", *rows, ""]) if rows else ""


_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "text, kept secret",
}


def _type(annotation: Any) -> str:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    origin, args = get_origin(annotation), get_args(annotation)
    known = [arg for arg in args if arg is not type(None)]
    said = "a reasoner"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        said = "see below"
    elif origin is Literal:
        said = " or ".join(f"`{value}`" for value in args)
    elif origin is dict:
        said = f"name -> {_type(args[1])}"
    elif origin is tuple:
        said = f"list of {_type(args[0])}" if Ellipsis in args else f"list of {len(args)}, each a {_type(args[0])}"
    elif origin in {Union, UnionType} and len(known) == 1:
        said = _type(known[0])
    elif origin is Annotated:
        said = f"{_type(args[0])}{_bounds(args[1])}"
    return said


def _bounds(field: FieldInfo) -> str:
    said = []
    for bound in field.metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if (value := getattr(bound, name, None)) is not None:
                said.append(f"{sign} {value:g}")
    return f", {', '.join(said)}" if said else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.default
    if isinstance(value, BaseModel):
        return ""
    if value in (None, {}, ()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{one:g}' for one in value)}]`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def main(args: list[str]) -> int:
    text = page()
    if args == ["--check"]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print(f"{PAGE.name} is not up to date: run scripts/config_reference.py", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
