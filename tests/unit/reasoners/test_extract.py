import json
import threading

import pytest

from rung.errors import Abstained
from rung.reasoners import extract
from rung.reasoners.extract import LINE, Extract
from rung.types import Chunk

TEXT = "ACME Ltd, 5 March 2018\nTotal: $8.20"
SCHEMA = {
    "type": "object",
    "properties": {
        "company": {"type": "string"},
        "total": {"type": "number"},
        "vat": {"type": ["string", "null"]},
        "kind": {"enum": ["receipt", "letter"]},
        "phone": {"type": "string"},
    },
    "required": ["company", "total", "vat"],
    "additionalProperties": False,
}


def form_of(schema):
    return {"type": "json_schema", "json_schema": {"name": "receipt", "strict": True, "schema": schema}}


def says(**values):
    return [json.dumps(values)]


@pytest.fixture
def ask(scripted, calling, whole):
    async def asked(script, schema=SCHEMA, text=TEXT, **body):
        below = scripted(script)
        answer = await whole(
            Extract("extract", below.answer, below), calling(text, response_format=form_of(schema), **body)
        )
        return answer, below.calls

    return asked


async def test_values_that_stand_in_the_text_are_given(ask):
    answer, (call,) = await ask(says(company="Acme ltd.", total=8.2, vat=None), temperature=0.5)
    assert json.loads(answer.text) == {"company": "Acme ltd.", "total": 8.2, "vat": None}
    assert (answer.signals["values"], answer.signals["found"], answer.signals["judged"]) == (2, 1, 0)
    assert answer.usage.prompt_tokens == 10
    (message,) = call.body["messages"]
    assert message["content"] == f"{TEXT}\n\n{LINE}"
    assert call.body["temperature"] == 0.5


async def test_the_rung_below_may_say_null_wherever_a_value_is_asked_for(ask):
    _, (call,) = await ask(says(company="ACME", total=8.2, vat=None))
    sent = call.body["response_format"]["json_schema"]
    assert (sent["name"], sent["strict"]) == ("receipt", True)
    assert sent["schema"]["properties"]["company"] == {"type": ["string", "null"]}
    assert sent["schema"]["properties"]["kind"] == {"enum": ["receipt", "letter", None]}
    assert SCHEMA["properties"]["company"] == {"type": "string"}


async def test_what_is_made_up_is_null_or_left_out_and_tells_in_the_signals(ask):
    answer, _ = await ask(says(company="ACME", total=8.2, vat="GB 999", kind="receipt", phone="555 1234"))
    assert json.loads(answer.text) == {"company": "ACME", "total": 8.2, "vat": None, "kind": "receipt"}
    assert (answer.signals["values"], answer.signals["found"], answer.signals["judged"]) == (4, 0.5, 1)


@pytest.mark.parametrize(
    "script",
    [
        says(company="Initech", total=8.2, vat=None),
        says(company=None, total=8.2, vat=None),
        says(company="Initech", total=9.9, vat=None),
        says(company="ACME", total="8.20", vat=None),
        ["ACME"],
        [Chunk(text='{"company": "AC', finish="length")],
    ],
)
async def test_abstains_where_a_needed_value_is_not_there_or_nothing_can_be_read(ask, script):
    with pytest.raises(Abstained) as caught:
        await ask(script)
    assert "Initech" not in caught.value.message


async def test_all_null_is_an_answer_where_the_schema_lets_it_be(ask):
    loose = {"type": "object", "properties": {"iban": {"type": ["string", "null"]}}, "required": ["iban"]}
    answer, _ = await ask(says(iban=None), schema=loose)
    assert json.loads(answer.text) == {"iban": None}
    assert "found" not in answer.signals
    with pytest.raises(Abstained, match="nothing"):
        await ask(says(iban="DE02 1203"), schema=loose)


async def test_the_line_it_adds_and_the_systems_words_are_no_source(ask, calling, scripted, whole):
    one = {"type": "object", "properties": {"word": {"type": ["string", "null"]}}, "required": ["word"]}
    with pytest.raises(Abstained):
        await ask(says(word="exactly as the text has it"), schema=one)
    below = scripted(says(word="Initech"))
    messages = [{"role": "system", "content": "Initech"}, {"role": "user", "content": TEXT}]
    call = calling("", messages=messages, response_format=form_of(one))
    with pytest.raises(Abstained):
        await whole(Extract("extract", below.answer, below), call)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
        {"response_format": form_of({"type": "nonsense"})},
        {"response_format": form_of({"properties": {"a": {"$ref": "http://there/"}}})},
    ],
)
async def test_abstains_without_a_call_where_no_schema_is_asked_for(scripted, calling, whole, body):
    below = scripted(["{}"])
    with pytest.raises(Abstained):
        await whole(Extract("extract", below.answer, below), calling(TEXT, **body))
    assert not below.calls


def test_is_an_option_where_a_schema_is_asked_for_alone(scripted):
    below = scripted([])
    able = Extract("extract", below.answer, below).abilities
    assert (able.json_schema, able.schema_only, able.general) == (True, True, False)
    assert (able.tools, able.json_object, able.n, able.images) == (False, False, False, False)


@pytest.mark.parametrize(("pages", "aside"), [(1, False), (2000, True)])
async def test_a_long_text_is_looked_at_where_nobody_waits(ask, monkeypatch, pages, aside):
    looking = []

    class Noted(extract.Source):
        def __init__(self, text):
            looking.append(threading.current_thread())
            super().__init__(text)

    monkeypatch.setattr(extract, "Source", Noted)
    answer, _ = await ask(says(company="ACME", total=8.2, vat=None), text=f"{TEXT}\n" * pages)
    assert json.loads(answer.text)["total"] == 8.2
    assert [thread is not threading.current_thread() for thread in looking] == [aside]
