"""From a file's text to a checked Config; every problem is told at once, with what to do about it."""

import os
import re
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ValidationError

from rung.config.schema import Config, EndpointConfig, FunctionConfig, LocalConfig, ReasonerBase, shown
from rung.errors import ConfigError, did_you_mean, why_unread
from rung.types import LOCAL_TENANT

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|^os\.environ/([A-Za-z_][A-Za-z0-9_]*)$")
_MEANT_FOR_ONE = re.compile(r"\$\{|^os\.environ/")
_RESERVED = {"auto", "unknown", "rung"}
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}")

# What PyYAML takes a value that begins with *, & or ! for, and then quotes: it may be a key.
_MARKED = re.compile(r"(alias|anchor|the tag|tag handle) ['\"].*['\"]")
# What PyYAML says of a mistake -> what to do.
_HINTS = {
    r"found character '\t'": "; indent with blanks, not with tabs",
    "but got '{'": '; within braces put quotes around a variable: "${NAME}"',
    "<block mapping start>": "; keys that belong together begin in the same column",
    **dict.fromkeys(
        ("undefined alias", "duplicate anchor", "for the tag", "tag handle"),
        "; a value that begins with `*`, `&` or `!` goes in quotes",
    ),
    "mapping values are not allowed": "; a value with a colon and a blank in it goes in quotes",
}
# Pydantic's kinds of problem that say too little.
_PROBLEMS = {
    "string_type": "must be text: put it in quotes",
    "path_type": "must be a path: put it in quotes",
    "too_short": "is empty: name at least one, as in {calc: {kind: symbolic}}",
    "tuple_type": "must be a list: [one, another]",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
}

# The offline floor: exact mathematics, then one small model asked in five ways.
DEFAULT: dict[str, Any] = {
    "reasoners": {
        "calc": {"kind": "symbolic"},
        "brief": {"kind": "brief", "of": "fast"},
        "fast": {"kind": "local", "model": "qwen2.5-coder-1.5b-instruct"},
        "program": {"kind": "program", "of": "fast"},
        "think": {"kind": "think", "of": "fast"},
        "vote": {"kind": "vote", "of": "fast", "samples": 3},
    }
}


def default_config(env: Mapping[str, str] | None = None) -> Config:
    """What serves when there is no file."""
    return parse_config(DEFAULT, source="the built-in default", env=env)


def load_config(path: Path | None, env: Mapping[str, str] | None = None) -> Config:
    """The Config in `path`; without one, `rung.yaml` here if it exists, else the default.

    Raises ConfigError naming the file and every problem in it.
    """
    if path is None:
        path = Path("rung.yaml")
        if not path.exists():
            return default_config(env)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: cannot be read: there is no such file; `rung init` writes one") from e
    except OSError as e:
        raise ConfigError(f"{path}: cannot be read: {why_unread(e)}") from e
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: cannot be read: {why_unread(e)}; save it as that") from e
    try:
        return _with_files(parse_config(_mapping(text, path), source=str(path), env=env), path.parent)
    except RecursionError:
        raise ConfigError(
            f"{path}: nests without end; an alias (`*name`) may not stand inside what it is a name for"
        ) from None


