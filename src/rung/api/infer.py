"""POST /v1/infer: a typed task in, its typed output out; in between it is a chat completion like any other."""

import asyncio

import msgspec
from msgspec import UNSET

from rung.answers.grounding import LONG_CHARS
from rung.api.body import check, parse_object
from rung.api.decode import Arrival, decode, request_of
from rung.api.encode import to_json, usage
from rung.api.front import Serving, Write
from rung.api.shape import InferBody
from rung.api.told import Inference, UsageTold
from rung.errors import Malformed, UnknownTask, did_you_mean
from rung.tasks import TASKS, Task
from rung.types import Answer, Decision, Request


def read(raw: bytes, arrival: Arrival, serving: Serving) -> tuple[Request, Write]:
    """Raises BadRequest, UnknownModel, UnknownTask."""
    value = parse_object(raw)
    wishes = value.pop("rung", None)  # checked as those of a chat completion
    body = check(value, InferBody)
    task = task_named(body.task)
    given = check(body.input, task.input, at="input")
    asked = {**task.put(given), "model": body.model, "rung": wishes}
    request = request_of(decode(asked, arrival.headers), arrival, serving.known, serving.server.deadline_s)

    async def write(id_: str, created_s: int, answer: Answer, decision: Decision, debug: bool) -> bytes:
        if answer.choices[0].finish == "length":
            output = None
        elif len(raw) > LONG_CHARS:
            output = await asyncio.to_thread(task.read, given, answer.text)
        else:
            output = task.read(given, answer.text)
        if output is None:
            raise _unreadable(task, answer)
        told = Inference(
            id=id_,
            created=created_s,
            task=task.name,
            model=answer.reasoner,
            output=msgspec.to_builtins(output),
            right_prob=decision.right_prob,
            usage=msgspec.convert(usage(answer.usage), UsageTold),
            rung=decision if debug else UNSET,
        )
        return to_json(told)

    return request, write


def task_named(name: str) -> Task:
    """Raises UnknownTask."""
    if name not in TASKS:
        hint = did_you_mean(name[:100], TASKS, f"there are {', '.join(TASKS)}.")
        raise UnknownTask(f"There is no task `{name[:100]}`; {hint}", param="task")
    return TASKS[name]


def _unreadable(task: Task, answer: Answer) -> Malformed:
    what = "was cut off" if answer.choices[0].finish == "length" else f"does not say what `{task.name}` asks for"
    return Malformed(
        f"The answer of `{answer.reasoner}` {what}, so there is no output. Another `model` or a higher "
        "`rung.min_quality` may do; `rung.cache: refresh` asks anew."
    )
