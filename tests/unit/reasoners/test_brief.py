import pytest

from rung.reasoners.brief import LINES, MAX_TOKENS, MEASURE, Brief

CHOICE = "Which is a fruit?\nA) apple\nB) stone\nC) chair"


async def test_asks_for_the_answer_only_and_bounds_its_length(scripted, calling, whole):
    below = scripted(["A"])
    answer = await whole(Brief("brief", below.answer, below), calling(CHOICE, temperature=0.2, user="me"))
    body = below.calls[0].body
    assert body["messages"] == [{"role": "user", "content": f"{CHOICE}\n\n{LINES['choice']}"}]
    assert body["max_tokens"] == MAX_TOKENS
    assert (body["temperature"], body["user"]) == (0.2, "me")
    assert (answer.text, answer.choices[0].finish, answer.usage.prompt_tokens) == ("A", "stop", 10)


async def test_a_measure_is_told_with_its_unit_where_the_question_names_none(scripted, calling, whole):
    below = scripted(["66.67 km/h"])
    question = "A car covers 100 km in 1.5 hours. What is its speed?"
    await whole(Brief("brief", below.answer, below), calling(question))
    assert below.calls[0].body["messages"][0]["content"] == f"{question}\n\n{MEASURE}"


@pytest.mark.parametrize(
    ("given", "sent"),
    [({"max_tokens": 5}, 5), ({"max_tokens": 900}, MAX_TOKENS), ({"max_completion_tokens": 7}, 7)],
)
async def test_never_goes_over_the_users_own_bound(scripted, calling, whole, given, sent):
    below = scripted(["A"])
    await whole(Brief("brief", below.answer, below), calling(CHOICE, **given))
    body = below.calls[0].body
    assert body["max_tokens"] == sent
    assert "max_completion_tokens" not in body


async def test_asked_by_name_for_a_long_answer_leaves_its_length_alone(scripted, calling, whole):
    below = scripted(["Roses are red"])
    await whole(Brief("brief", below.answer, below), calling("Write a poem about ladders.", max_completion_tokens=500))
    body = below.calls[0].body
    assert body["max_completion_tokens"] == 500
    assert "max_tokens" not in body


async def test_parts_of_a_message_and_the_other_turns_stay_as_they_are(scripted, calling, whole):
    below = scripted(["A"])
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": CHOICE}, image]},
    ]
    call = calling("", messages=turns)
    await whole(Brief("brief", below.answer, below), call)
    sent = below.calls[0].body["messages"]
    assert sent[:3] == turns[:3]
    assert sent[3]["content"] == [{"type": "text", "text": CHOICE}, image, {"type": "text", "text": LINES["choice"]}]
    assert len(turns[3]["content"]) == 2, "the user's own message was changed"


def test_can_what_the_rung_below_can_but_for_tools_and_json(scripted):
    below = scripted([])
    able = Brief("brief", below.answer, below).abilities
    assert able.short_only
    assert able.context_tokens == 4096
    assert (able.tools, able.json_object, able.json_schema) == (False, False, False)


async def test_leaves_starting_and_closing_to_the_rung_below(scripted):
    below = scripted([])
    brief = Brief("brief", below.answer, below)
    await brief.start()
    await brief.close()
    assert brief.status == below.status
