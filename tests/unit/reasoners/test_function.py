import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs

from rung.config.schema import FunctionConfig
from rung.errors import Abstained, BadRequest, ConfigError, Malformed, Unavailable, Upstream
from rung.reasoners.base import closing, collect
from rung.reasoners.function import Function
from rung.types import Answer, Call, Choice, Chunk, Usage

MESSAGES = [{"role": "user", "content": "private"}]
CALL = Call(id="1", body={"messages": MESSAGES}, deadline_s=0.0)

Made = Callable[..., Function]


@pytest.fixture
def made() -> Iterator[Made]:
    """A Function over whatever it is given, as if it stood in a module of the user's."""
    module = ModuleType("users_own")
    sys.modules["users_own"] = module

    def make(what: Any, **config: Any) -> Function:
        module.thing = what  # type: ignore[attr-defined]
        return Function("mine", FunctionConfig(kind="function", call="users_own:thing", **config))

    yield make
    del sys.modules["users_own"]


async def chunks_of(function: Function) -> list[Chunk]:
    return [chunk async for chunk in function.answer(CALL)]


async def test_a_function_that_returns_text(made: Made) -> None:
    async def answer(call: Call) -> str:
        return f"{call.id}: é😀"

    chunks = await chunks_of(made(answer))
    found = collect("mine", chunks)
    assert (found.text, found.choices[0].finish) == ("1: é😀", "stop")
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (2, 3)
    assert found.signals == {"usage_estimated": 1.0}


async def test_a_function_of_the_messages(made: Made) -> None:
    async def answer(messages: list[dict[str, str]]) -> str:
        return str(messages[0]["content"])

    assert collect("mine", await chunks_of(made(answer))).text == "private"


async def test_a_function_that_yields(made: Made) -> None:
    async def answer(call: Call) -> AsyncIterator[str | Chunk]:
        yield "a"
        yield Chunk(reasoning="hm", signals={"sure": 0.9})
        yield Chunk(text="b", finish="length", usage=Usage(completion_tokens=1))
        yield Chunk(usage=Usage(completion_tokens=2, usd=0.5))

    chunks = await chunks_of(made(answer))
    assert [chunk.text for chunk in chunks[:3]] == ["a", "", "b"]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [Usage(completion_tokens=3, usd=0.5)]
    found = collect("mine", chunks)
    assert (found.text, found.choices[0].finish, found.signals) == ("ab", "length", {"sure": 0.9})


async def test_a_function_that_returns_an_iterator(made: Made) -> None:
    class Pieces:
        def __init__(self) -> None:
            self._left = ["a", "b"]

        def __aiter__(self) -> "Pieces":
            return self

        async def __anext__(self) -> str:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop(0)

    async def answer(call: Call) -> Pieces:
        return Pieces()

    assert collect("mine", await chunks_of(made(answer))).text == "ab"


async def test_an_answer_is_passed_on_whole(made: Made) -> None:
    given = Answer(
        reasoner="mine",
        choices=(Choice(text="a", finish="stop"), Choice(text="b", finish="length", choice_extra={"x": 1})),
        usage=Usage(prompt_tokens=1, completion_tokens=2),
        signals={"sure": 1.0},
        extra={"y": 2},
    )

    async def answer(call: Call) -> Answer:
        return given

    assert collect("mine", await chunks_of(made(answer))) == given


async def test_a_class_is_made_once(made: Made) -> None:
    class Mine:
        def __init__(self) -> None:
            self.count = 0

        async def answer(self, call: Call) -> str:
            self.count += 1
            return str(self.count)

    function = made(Mine)
    assert [collect("mine", await chunks_of(function)).text for _ in range(2)] == ["1", "2"]


async def test_none_and_nothing_abstain(made: Made) -> None:
    async def none(call: Call) -> None:
        return None

    async def nothing(call: Call) -> AsyncIterator[str]:
        for piece in ():
            yield piece

    async def says_so(call: Call) -> str:
        raise Abstained("not mine")

    for answer in (none, nothing, says_so):
        with pytest.raises(Abstained):
            await chunks_of(made(answer))


async def test_empty_text_is_an_answer(made: Made) -> None:
    async def answer(call: Call) -> str:
        return ""

    assert collect("mine", await chunks_of(made(answer))).choices[0].finish == "stop"