def _mapping(text: str, path: Path) -> dict[Any, Any]:
    try:
        # From a stream: of a text PyYAML's errors quote the line, which may hold a key, and a reload's are logged.
        raw = yaml.load(StringIO(text), _Loader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as e:
        raise ConfigError(f"{path}: is not YAML: {_not_yaml(str(e))}") from e
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: must be a mapping with at least `reasoners:`; `rung init` writes one to start from")
    return raw


def _not_yaml(said: str) -> str:
    """PyYAML's words, and what to do about the mistakes that are made most."""
    hint = next((hint for mark, hint in _HINTS.items() if mark in said), "")
    said = _MARKED.sub(r"\1", said)
    return " ".join(said.replace('in "<file>", line', "in line").split()) + hint


def parse_config(raw: Mapping[str, Any], *, source: str, env: Mapping[str, str] | None = None) -> Config:
    """A checked Config from plain values; `source` begins every message. `env` is the process's own if not given."""
    env = os.environ if env is None else env
    unset: dict[str, str] = {}
    filled = _fill(raw, env, "", unset)
    problems = [f"{where}: {problem}" for where, problem in unset.items()]
    try:
        config = Config.model_validate(filled)
    except ValidationError as e:
        problems += [f"{where}: {problem}" for where, problem in _explain(e, raw) if where not in unset]
    else:
        problems += [p for p in _cross_check(config) if p.partition(": ")[0] not in unset]
        if not problems:
            return _with_places(config, env)
    raise ConfigError("\n".join(f"{source}: {problem}" for problem in problems))


class _Loader(yaml.SafeLoader):
    """YAML as it is meant to be safe, and no key twice: the first of two would be lost without a word."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as e:  # a thirteenth month, a number of thousands of digits
            problem = f"this cannot be read as `{node.tag.rpartition(':')[2]}` (quotes make it text)"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from e

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key.value, str) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key `{key.value}` stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _fill(value: Any, env: Mapping[str, str], where: str, unset: dict[str, str]) -> Any:
    """`value` with ${NAME}, ${NAME:-default} and os.environ/NAME replaced; `unset` gets place -> problem."""
    if isinstance(value, Mapping):
        return {k: _fill(v, env, f"{where}.{k}" if where else str(k), unset) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, env, f"{where}.{i}", unset) for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        name, default = match[1] or match[3], match[2]
        if env.get(name):
            return env[name]
        if default is not None:
            return default
        unset[where] = f"the environment variable {name} is not set; set it, or take this entry out"
        return match[0]  # so that nobody finds it empty besides

    if _MEANT_FOR_ONE.search(_VARIABLE.sub("", value)):
        unset[where] = "names no variable that can be read: write ${NAME}, ${NAME:-default} or os.environ/NAME"
    return _VARIABLE.sub(one, value)


def _explain(error: ValidationError, raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Place and problem of each."""
    for problem in error.errors(include_input=False, include_url=False):
        path = [str(p) for p in problem["loc"]]
        if path[:1] == ["reasoners"] and len(path) > 2:
            del path[2]  # the kind, by which pydantic chose among the reasoners
        where = ".".join(path) or "the file"
        if problem["type"] == "extra_forbidden":
            yield where, _unknown_key(path, raw)
        elif problem["type"] == "missing":
            yield where, "is missing"
        elif problem["type"] in {"union_tag_invalid", "union_tag_not_found"}:
            hint = did_you_mean(str(problem["ctx"].get("tag", "")).lower(), _kinds())
            yield where, f"`kind` must be one of {', '.join(sorted(_kinds()))}{hint and f'; {hint}'}"
        elif problem["type"] in {"model_type", "model_attributes_type", "dict_type"}:
            yield where, "must be a mapping, with its keys and values below it or in braces: {key: value}"
        elif problem["type"] == "value_error":
            yield where, str(problem["ctx"]["error"])
        else:
            yield where, _PROBLEMS.get(problem["type"]) or problem["msg"].replace("Input should", "must", 1)


def _kinds() -> dict[str, type[ReasonerBase]]:
    kinds: dict[str, type[ReasonerBase]] = {}
    for section in ReasonerBase.__subclasses__():
        annotation: Any = section.model_fields["kind"].annotation  # Literal["..."]
        kinds[get_args(annotation)[0]] = section
    return kinds


def _unknown_key(path: list[str], raw: Mapping[str, Any]) -> str:
    known = sorted(_known_keys(path[:-1], raw))
    hint = did_you_mean(path[-1], known, f"known here: {', '.join(known)}", cutoff=0.5)
    return f"unknown key; {hint}"


def _known_keys(path: list[str], raw: Mapping[str, Any]) -> set[str]:
    """The keys allowed at a place of the file, found by walking the schema along it."""
    model: type[BaseModel] = Config
    rest = list(path)
    if len(rest) >= 2 and rest[0] == "reasoners":
        entry = raw.get("reasoners", {}).get(rest[1], {})
        kind = entry.get("kind") if isinstance(entry, Mapping) else None
        model = _kinds().get(str(kind), Config)
        rest = rest[2:]
    for name in rest:
        field = model.model_fields.get(name)
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return set(model.model_fields)


def _cross_check(config: Config) -> Iterator[str]:
    for name, reasoner in config.reasoners.items():
        where = f"reasoners.{name}"
        if name in _RESERVED or not _NAME.fullmatch(name):
            yield (
                f"{where}: this name cannot be used; take letters, digits, dot, dash and underscore,"
                f" and none of {', '.join(sorted(_RESERVED))}"
            )
        if isinstance(reasoner, LocalConfig) and (reasoner.model is None) == (reasoner.path is None):
            yield f"{where}: give either `model` (a name from `rung models`) or `path` (a .gguf file)"
        if isinstance(reasoner, EndpointConfig):
            for address in reasoner.addresses:
                yield from _check_address(f"{where}.base_url", address)
        if isinstance(reasoner, LocalConfig | EndpointConfig):
            yield from _check_pool(config, reasoner, f"{where}.pool")
        below = getattr(reasoner, "of", None)
        if below is not None:
            yield from _check_below(config, name, below)
    for tenant in config.lanes.queue.tenant_weights:
        if tenant not in config.server.api_keys and tenant != LOCAL_TENANT:
            hint = did_you_mean(tenant, config.server.api_keys, "a tenant is a key's name", cutoff=0.5)
            yield f"lanes.queue.tenant_weights: there is no `{tenant}` among server.api_keys; {hint}"
    if config.judge.reasoner is not None:
        yield from _check_judge(config, config.judge.reasoner)
    if not any(r.auto for r in config.reasoners.values()):
        yield "reasoners: at least one must have `auto: true`"


def _check_pool(config: Config, entry: LocalConfig | EndpointConfig, where: str) -> Iterator[str]:
    if entry.pool is not None and entry.pool not in config.lanes.pools:
        yield f"{where}: there is no `{entry.pool}` among lanes.pools"
        return
    if not isinstance(entry, LocalConfig):
        return
    for name, other in config.reasoners.items():
        if isinstance(other, LocalConfig) and (other.model, other.path) == (entry.model, entry.path):
            if entry.pool != other.pool:
                yield f"{where}: another than that of `{name}`, which is the same model"
            return


def _check_address(where: str, base_url: str) -> Iterator[str]:
    try:
        address = urlsplit(base_url)
        possible = address.port != 0 and bool((address.hostname or "").replace(":", "").encode("idna"))
    except ValueError:
        possible = False
    if not possible or address.scheme not in {"http", "https"}:
        yield f"{where}: `{shown(base_url)}` is no web address; write e.g. https://api.openai.com/v1"
    elif address.path.rstrip("/").endswith("/chat/completions"):
        yield f"{where}: leave out the `/chat/completions` at its end"


def _check_judge(config: Config, name: str) -> Iterator[str]:
    judge = config.reasoners.get(name)
    if judge is None:
        otherwise = "add it there, with `auto: false` if it is only to judge"
        hint = did_you_mean(name, config.reasoners, otherwise, cutoff=0.5)
        yield f"judge.reasoner: there is no `{name}` among reasoners; {hint}"
    elif not isinstance(judge, LocalConfig | EndpointConfig | FunctionConfig):
        yield (
            f"judge.reasoner: `{name}` is of kind {judge.kind}, which cannot say yes or no of an answer; name a local "
            "model, an endpoint or a function"
        )


def _check_below(config: Config, name: str, below: str) -> Iterator[str]:
    where = f"reasoners.{name}.of"
    seen = [name]
    while below in config.reasoners and below not in seen:
        seen.append(below)
        below = getattr(config.reasoners[below], "of", "")
    if below in seen:
        yield f"{where}: goes round in a circle: {' -> '.join([*seen, below])}"
    elif below:
        hint = did_you_mean(below, config.reasoners, cutoff=0.5)
        yield f"{where}: there is no reasoner `{below}`{hint and f'; {hint}'}"
    elif config.reasoners[seen[-1]].kind == "symbolic":
        yield f"{where}: `{seen[-1]}` is symbolic; {config.reasoners[name].kind} needs a language model below it"


def _with_files(config: Config, folder: Path) -> Config:
    """`config` with the files of one's own code found from `folder`."""
    reasoners = {
        name: entry.model_copy(update={"call": str((folder / entry.call).resolve())})
        if isinstance(entry, FunctionConfig) and ".py:" in entry.call
        else entry
        for name, entry in config.reasoners.items()
    }
    return config.model_copy(update={"reasoners": reasoners})


def _with_places(config: Config, env: Mapping[str, str]) -> Config:
    """`config` with the places that were not named: RUNG_CACHE, RUNG_STATE, XDG's, or the home's."""
    home = Path(env.get("HOME") or Path.home())
    cache = Path(env.get("RUNG_CACHE") or Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "rung")
    state = Path(env.get("RUNG_STATE") or Path(env.get("XDG_STATE_HOME") or home / ".local" / "state") / "rung")
    ledger = config.ledger.model_copy(update={"path": config.ledger.path or state / "ledger.db"})
    assert ledger.path is not None
    calibration = config.estimates.calibration or ledger.path.parent / "calibration.json"
    return config.model_copy(
        update={
            "models_dir": config.models_dir or cache / "models",
            "ledger": ledger,
            "estimates": config.estimates.model_copy(update={"calibration": calibration}),
        }
    )
