"""Every path that asks nothing. Bodies are read and errors told in the same way as there."""

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Literal

import msgspec
from msgspec import Struct
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from rung.api.body import check, parse_object
from rung.api.chat import Chats
from rung.api.decode import AUTO, unknown_model
from rung.api.encode import to_json
from rung.api.front import Front
from rung.api.infer import task_named
from rung.api.openapi import document
from rung.api.shape import FeedbackBody
from rung.api.told import FeedbackTold, Live, ModelList, ModelTold, Ready, Startup, TaskList, TaskTold
from rung.errors import BadRequest
from rung.tasks import TASKS, Task, schema_of
from rung.telemetry import Metrics
from rung.telemetry.metrics import CONTENT_TYPE
from rung.types import Feedback, ReasonerInfo

_ABOUT_AUTO = {
    "auto": "Rung chooses, at the prices of the server's preset",
    "auto:economy": "Rung chooses, saving money and time",
    "auto:balanced": "Rung chooses, weighing quality against money and time",
    "auto:best": "Rung chooses, for quality",
}

_INDEX = """\
Rung {version}: one endpoint in front of many reasoners. It speaks OpenAI's chat completions. Try:

{call}

POST /v1/chat/completions   ask; `model` is `auto` or a name from /v1/models
GET  /v1/models             what answers here
POST /v1/infer              a typed task: {{"task": "yesno", "input": {{"question": "Is 91 prime?"}}}}
GET  /v1/tasks              the typed tasks, with the JSON Schemas of what they take and give
POST /v1/explain            what would be done with a request, and why; nothing is called
POST /v1/feedback           {{"decision_id": "chatcmpl-...", "correct": true}}
GET  /health/live, /health/ready, /health/startup
GET  /metrics               figures for Prometheus
GET  /openapi.json          all of this for programs
"""


def first_call(address: str, *, keyed: bool) -> str:
    """What to try in a shell; `keyed` leaves a place for the API key."""
    key = " -H 'authorization: Bearer KEY'" if keyed else ""
    return (
        f"curl -s {address}/v1/chat/completions -H 'content-type: application/json'{key} \\\n"
        '  -d \'{"model": "auto", "messages": [{"role": "user", "content": "What is 15% of 80?"}]}\''
    )


def make_router(front: Front, metrics: Metrics, started_s: float) -> Router:
    """`started_s`, in seconds since the epoch, is when the listed models are said to be created."""
    paths = Routes(front, metrics, int(started_s))
    table: list[tuple[str, str, Callable[[HttpRequest], Awaitable[Response]]]] = [
        ("GET", "/", paths.index),
        ("GET", "/openapi.json", paths.openapi),
        ("GET", "/v1/models", paths.models),
        ("GET", "/v1/models/{name}", paths.model),
        ("GET", "/v1/tasks", paths.tasks),
        ("GET", "/v1/tasks/{name}", paths.task),
        ("POST", "/v1/explain", paths.explain),
        ("POST", "/v1/feedback", paths.feedback),
        ("GET", "/health/live", paths.live),
        ("GET", "/health/ready", paths.ready),
        ("GET", "/health/startup", paths.startup),
        ("GET", "/metrics", paths.metrics),
    ]
    return Router([Route(path, to, methods=[method]) for method, path, to in table], redirect_slashes=False)


class Routes:
    def __init__(self, front: Front, metrics: Metrics, created_s: int) -> None:
        self._front = front
        self._read = Chats().read
        self._metrics = metrics
        self._created_s = created_s
        self._version = version("rung")

    async def index(self, http: HttpRequest) -> Response:
        call = first_call(str(http.base_url).rstrip("/"), keyed=bool(self._front.serving().server.api_keys))
        return PlainTextResponse(_INDEX.format(version=self._version, call=call))

    async def models(self, http: HttpRequest) -> Response:
        serving, _ = self._front.admit(http.scope)
        listed = [self._auto(name) for name in AUTO] + [self._listed(info) for info in serving.runtime.reasoners()]
        return _json(ModelList(data=listed))

    async def model(self, http: HttpRequest) -> Response:
        serving, _ = self._front.admit(http.scope)
        name = http.path_params["name"]
        if name in AUTO:
            return _json(self._auto(name))
        for info in serving.runtime.reasoners():
            if info.name == name:
                return _json(self._listed(info))
        raise unknown_model(name, serving.known)

    def _auto(self, name: str) -> ModelTold:
        return self._model(name, {"kind": "auto", "about": _ABOUT_AUTO[name]})

    def _listed(self, info: ReasonerInfo) -> ModelTold:
        about = msgspec.to_builtins(info)
        del about["name"]
        return self._model(info.name, about)

    def _model(self, name: str, about: dict[str, Any]) -> ModelTold:
        return ModelTold(id=name, created=self._created_s, rung=about)

    async def explain(self, http: HttpRequest) -> Response:
        asked = await self._front.asked(http.scope, http.receive, self._read)
        return _bytes(to_json(await asked.runtime.explain(asked.request)))

    async def tasks(self, http: HttpRequest) -> Response:
        self._front.admit(http.scope)
        return _json(TaskList(data=[_task(task) for task in TASKS.values()]))

    async def task(self, http: HttpRequest) -> Response:
        self._front.admit(http.scope)
        return _json(_task(task_named(http.path_params["name"])))

    async def feedback(self, http: HttpRequest) -> Response:
        serving, arrival = self._front.admit(http.scope)
        said = check(parse_object(await self._front.body(serving, arrival, http.receive)), FeedbackBody)
        feedback = Feedback(
            decision_id=said.decision_id, score=_score(said), comment=said.comment or "", tenant=arrival.tenant
        )
        await serving.runtime.feedback(feedback)
        return _json(FeedbackTold(decision_id=feedback.decision_id, score=feedback.score))

    async def live(self, _: HttpRequest) -> Response:
        return _json(Live())

    async def ready(self, _: HttpRequest) -> Response:
        readiness = self._front.serving().runtime.readiness()
        status: Literal["ready", "not ready"] = "ready" if readiness.ready else "not ready"
        told = Ready(status=status, problems=readiness.problems, loading=readiness.loading)
        return _json(told, 200 if readiness.ready else 503)

    async def startup(self, _: HttpRequest) -> Response:
        loading = self._front.serving().runtime.readiness().loading
        return _json(Startup(status="loading" if loading else "started", loading=loading), 503 if loading else 200)

    async def openapi(self, http: HttpRequest) -> Response:
        serving, _ = self._front.admit(http.scope)
        models = [*AUTO, *serving.known]
        return _bytes(to_json(document(self._version, models, keyed=bool(serving.server.api_keys))))

    async def metrics(self, http: HttpRequest) -> Response:
        serving, _ = self._front.admit(http.scope)
        states = [(info.name, info.state) for info in serving.runtime.reasoners()]
        return Response(self._metrics.render(states, serving.runtime.lanes()), headers={"content-type": CONTENT_TYPE})


def _task(task: Task) -> TaskTold:
    return TaskTold(
        id=task.name,
        about=task.about,
        input=schema_of(task.input),
        output=schema_of(task.output),
        example={"task": task.name, "input": task.example},
    )


def _score(said: FeedbackBody) -> float:
    if said.score is not None and said.correct is None:
        return said.score
    if said.correct is not None and said.score is None:
        return float(said.correct)
    raise BadRequest("Say either `score` (0 to 1) or `correct` (true or false).", param="score")


def _json(value: Struct, status: int = 200) -> Response:
    return _bytes(to_json(value), status)


def _bytes(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")