async def test_abstaining_comes_too_late_behind_a_chunk(made: Made) -> None:
    async def answer(call: Call) -> AsyncIterator[str]:
        yield "a"
        raise Abstained("changed my mind")

    with pytest.raises(Malformed, match="when it had begun"):
        await chunks_of(made(answer))


@pytest.mark.parametrize("given", [7, b"bytes", {"content": "x"}, ["x"]])
async def test_anything_else_is_malformed(made: Made, given: Any) -> None:
    async def answer(call: Call) -> Any:
        return given

    with pytest.raises(Malformed, match=f"gave a {type(given).__name__}"):
        await chunks_of(made(answer))


Text = type("Text", (str,), {})
Decimals = type("Decimals", (), {"__float__": lambda self: 0.5})


async def test_what_others_make_of_texts_and_numbers_is_taken(made: Made) -> None:
    async def answer(call: Call) -> AsyncIterator[Any]:
        yield Text("a")
        yield Chunk(text=Text("b"), signals={"sure": Decimals()})

    found = collect("mine", await chunks_of(made(answer)))
    assert (found.text, type(found.text), found.signals["sure"]) == ("ab", str, 0.5)


@pytest.mark.parametrize(
    "given",
    [
        "\ud800",
        Chunk(text=None),  # type: ignore[arg-type]
        Chunk(text="\ud800"),
        Chunk(text="x", index="a"),  # type: ignore[arg-type]
        Chunk(text="x", index=-1),
        Chunk(text="x", signals={"judge": float("nan")}),
        Chunk(text="x", signals={"tests": "two"}),  # type: ignore[dict-item]
        Chunk(text="x", tool_calls=({"function": "f"},)),
        Chunk(text="x", extra={"what": object()}),
        Chunk(text="x", usage=Usage(prompt_tokens="two")),  # type: ignore[arg-type]
        Chunk(text="x", usage=Usage(prompt_tokens=2**70)),
        Chunk(text="x", usage=Usage(usd=-1.0)),
        Chunk(text="x", usage=Usage(usd=float("inf"))),
    ],
)
async def test_a_chunk_that_is_none_is_malformed(made: Made, given: Any) -> None:
    async def answer(call: Call) -> Any:
        return given

    with pytest.raises(Malformed, match="mine: your function gave"):
        await chunks_of(made(answer))


async def test_what_it_does_to_its_messages_stays_with_it(made: Made) -> None:
    async def of_messages(messages: list[Any]) -> str:
        messages[-1]["content"] = "another question"
        messages.append({"role": "user", "content": "and another"})
        return "x"

    async def of_the_call(call: Any) -> str:
        call.body["messages"].clear()
        call.body["temperature"] = 2
        return "x"

    for answer in (of_messages, of_the_call):
        assert await asked(made(answer)) == "x"
        assert CALL.body == {"messages": [{"role": "user", "content": "private"}]}


@pytest.mark.parametrize(
    "error",
    [ValueError("about private"), BadRequest("about private"), TimeoutError(), SystemExit(3), asyncio.CancelledError()],
)
async def test_other_errors_are_told_by_type_and_place(made: Made, error: BaseException) -> None:
    async def answer(call: Call) -> str:
        raise error

    with capture_logs() as logs, pytest.raises(Upstream) as caught:
        await chunks_of(made(answer))
    assert type(error).__name__ in caught.value.message
    assert "test_function.py:" in caught.value.message
    assert "private" not in caught.value.message + str(logs)
    assert logs[0]["error"] == type(error).__name__


async def test_a_reasoners_own_errors_pass(made: Made) -> None:
    async def answer(call: Call) -> str:
        raise Unavailable("my database is away")

    with pytest.raises(Unavailable, match="my database is away"):
        await chunks_of(made(answer))


async def test_leaving_early_ends_the_users_generator(made: Made) -> None:
    ended = asyncio.Event()

    async def answer(call: Call) -> AsyncIterator[str]:
        try:
            while True:
                yield "more"
        finally:
            ended.set()

    async with closing(made(answer).answer(CALL)) as chunks:
        await anext(chunks)
    assert ended.is_set()


