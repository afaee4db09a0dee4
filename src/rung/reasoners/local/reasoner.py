"""The reasoner in front of an engine."""

from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace

from rung.clock import LoopClock
from rung.errors import ContextExceeded, UpstreamRefusedRequest
from rung.reasoners.base import Abilities, Status, closing
from rung.reasoners.completions import estimated
from rung.reasoners.local import tools
from rung.reasoners.local.engine import Engine
from rung.reasoners.local.loops import Loops
from rung.reasoners.local.messages import readable
from rung.reasoners.local.references import with_named_root
from rung.reasoners.local.signals import TokenSignals, as_asked
from rung.reasoners.wording import question_of
from rung.types import Call, Chunk, Json, Usage

# What of a request llama.cpp is told. It knows fields of its own that are none of a caller's business, slots to take
# and files to write among them.
_SENT = frozenset(
    (
        *("messages", "max_tokens", "max_completion_tokens", "stop", "seed", "temperature", "top_p", "top_k", "min_p"),
        *("presence_penalty", "frequency_penalty", "repeat_penalty", "logit_bias"),
        *("response_format", "logprobs", "top_logprobs"),
    )
)
# Tokens after which a stream tells its signals so far, for whoever judges its beginning.
_TOLD_AT = frozenset(2**power for power in range(2, 12))
# Of the request's id in a call's: OpenAI, who may be asked next, takes ids of 40 characters at most.
_ID_CHARS = 30
# The temperature of several choices, where a request states none.
_SEVERAL = 0.7


class Local:
    """Answers by an engine, which other reasoners may share.

    Each choice of `n` is asked for on its own, one after the other: a call holds one slot. The signals are those of
    the first choice. `busy_s` is the time that slots were held, reading and writing.
    """

    def __init__(self, name: str, engine: Engine, temperature: float = 0.0) -> None:
        """`temperature` is that of a request which states none."""
        self.name = name
        self._engine = engine
        self._temperature = temperature
        self._clock = LoopClock()

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            tools=True,
            json_object=True,
            json_schema=True,
            logprobs=True,
            n=True,
            context_tokens=self._engine.spec.context_tokens,
        )

    @property
    def status(self) -> Status:
        return self._engine.status

    async def start(self) -> None:
        await self._engine.start()

    async def close(self) -> None:
        await self._engine.close()

    async def answer(self, call: Call) -> AsyncIterator[Chunk]:
        if tools.older_are_asked(call.body):
            raise UpstreamRefusedRequest(f"{self.name}: takes `tools`, not the older `functions`", param="functions")
        usage = Usage()
        body: dict[str, Any] = {**call.body, "messages": readable(call.body["messages"])}
        choices = body.get("n") or 1
        if body.get("temperature") is None:
            # Several choices at 0 would be several times the same.
            body["temperature"] = max(self._temperature, _SEVERAL) if choices > 1 else self._temperature
        call = replace(call, body=body)
        for index in range(choices):
            choice = (_ToolChoice if tools.are_asked(call.body) else _Choice)(index, call)
            async with closing(self._choice(choice)) as chunks:
                async for chunk in chunks:
                    yield chunk
            usage = _with_choice(usage, choice.usage)
        yield Chunk(usage=usage)

    async def _choice(self, choice: "_Choice") -> AsyncIterator[Chunk]:
        try:
            begun_s = self._clock.monotonic()
            async with closing(self._engine.answer(choice.asked())) as chunks:
                async for chunk in chunks:
                    if (said := choice.read(chunk)) != Chunk(index=choice.index):
                        yield said
                    if choice.loops.add(chunk.reasoning + chunk.text):
                        yield choice.cut_off(self._clock.monotonic() - begun_s)
                        break
        except ContextExceeded as error:
            raise ContextExceeded(
                f"{self.name}: the prompt is longer than its context of {self._engine.spec.context_tokens} tokens; "
                "shorten it, or raise `context_tokens` in rung.yaml",
                upstream_status=error.upstream_status,
                param="messages",
            ) from error


class _Choice:
    """One choice while it is read: llama.cpp's chunks in, ours out."""

    def __init__(self, index: int, call: Call) -> None:
        self.index = index
        self.usage = Usage()
        self._id = call.id
        self._body = call.body
        self._tokens = TokenSignals()
        self.loops = Loops(question_of(call.body))
        self._told_at = _TOLD_AT if call.stream and not index else frozenset[int]()

    def asked(self) -> dict[str, Any]:
        """The body to send. Token probabilities cost next to nothing, so they are always asked for."""
        asked = {key: value for key, value in self._body.items() if key in _SENT}
        # With this llama.cpp says how far the prompt is read, and only when it says something does it see who has gone:
        # without, a neighbour that streams lets it read a long prompt to the end for nobody.
        asked["return_progress"] = True
        asked["logprobs"] = True
        asked["top_logprobs"] = max(1, asked.get("top_logprobs") or 0)
        if form := asked.get("response_format"):
            asked["response_format"] = with_named_root(form)
        stop = asked.get("stop")
        if stop == "" or (isinstance(stop, list) and "" in stop):
            asked["stop"] = [one for one in stop if one]  # llama.cpp would find it before the first token
        if self.index and isinstance(asked.get("seed"), int):
            asked["seed"] += self.index
        return asked

    def read(self, chunk: Chunk) -> Chunk:
        self._tokens.add(chunk.logprobs)
        if chunk.extra.get("timings"):
            self.usage = replace(self.usage, busy_s=_busy_s(chunk.extra["timings"]))
        if chunk.usage:
            self.usage = replace(chunk.usage, busy_s=self.usage.busy_s)
        logprobs = as_asked(chunk.logprobs, self._body.get("top_logprobs") or 0) if self._body.get("logprobs") else ()
        tells = self._tokens.count in self._told_at or (chunk.finish and self.index == 0)
        signals = self._tokens.told() if tells else {}
        return replace(
            chunk, index=self.index, logprobs=logprobs, signals=signals, usage=None, extra={}, choice_extra={}
        )

    def cut_off(self, seconds: float) -> Chunk:
        """The end of one that would not end. llama.cpp has not told what it took."""
        self.usage = replace(estimated(self._body, 0), completion_tokens=self._tokens.count, busy_s=seconds)
        end = self.read(Chunk(finish="length"))
        return replace(end, signals={**end.signals, "usage_estimated": 1.0})


class _ToolChoice(_Choice):
    """One that may call a tool: nothing can be told of it before it is whole."""

    def __init__(self, index: int, call: Call) -> None:
        super().__init__(index, call)
        self._body = tools.with_grammar(call.body)
        self._pieces: list[str] = []

    def read(self, chunk: Chunk) -> Chunk:
        said = super().read(chunk)
        self._pieces.append(said.text)
        if not said.finish:
            return Chunk(index=self.index, reasoning=said.reasoning)
        reply = tools.read("".join(self._pieces), f"call_{self._id[-_ID_CHARS:]}_{self.index}")
        finish = "tool_calls" if reply.tool_calls else said.finish
        return replace(said, text=reply.text, tool_calls=reply.tool_calls, logprobs=(), finish=finish)


def _busy_s(timings: Json) -> float:
    return float(timings.get("prompt_ms", 0.0) + timings.get("predicted_ms", 0.0)) / 1000


def _with_choice(total: Usage, one: Usage) -> Usage:
    """The prompt counts once, as the first choice read it."""
    first = total if total.prompt_tokens else one
    return replace(total + one, prompt_tokens=first.prompt_tokens, cached_tokens=first.cached_tokens)
