"""The OpenAPI document, made from the shapes that bodies are checked by and responses are made of."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from rung.api import told
from rung.api.shape import ChatBody, FeedbackBody, InferBody, WishesBody
from rung.tasks import TASKS, Task
from rung.types import Decision

_REF: Final = "#/components/schemas/{name}"
_WISH_HEADERS: Final = {f"x-rung-{name.replace('_', '-')}": name for name in WishesBody.__struct_fields__}
_KEY: Final = "api_key"


class Operation(Struct, frozen=True, kw_only=True):
    """`told` is a response's shape, or the kind of text that it is. `open`: needs no key where others do. `wishes`:
    takes the x-rung-* headers."""

    method: Literal["get", "post"]
    path: str
    summary: str
    told: type[Struct] | str
    body: type[Struct] | None = None
    streams: bool = False
    open: bool = False
    wishes: bool = False
    errors: tuple[int, ...] = ()
    unready: bool = False

    @property
    def id(self) -> str:
        return "_".join([self.method, *filter(None, self.path.replace("{", "").replace("}", "").split("/"))])


_ASKING: Final = (400, 404, 413, 422, 429, 500, 502, 503, 504)
OPERATIONS: Final = (
    Operation(
        method="get", path="/", summary="A page of plain text with a command to try", told="text/plain", open=True
    ),
    Operation(method="get", path="/openapi.json", summary="This document", told="application/json"),
    Operation(
        method="post",
        path="/v1/chat/completions",
        summary="Ask, in OpenAI's form",
        body=ChatBody,
        told=told.Completion,
        streams=True,
        wishes=True,
        errors=_ASKING,
    ),
    Operation(
        method="post",
        path="/v1/infer",
        summary="A typed task",
        body=InferBody,
        told=told.Inference,
        wishes=True,
        errors=_ASKING,
    ),
    Operation(method="get", path="/v1/tasks", summary="The typed tasks with their schemas", told=told.TaskList),
    Operation(method="get", path="/v1/tasks/{name}", summary="A typed task", told=told.TaskTold, errors=(404,)),
    Operation(method="get", path="/v1/models", summary="What answers here", told=told.ModelList),
    Operation(
        method="get", path="/v1/models/{name}", summary="One that answers here", told=told.ModelTold, errors=(404,)
    ),
    Operation(
        method="post",
        path="/v1/explain",
        summary="What would be done with a request, and why; nothing is called",
        body=ChatBody,
        told=Decision,
        wishes=True,
        errors=(400, 404, 413, 500, 504),
    ),
    Operation(
        method="post",
        path="/v1/feedback",
        summary="Say whether an answer was right",
        body=FeedbackBody,
        told=told.FeedbackTold,
        errors=(400, 404, 413, 503, 504),
    ),
    Operation(method="get", path="/health/live", summary="Whether the process answers", told=told.Live, open=True),
    Operation(
        method="get",
        path="/health/ready",
        summary="Whether requests can be served now",
        told=told.Ready,
        open=True,
        unready=True,
    ),
    Operation(
        method="get",
        path="/health/startup",
        summary="Whether start-up is over",
        told=told.Startup,
        open=True,
        unready=True,
    ),
    Operation(method="get", path="/metrics", summary="Figures for Prometheus", told="text/plain"),
)


def document(version: str, models: Sequence[str], *, keyed: bool) -> dict[str, Any]:
    """OpenAPI 3.1 of the paths that there are. `models` are the names to ask; `keyed`: whether a key is asked for."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _written(operation, keyed)
    schemas = _schemas(models)
    components: dict[str, Any] = {"schemas": schemas, "responses": {"Error": _error()}}
    if keyed:
        components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rung",
            "version": version,
            "summary": "One endpoint in front of many reasoners: each request is answered on the lowest rung that gets "
            "it right.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": components,
    }


def _schemas(models: Sequence[str]) -> dict[str, Any]:
    shapes = [shape for one in OPERATIONS for shape in (one.body, one.told) if isinstance(shape, type)]
    tasks = [shape for task in TASKS.values() for shape in (task.input, task.output)]
    wanted = dict.fromkeys([*shapes, *tasks, told.ErrorBody])
    _, schemas = msgspec.json.schema_components(wanted, ref_template=_REF)
    # What `decode` takes out of the body before it looks at the rest.
    schemas["ChatBody"]["properties"]["rung"] = {"anyOf": [_ref(WishesBody), {"type": "null"}], "default": None}
    for body in (schemas["ChatBody"], schemas["InferBody"]):
        body["properties"]["model"]["enum"] = list(models)
    schemas["InferBody"] = {"oneOf": [_of_task(task, schemas["InferBody"]) for task in TASKS.values()]}
    return schemas


def _of_task(task: Task, body: dict[str, Any]) -> dict[str, Any]:
    """The schema of an /v1/infer body, with the input that the task takes."""
    own = {"task": {"const": task.name}, "input": _ref(task.input)}
    return {**body, "title": task.name, "description": task.about, "properties": {**body["properties"], **own}}


def _ref(shape: type[Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=shape.__name__)}


def _error() -> dict[str, Any]:
    return {
        "description": "An error in OpenAI's shape",
        "content": {"application/json": {"schema": _ref(told.ErrorBody)}},
    }


def _written(operation: Operation, keyed: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": operation.id, "summary": operation.summary}
    if parameters := list(_parameters(operation)):
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(operation.body)}}}
    found["responses"] = _responses(operation, keyed)
    if keyed and not operation.open:
        found["security"] = [{_KEY: []}]
    return found


def _parameters(operation: Operation) -> Iterator[dict[str, Any]]:
    if "{name}" in operation.path:
        yield {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    if operation.wishes:
        _, schemas = msgspec.json.schema_components([WishesBody], ref_template=_REF)
        properties = schemas["WishesBody"]["properties"]
        for header, name in _WISH_HEADERS.items():
            kinds = [kind for kind in properties[name]["anyOf"] if kind != {"type": "null"}]
            yield {"name": header, "in": "header", "schema": {"anyOf": kinds} if len(kinds) > 1 else kinds[0]}
        yield {"name": "x-rung-debug", "in": "header", "schema": {"type": "boolean"}}


# Each event of a stream, as readers of OpenAPI before 3.2 take the schema of one.
_EVENT = {
    "type": "object",
    "description": "A server-sent event: a chat completion chunk as JSON, or [DONE] at the end.",
    "properties": {"data": {"type": "string"}},
    "required": ["data"],
}


def _responses(operation: Operation, keyed: bool) -> dict[str, Any]:
    if isinstance(operation.told, str):
        content: dict[str, Any] = {operation.told: {}}
    else:
        content = {"application/json": {"schema": _ref(operation.told)}}
    if operation.streams:
        content["text/event-stream"] = {"schema": _EVENT}
    responses = {"200": {"description": "Done", "content": content}}
    if operation.unready:
        responses["503"] = {"description": "Not yet", "content": content}
    statuses = [*operation.errors, *([] if operation.open else [401] if keyed else [403])]
    return responses | {str(status): {"$ref": "#/components/responses/Error"} for status in sorted(statuses)}