async def test_cancelling_reaches_the_users_function(made: Made) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def answer(call: Call) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    task = asyncio.create_task(chunks_of(made(answer)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


class Needs:
    def __init__(self, what: str) -> None:
        self.what = what

    async def answer(self, call: Call) -> str:
        return self.what


def plain(call: Call) -> str:
    return "not async"


@pytest.mark.parametrize(
    ("what", "words"),
    [(None, "has no `thing`"), (plain, "async def"), (7, "async def"), (Needs, "raised TypeError")],
)
def test_what_cannot_be_asked(made: Made, what: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        made(what)
    assert caught.value.message.startswith("reasoners.mine.call: ")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing_here:f", "no module `nothing_here`"),
        ("users_own.f", "no entry point `users_own.f`"),
        (":f", "package.module:name"),
        ("users_own:", "package.module:name"),
        ("users_own:f", "has no `f`"),
        ("..relative:f", "loading"),
    ],
)
def test_paths_that_lead_nowhere(made: Made, path: str, words: str) -> None:
    made(Needs("x").answer)
    with pytest.raises(ConfigError, match=words):
        Function("mine", FunctionConfig(kind="function", call=path))


async def asked(function: Function) -> str:
    return collect("mine", [chunk async for chunk in function.answer(CALL)]).text


async def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "json.py"  # no name is taken
    path.write_text("class Mine:\n    async def answer(self, messages):\n        return __name__\n")
    function = Function("mine", FunctionConfig(kind="function", call=f"{path}:Mine"))
    name = await asked(function)
    assert name.endswith("_json")
    again = Function("other", FunctionConfig(kind="function", call=f"{path}:Mine"))
    assert await asked(again) == name, "loaded once"
    del sys.modules[name]


def test_a_file_that_cannot_be_loaded_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    before = set(sys.modules)
    for text, words in (
        ("1 +", "SyntaxError"),
        ("import sys\nsys.exit('usage: own.py FILE')", "SystemExit"),
        ("import nothing_here", "no module `nothing_here`"),
        ("", "has no `f`"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            Function("mine", FunctionConfig(kind="function", call=f"{path}:f"))
        sys.modules.pop(next((name for name in sys.modules if name.endswith("_own") and name not in before), ""), None)
    with pytest.raises(ConfigError, match="there is no file"):
        Function("mine", FunctionConfig(kind="function", call=f"{tmp_path / 'missing.py'}:f"))


async def test_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed_own.py").write_text("async def answer(messages):\n    return 'installed'\n")
    about = tmp_path / "own-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[rung.reasoners]\nstock = installed_own:answer\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert await asked(Function("mine", FunctionConfig(kind="function", call="stock"))) == "installed"
    with pytest.raises(ConfigError, match=r"no entry point `stck`.*there are stock"):
        Function("mine", FunctionConfig(kind="function", call="stck"))


async def test_status(made: Made) -> None:
    async def answer(call: Call) -> str:
        return "x"

    function = made(answer)
    assert function.status.state == "cold"
    await function.start()
    assert function.status.state == "warm"
    await function.close()
    assert function.status.state == "down"


async def test_a_batch_gives_each_its_own(made: Made) -> None:
    async def answer(messages: list[Any]) -> list[Any]:
        return [["no", None, 3][i] for i, _ in enumerate(messages)]

    function = made(answer, batch=4)
    first, second, third = await function.answer_batch([CALL, CALL, CALL])
    assert isinstance(first, Answer)
    assert (first.text, first.choices[0].finish) == ("no", "stop")
    assert isinstance(second, Abstained)
    assert isinstance(third, Malformed)
    assert collect("mine", await chunks_of(function)).text == "no", "one alone is a batch of one"


@pytest.mark.parametrize("given", ["text", ["one", "two"], None])
async def test_a_batch_of_another_length_is_malformed(made: Made, given: Any) -> None:
    async def answer(calls: list[Call]) -> Any:
        return given

    with pytest.raises(Malformed, match="a list of 1 answers"):
        await made(answer, batch=4).answer_batch([CALL])


async def test_a_batch_that_raises_fails_whole(made: Made) -> None:
    async def answer(calls: list[Call]) -> Any:
        raise KeyError("private")

    with pytest.raises(Upstream, match=r"raised KeyError"):
        await made(answer, batch=4).answer_batch([CALL])
