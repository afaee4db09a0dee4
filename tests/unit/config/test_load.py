"""From a file's text to a Config: what is filled in, and every problem told with what to do."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rung.config import default_config, load_config, parse_config
from rung.config.schema import Config, EndpointConfig, FunctionConfig, LocalConfig
from rung.errors import ConfigError

CALC = {"kind": "symbolic"}
CLOUD = {"kind": "endpoint", "base_url": "https://api.example.com/v1", "model": "m"}


def parse(reasoners: dict[str, Any] | None = None, env: dict[str, str] | None = None, **rest: Any) -> Config:
    return parse_config({"reasoners": reasoners or {"calc": CALC}, **rest}, source="f", env=env or {})


def problems(reasoners: dict[str, Any] | None = None, env: dict[str, str] | None = None, **rest: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(reasoners, env, **rest)
    return caught.value.message.splitlines()


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rung.yaml"
    path.write_text(text)
    return path


def test_the_default_is_the_offline_ladder() -> None:
    config = default_config({})
    assert list(config.reasoners) == ["calc", "brief", "fast", "program", "think", "vote"]
    assert config.server.host == "127.0.0.1"


def test_no_file_means_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(load_config(None, {}).reasoners) == list(default_config({}).reasoners)


def test_the_file_in_the_working_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "reasoners: {only: {kind: symbolic}}")
    monkeypatch.chdir(tmp_path)
    assert list(load_config(None, {}).reasoners) == ["only"]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read"):
        load_config(tmp_path / "nowhere.yaml", {})


@pytest.mark.parametrize("text", ["", "- a", "just words", "5"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="must be a mapping"):
        load_config(write(tmp_path, text), {})


@pytest.mark.parametrize("text", ["reasoners: &a {x: *a}\n", "a: &a [*a, *a]\n", "a: " + "[" * 3000 + "]" * 3000])
def test_a_file_that_nests_without_end(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rung.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="nests without end"):
        load_config(path)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"api_keys": {"ann": ""}}, "f: server.api_keys: ann is empty: "),
        ({"api_keys": {"ann": "  "}}, "f: server.api_keys: ann is empty: "),
        ({"api_keys": {"ann": "x", "bob": "x\n"}}, "f: server.api_keys: ann has the same value as another key: "),
        ({"max_body_mb": float("inf")}, "f: server.max_body_mb: must be a finite number"),
    ],
)
def test_a_server_that_could_not_start_is_told(server: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"reasoners": {"calc": {"kind": "symbolic"}}, "server": server}, source="f")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("headroom", [float("nan"), float("inf"), 0.5])
def test_headroom_is_some(headroom: float) -> None:
    lanes = {"shed": {"headroom": [headroom, 1, 1]}}
    with pytest.raises(ConfigError, match=r"lanes\.shed\.headroom"):
        parse_config({"reasoners": {"calc": {"kind": "symbolic"}}, "lanes": lanes}, source="f")


def test_a_weight_of_a_tenant_that_is_none_is_told() -> None:
    config = {
        "reasoners": {"a": {"kind": "symbolic"}},
        "server": {"api_keys": {"light": "sk-0123456789"}},
        "lanes": {"queue": {"tenant_weights": {"light": 2, "local": 3}}},
    }
    parse_config(config, source="test", env={})
    config["lanes"]["queue"]["tenant_weights"]["ligt"] = 2
    with pytest.raises(
        ConfigError, match=r"tenant_weights: there is no `ligt` among server.api_keys; did you mean `light`"
    ):
        parse_config(config, source="test", env={})


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"pool": "gpu"}, "reasoners.two.pool: there is no `gpu` among lanes.pools"),
        (
            {"path": "/one.gguf", "pool": None},
            "reasoners.two.pool: another than that of `one`, which is the same model",
        ),
    ],
)
def test_models_of_one_processor(second: dict[str, Any], said: str) -> None:
    one = {"kind": "local", "path": "/one.gguf", "pool": "cpu"}
    two = {"kind": "local", "path": "/two.gguf", "pool": "cpu", **second}
    assert problems({"one": one, "two": two}, lanes={"pools": {"cpu": 2}}) == [f"f: {said}"]


@pytest.mark.parametrize("lanes", [{"pools": {"p": 0}}, {"queue": {"tenant_weights": {"ann": 0}}}])
def test_nobody_has_no_place_and_no_share(lanes: dict[str, Any]) -> None:
    (said,) = problems(lanes=lanes)
    assert "must be greater than" in said


def test_an_entry_that_is_no_mapping_is_told_how_to_be_one() -> None:
    with pytest.raises(ConfigError, match=r"reasoners\.calc: must be a mapping"):
        parse_config({"reasoners": {"calc": "symbolic"}}, source="f")


def test_broken_yaml_is_told_in_one_line_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML.*line 2") as caught:
        load_config(write(tmp_path, "reasoners:\n  a: {kind: symbolic"), {})
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "line",
    ["sk-one: x", '"sk-one', "@sk-one", "\tsk-one", "'sk-one' x", "*sk-one", "!sk-one'", "!!sk-one", "!sk-one!x"],
)
def test_broken_yaml_is_not_quoted_since_it_may_hold_a_key(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML.*line 4, column") as caught:
        load_config(write(tmp_path, f"reasoners:\n  a:\n    kind: endpoint\n    api_key: {line}\n"), {})
    assert "sk-one" not in str(caught.value)


def test_a_key_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    """YAML would take the second and lose the first."""
    text = "reasoners:\n  a: {kind: symbolic}\n  a: {kind: function, call: 'm:f'}\n"
    with pytest.raises(ConfigError, match=r"the key `a` stands twice.*line 3"):
        load_config(write(tmp_path, text), {})


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    text = (
        "reasoners:\n"
        "  a: &cloud {kind: endpoint, base_url: 'https://a.example/v1', model: small}\n"
        "  b: {<<: *cloud, model: large}\n"
    )
    config = load_config(write(tmp_path, text), {})
    assert [e.model for e in config.reasoners.values() if isinstance(e, EndpointConfig)] == ["small", "large"]


@pytest.mark.parametrize("text", ["${KEY}", "os.environ/KEY", "${NOT_SET:-s3cret}"])
def test_variables_are_filled_in(text: str) -> None:
    entry = parse({"cloud": {**CLOUD, "api_key": text}}, {"KEY": "s3cret"}).reasoners["cloud"]
    assert isinstance(entry, EndpointConfig)
    assert entry.api_key is not None
    assert entry.api_key.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(entry)


def test_a_variable_within_a_text_and_numbers_from_variables() -> None:
    config = parse(
        {"cloud": {**CLOUD, "base_url": "http://${HOST}:9/v1"}}, {"HOST": "h", "P": "81"}, server={"port": "${P}"}
    )
    entry = config.reasoners["cloud"]
    assert isinstance(entry, EndpointConfig)
    assert entry.base_url == "http://h:9/v1"
    assert config.server.port == 81


def test_what_a_variable_holds_is_not_filled_in_again() -> None:
    entry = parse({"cloud": {**CLOUD, "model": "${A}"}}, {"A": "${B}", "B": "no"}).reasoners["cloud"]
    assert isinstance(entry, EndpointConfig)
    assert entry.model == "${B}"


@pytest.mark.parametrize("text", ["${MY-KEY}", "${A-b}", "${A:-${B}}", "x${A", "os.environ/MY-KEY"])
def test_what_was_meant_for_a_variable_is_not_taken_as_it_stands(text: str) -> None:
    (problem,) = problems({"cloud": {**CLOUD, "api_key": text}}, {"A": "a", "B": "b"})
    assert problem.startswith("f: reasoners.cloud.api_key: names no variable that can be read: write ${NAME}")


@pytest.mark.parametrize("env", [{}, {"KEY": ""}])
def test_a_variable_that_is_not_set_is_named_with_its_place(env: dict[str, str]) -> None:
    (problem,) = problems({"cloud": {**CLOUD, "api_key": "${KEY}"}}, env)
    assert problem.startswith("f: reasoners.cloud.api_key: the environment variable KEY is not set")


def test_an_unset_variable_hides_no_other_problem_and_counts_once() -> None:
    found = problems({"cloud": {**CLOUD, "base_url": "${WHERE}"}, "b": {"kind": "brief", "of": "cluod"}})
    assert [p.split(": ")[1] for p in found] == ["reasoners.cloud.base_url", "reasoners.b.of"]
    assert [p.split(": ")[1] for p in problems(server={"port": "${PORT}", "prot": 1})] == ["server.port", "server.prot"]
    keys = problems(server={"api_keys": {"anna": "${ANNA}", "ben": "${BEN}"}})
    assert [p.split(": ")[1] for p in keys] == ["server.api_keys.anna", "server.api_keys.ben"]


@pytest.mark.parametrize(
    ("reasoners", "rest", "said"),
    [
        (None, {"sever": {}}, "sever: unknown key; did you mean `server`?"),
        (None, {"server": {"prot": 1}}, "server.prot: unknown key; did you mean `port`?"),
        (None, {"cache": {"exact": {"max": 1}}}, "cache.exact.max: unknown key; did you mean `max_mb`?"),
        (None, {"wishes": {}}, "wishes: unknown key; known here: cache, "),
        ({"c": {**CALC, "worker": 1}}, {}, "reasoners.c.worker: unknown key; did you mean `workers`?"),
        # A reasoner that is named as its kind is, as most are.
        ({"vote": {"kind": "vote", "of": "c", "sample": 3}, "c": CLOUD}, {}, "reasoners.vote.sample: unknown key; did"),
        ({"c": {**CLOUD, "price": {"input_usd": 1}}}, {}, "reasoners.c.price.input_usd: unknown key; did you mean `in"),
        ({"c": {**CLOUD, "timeouts": {"conect_s": 1}}}, {}, "reasoners.c.timeouts.conect_s: unknown key; did you mean"),
    ],
)
def test_an_unknown_key_names_the_nearest(reasoners: dict[str, Any] | None, rest: dict[str, Any], said: str) -> None:
    (problem,) = problems(reasoners, **rest)
    assert problem.startswith(f"f: {said}")


@pytest.mark.parametrize(
    ("reasoners", "said"),
    [
        ({"a": {"kind": "endpint"}}, "reasoners.a: `kind` must be one of brief, code, endpoint, extract, function, "),
        ({"a": {}}, "reasoners.a: `kind` must be one of"),
        ({"a": {"kind": "brief"}}, "reasoners.a.of: is missing"),
        ({"brief": {"kind": "brief"}}, "reasoners.brief.of: is missing"),
        ({"a": 5}, "reasoners.a: "),
        ({1: CALC}, "reasoners.1: "),
        ({"a": {**CALC, "strength": 2}}, "reasoners.a.strength: must be less than or equal to 1"),
        ({"a": {"kind": "local"}}, "reasoners.a: give either `model`"),
        ({"a": {"kind": "local", "model": "m", "path": "p"}}, "reasoners.a: give either `model`"),
        ({"auto": CALC}, "reasoners.auto: this name cannot be used"),
        ({"a b": CALC}, "reasoners.a b: this name cannot be used"),
        ({"c": {**CALC, "auto": False}}, "reasoners: at least one must have `auto: true`"),
        ({"a": {"kind": "think", "of": "fsat"}, "fast": CLOUD}, "reasoners.a.of: there is no reasoner `fsat`; did you"),
        ({"a": {"kind": "vote", "of": "c"}, "c": CALC}, "reasoners.a.of: `c` is symbolic; vote needs a language model"),
        ({"a": {"kind": "vote", "of": "a"}}, "reasoners.a.of: goes round in a circle: a -> a"),
        ({"a": {**CLOUD, "base_url": "api.example.com/v1"}}, "reasoners.a.base_url: `api.example.com/v1` is no web"),
        ({"a": {**CLOUD, "base_url": "http://[::1/v1"}}, "reasoners.a.base_url: `http://[::1/v1` is no web address"),
        ({"a": {**CLOUD, "base_url": "ftp://a/v1"}}, "reasoners.a.base_url: `ftp://a/v1` is no web address"),
        ({"a": {**CLOUD, "base_url": "http://"}}, "reasoners.a.base_url: `http://` is no web address"),
        ({"a": {**CLOUD, "base_urls": ["http://a/v1", "b"]}}, "reasoners.a.base_url: `b` is no web address"),
        ({"a": {"kind": "endpoint", "model": "m", "base_urls": {"eu": "http://a"}}}, "reasoners.a.base_urls: must be"),
        ({"a": {**CLOUD, "base_urls": {"eu": "http://a"}}}, "reasoners.a.base_urls: must be a list"),
        ({"a": {**CLOUD, "headers": {"x": "1\r\nhost: b"}}}, "reasoners.a.headers: 'x': a header has one line"),
        ({"a": {**CLOUD, "base_url": "http://a..b/v1"}}, "reasoners.a.base_url: `http://a..b/v1` is no web address"),
        ({"a": {**CLOUD, "base_url": "http://a:99999/v1"}}, "reasoners.a.base_url: `http://a:99999/v1` is no web"),
        ({"a": {**CLOUD, "base_url": "http://a:b/v1"}}, "reasoners.a.base_url: `http://a:b/v1` is no web address"),
        ({"a": {**CLOUD, "base_url": "http:///v1"}}, "reasoners.a.base_url: `http:///v1` is no web address"),
        ({"a": {**CLOUD, "api_key": "sk\r\nX: 1"}}, "reasoners.a.api_key: a key has one line"),
        ({"a": {**CLOUD, "api_keys": ["sk", "s\x00k"]}}, "reasoners.a.api_keys: a key has one line"),
        ({"a": {**CLOUD, "base_url": "http://h/v1/chat/completions/"}}, "reasoners.a.base_url: leave out the `/chat"),
    ],
)
def test_a_wrong_reasoner_is_told_with_its_place(reasoners: dict[str, Any], said: str) -> None:
    found = problems(reasoners)
    assert found[0].startswith(f"f: {said}")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        ({"reasoner": "clout"}, "f: judge.reasoner: there is no `clout` among reasoners; did you mean `cloud`?"),
        (
            {"reasoner": "xyz"},
            "f: judge.reasoner: there is no `xyz` among reasoners; add it there, with `auto: false` if it is only to "
            "judge",
        ),
        (
            {"reasoner": "calc"},
            "f: judge.reasoner: `calc` is of kind symbolic, which cannot say yes or no of an answer; name a local "
            "model, an endpoint or a function",
        ),
        (
            {"reasoner": "think"},
            "f: judge.reasoner: `think` is of kind think, which cannot say yes or no of an answer; name a local model, "
            "an endpoint or a function",
        ),
        ({"reasoner": "cloud", "tell": 0.8}, "f: judge.tell: unknown key; did you mean `tells`?"),
        ({"reasoner": 3}, "f: judge.reasoner: must be text: put it in quotes"),
    ],
)
def test_a_wrong_judge_is_told(judge: dict[str, Any], said: str) -> None:
    reasoners = {"calc": CALC, "cloud": CLOUD, "think": {"kind": "think", "of": "cloud"}}
    assert problems(reasoners, judge=judge) == [said]


def test_a_judge_tells_a_number() -> None:
    (said,) = problems({"cloud": CLOUD}, judge={"reasoner": "cloud", "tells": float("nan")})
    assert said.startswith("f: judge.tells: must be a finite number")


@pytest.mark.parametrize("tells", [0.49, 1.0, 80, -0.5])
def test_a_judge_tells_between_nothing_and_all(tells: float) -> None:
    (said,) = problems({"cloud": CLOUD}, judge={"reasoner": "cloud", "tells": tells})
    assert said.startswith("f: judge.tells: must be at least 0.5, which tells nothing, and below 1, not ")
    assert "give the mean of the share of right answers that it says yes to and" in said


def test_nobody_judges_unless_named_and_who_does_need_not_be_on_the_ladder() -> None:
    assert parse().judge.reasoner is None
    named = parse({"calc": CALC, "cloud": {**CLOUD, "auto": False}}, judge={"reasoner": "cloud", "tells": 0.5})
    assert (named.judge.reasoner, named.judge.tells) == ("cloud", 0.5)


def test_a_circle_is_told_at_each_of_its_members() -> None:
    found = problems({"a": {"kind": "brief", "of": "b"}, "b": {"kind": "think", "of": "a"}})
    assert [p.split(": ")[1] for p in found] == ["reasoners.a.of", "reasoners.b.of"]


def test_every_problem_is_told_at_once() -> None:
    found = problems(
        {"a": {**CALC, "workers": 0}, "b": {**CLOUD, "modle": "x"}}, server={"port": "x"}, log={"level": "loud"}
    )
    assert [p.split(": ")[1] for p in found] == [
        "reasoners.a.workers",
        "reasoners.b.modle",
        "server.port",
        "log.level",
    ]


def test_a_secret_never_stands_in_a_message() -> None:
    found = problems({"c": {**CLOUD, "api_key": ["hidden-one"]}}, server={"api_keys": {"a": ["hidden-two"]}})
    found += problems(
        {"c": {**CLOUD, "base_url": "ftp://me:hidden-three@here"}, "d": {**CLOUD, "base_url": "me:hidden-f@a"}}
    )
    assert len(found) == 4
    assert "hidden" not in "".join(found)


@pytest.mark.parametrize(
    ("env", "models", "ledger"),
    [
        ({"HOME": "/h"}, "/h/.cache/rung/models", "/h/.local/state/rung/ledger.db"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c/rung/models", "/s/rung/ledger.db"),
        ({"RUNG_CACHE": "/rc", "RUNG_STATE": "/rs", "XDG_CACHE_HOME": "/c"}, "/rc/models", "/rs/ledger.db"),
    ],
)
def test_places_that_were_not_named(env: dict[str, str], models: str, ledger: str) -> None:
    config = parse(env=env)
    assert config.models_dir == Path(models)
    assert config.ledger.path == Path(ledger)


def test_places_that_were_named_stay() -> None:
    config = parse(env={"HOME": "/h"}, models_dir="/m", ledger={"path": "/l/x.db"})
    assert config.models_dir == Path("/m")
    assert config.ledger.path == Path("/l/x.db")


def test_a_config_does_not_change() -> None:
    config = parse({"fast": {"kind": "local", "model": "m"}})
    entry = config.reasoners["fast"]
    assert isinstance(entry, LocalConfig)
    with pytest.raises(ValueError, match="frozen"):
        entry.slots = 3  # type: ignore[misc]


_KEYS = st.sampled_from(["reasoners", "server", "kind", "of", "symbolic", "brief", "port", "price", "a", "", "auto"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _KEYS | st.text(max_size=8) | st.just("${X}"),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_whatever_the_file_holds_the_answer_is_a_config_or_a_config_error(raw: dict[str, Any]) -> None:
    said = ""
    try:
        parse_config(raw, source="f", env={})
    except ConfigError as error:
        said = error.message
    assert all(line.startswith("f: ") for line in said.splitlines())


@given(text=st.text(max_size=60))
def test_whatever_text_the_file_holds(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError):
        load_config(path, {})


def test_the_example_of_the_reference_is_read_as_yaml_reads_it(tmp_path: Path) -> None:
    raw = {"reasoners": {"calc": CALC, "cloud": CLOUD}, "cache": {"exact": {"max_mb": 1}}}
    config = load_config(write(tmp_path, yaml.safe_dump(raw)), {})
    assert config.cache.exact.max_mb == 1.0


def test_steps_leave_room_to_read_a_prompt() -> None:
    local = {"kind": "local", "model": "m", "slots": 20}
    (said,) = [line for line in problems({"fast": local}) if "step_tokens" in line]
    assert "must be at least 40, twice `slots`" in said
    assert parse({"fast": {**local, "step_tokens": 40}})


def test_files_of_ones_own_are_found_from_the_configs_folder(tmp_path: Path) -> None:
    entries = {
        name: {"kind": "function", "call": call} for name, call in (("f", "own/a.py:b"), ("m", "a.b:c"), ("e", "x"))
    }
    (tmp_path / "rung.yaml").write_text(yaml.safe_dump({"reasoners": entries}))
    calls = {name: entry.call for name, entry in load_config(tmp_path / "rung.yaml", {}).reasoners.items()}  # type: ignore[union-attr]
    assert calls == {"f": f"{tmp_path.resolve()}/own/a.py:b", "m": "a.b:c", "e": "x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reasoners:\n\tcalc: {kind: symbolic}", "indent with blanks, not with tabs"),
        ("reasoners: {a: {kind: endpoint, api_key: ${KEY}}}", 'put quotes around a variable: "${NAME}"'),
        ("reasoners:\n  a: {kind: symbolic}\n b: {kind: symbolic}", "begin in the same column"),
        ("reasoners: {a: {kind: symbolic}}\nmodels_dir: a: b", "goes in quotes"),
        ("reasoners: {}", "reasoners: is empty: name at least one"),
        ("reasoners: {a: {kind: symbolc}}", "did you mean `symbolic`?"),
        ("reasoners: {a: {kind: Local}}", "did you mean `local`?"),
        ("reasoners: {1: {kind: symbolic}}", "reasoners.1: must be text: put it in quotes"),
        ("reasoners: {a: {kind: symbolic, workers: two}}", "reasoners.a.workers: must be a whole number"),
        ("reasoners: {a: {kind: symbolic, workers: 1.5}}", "reasoners.a.workers: must be a whole number"),
        ("reasoners: {a: {kind: symbolic, auto: maybe}}", "reasoners.a.auto: must be true or false"),
        ("reasoners: {a: {kind: symbolic}}\nserver: {preset: bst}", "server.preset: must be 'economy', 'balanced' or"),
        ("reasoners: {a: {kind: local, model: 2025-13-01}}", "line 1"),
        ("reasoners: {a: {kind: symbolic}}\nserver: {port: " + "8" * 5000 + "}", "line 2"),
        ("reasoners: {a: {kind: symbolic}}\nserver: {open: !!bool so}", "cannot be read as"),
        ("reasoners: !!map [a]", "expected a mapping"),
        ("reasoners: {a: !!int ''}", "cannot be read as"),
        ("reasoners: {a: {kind: symbolic}}\nlanes: {shed: {headroom: 4}}", "must be a list"),
    ],
)
def test_the_usual_mistakes_are_told_in_plain_words(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rung.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert said in caught.value.message
    assert "unicode string" not in caught.value.message


@pytest.mark.parametrize(
    ("what", "said"),
    [("nothing", "`rung init` writes one"), ("folder", "Is a directory"), ("latin", "no text in UTF-8")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, what: str, said: str) -> None:
    path = tmp_path / "rung.yaml"
    if what == "folder":
        path.mkdir()
    if what == "latin":
        path.write_bytes(b"reasoners: {b\xe4r: {kind: symbolic}}")
    with pytest.raises(ConfigError, match=said) as caught:
        load_config(path, {})
    assert caught.value.message.count(str(path)) == 1


def test_a_tilde_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rung.yaml").write_text(
        "reasoners:\n  own: {kind: local, path: ~/own.gguf}\n  mine: {kind: function, call: '~/mine.py:answer'}\n"
        "ledger: {path: ~/ledger.db}\nmodels_dir: ~/models\n"
    )
    config = load_config(tmp_path / "rung.yaml", {})
    own, mine = config.reasoners["own"], config.reasoners["mine"]
    assert isinstance(own, LocalConfig)
    assert isinstance(mine, FunctionConfig)
    assert (own.path, config.ledger.path) == (tmp_path / "own.gguf", tmp_path / "ledger.db")
    assert (config.models_dir, mine.call) == (tmp_path / "models", f"{tmp_path}/mine.py:answer")


def test_the_home_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.path: `~nosuchuser/l\.db`: whose home"):
        parse_config({"reasoners": {"a": CALC}, "ledger": {"path": "~nosuchuser/l.db"}}, source="f", env={})
    path = tmp_path / "rung.yaml"
    path.write_text("reasoners: {mine: {kind: function, call: '~nosuchuser/mine.py:answer'}}")
    with pytest.raises(ConfigError, match=r"reasoners\.mine\.call: `~nosuchuser/mine\.py:answer`: whose home"):
        load_config(path, {})
