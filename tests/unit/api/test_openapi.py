from importlib.metadata import version
from typing import Any

import msgspec
import pytest
import schemathesis
from jsonschema import Draft202012Validator

from rung.api.openapi import OPERATIONS, document
from rung.api.routes import make_router
from rung.api.told import Completion
from rung.config.schema import Server


def check(value: Any, schema: Any, whole: Any) -> None:
    """`schema` may refer to what `whole` holds."""
    Draft202012Validator({**schema, "components": whole["components"]}).validate(value)


async def test_it_is_served_and_valid(client: Any) -> None:
    got = await client.ask("GET", "/openapi.json")
    assert got.status == 200
    assert got.json["info"]["version"] == version("rung")
    schemathesis.openapi.from_dict(got.json).validate()
    assert got.json["components"]["schemas"]["ChatBody"]["properties"]["model"]["enum"][-2:] == ["calc", "fast"]
    for schema in got.json["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_a_document_that_is_not_valid_is_seen() -> None:
    wrong = document("1", ["auto"], keyed=False)
    wrong["paths"]["/v1/infer"]["post"]["responses"] = []
    with pytest.raises(Exception, match=r"\[\] is not"):
        schemathesis.openapi.from_dict(wrong).validate()


async def test_it_has_every_path_and_no_other(client: Any) -> None:
    asks = {("post", path) for path in client.app._asks}
    routes = {("get" if "GET" in r.methods else "post", r.path) for r in make_router(None, None, 0.0).routes}  # type: ignore[arg-type,union-attr,attr-defined]
    assert {(operation.method, operation.path) for operation in OPERATIONS} == asks | routes


async def test_keys_are_told_of_where_they_are_asked_for(make_client: Any) -> None:
    keyed = make_client(**msgspec.to_builtins({"api_keys": {"ann": "secret"}}))
    assert (await keyed.ask("GET", "/openapi.json")).status == 401
    got = await keyed.ask("GET", "/openapi.json", headers={"Authorization": "Bearer secret"})
    assert "secret" not in got.body.decode()
    paths = got.json["paths"]
    assert paths["/v1/models"]["get"]["security"]
    assert "security" not in paths["/health/live"]["get"]
    assert "401" in paths["/v1/infer"]["post"]["responses"]
    assert "security" not in document("1", ["auto"], keyed=bool(Server().api_keys))["paths"]["/v1/models"]["get"]


@pytest.mark.parametrize("debug", ["true", "false"])
async def test_answers_are_as_it_says(client: Any, runtime: Any, debug: str) -> None:
    whole = (await client.ask("GET", "/openapi.json")).json
    schemas = whole["components"]["schemas"]
    got = await client.chat({"x-rung-debug": debug})
    check(got.json, schemas["Completion"], whole)
    assert msgspec.json.decode(got.body, type=Completion).choices[0].message.content
    body = {"task": "answer", "input": {"question": "Why?"}}
    got = await client.ask("POST", "/v1/infer", body, {"x-rung-debug": debug})
    check(got.json, schemas["Inference"], whole)
    check(got.json["output"], schemas["AnswerOutput"], whole)
    explained = await client.ask(
        "POST", "/v1/explain", {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}
    )
    check(explained.json, schemas["Decision"], whole)
    for path, shape in (("/v1/models", "ModelList"), ("/v1/tasks", "TaskList"), ("/health/ready", "Ready")):
        check((await client.ask("GET", path)).json, schemas[shape], whole)
    check((await client.ask("GET", "/nowhere")).json, schemas["ErrorBody"], whole)
