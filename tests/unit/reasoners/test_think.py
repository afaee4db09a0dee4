from contextlib import aclosing
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import Unavailable
from rung.reasoners.think import CODE_LINE, MARKER, OPEN_LINE, SHORT_LINE, Think, Until
from rung.types import Chunk

SUM = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"


async def test_tells_the_reasoning_from_the_answer(scripted, calling, whole):
    below = scripted(["3 + 4 ", "is 7.\n", "Final ", "answer: ", "7"])
    answer = await whole(Think("think", below.answer, below), calling(SUM))
    choice = answer.choices[0]
    assert (choice.reasoning, choice.text, choice.finish) == ("3 + 4 is 7.\n", "7", "stop")
    assert below.calls[0].body["messages"][0]["content"] == f"{SUM}\n\n{SHORT_LINE}"


async def test_streams_the_reasoning_as_it_comes(scripted, calling):
    below = scripted(["one ", "two ", f"{MARKER} 7"])
    async with aclosing(Think("think", below.answer, below).answer(calling(SUM))) as chunks:
        first = await anext(chunks)
    assert first.reasoning == "one "
    assert below.closed == 1, "the rung below went on working"


async def test_an_open_question_is_asked_for_a_whole_answer(scripted, calling, whole):
    below = scripted(["hm", f"\n**{MARKER}**\nA ladder\nhas rungs."])
    answer = await whole(Think("think", below.answer, below), calling("Write a poem about ladders."))
    assert answer.text == "A ladder\nhas rungs."
    assert below.calls[0].body["messages"][0]["content"].endswith(OPEN_LINE)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["3 + 4 = 7, so the answer is 7"], "7"),
        (["I do not know"], "I do not know"),
        (["Tom has 7.\n", "Final answer:"], "7"),
        (["Tom has 7.\nFinal ans"], "7"),
    ],
)
async def test_an_answer_without_the_marker_is_never_empty(scripted, calling, whole, said, text):
    below = scripted(said)
    answer = await whole(Think("think", below.answer, below), calling(SUM))
    assert answer.text == text
    assert answer.choices[0].reasoning.replace(MARKER, "") == "".join(said).replace(MARKER, "")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Final answer: **7**", "7"),
        ("**Final answer:** 7", "7"),
        ("**Final answer:** **7**.", "7."),
        ("**Final answer: 7**", "7"),
        ("**Final answer**: `7`", "7"),
        ("**So, Final answer:** 7", "7"),
        ("Final answer: **7** apples", "**7** apples"),
        ("Final answer:**7**", "7"),
        ("**Final answer: **7**", "7"),
        ("Final answer: __init__", "__init__"),
        ("**Final answer:**", "4"),
    ],
)
@pytest.mark.parametrize("whole_at_once", [True, False])
async def test_a_short_answer_is_freed_of_the_marks_around_it(scripted, calling, whole, said, text, whole_at_once):
    below = scripted(["3 and 4. ", said] if whole_at_once else list(f"3 and 4. {said}"))
    choice = (await whole(Think("think", below.answer, below), calling(SUM))).choices[0]
    assert choice.text == text
    assert choice.reasoning == ("3 and 4. **So, " if "So" in said else "3 and 4. ")


async def test_a_marker_in_italics_leaves_no_half_of_them(scripted, calling, whole):
    below = scripted(list("3 and 4. *Final answer:* 7"))
    assert (await whole(Think("think", below.answer, below), calling(SUM))).text == "7"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Final answer:\n\n**Ladders** go up.", "**Ladders** go up."),
        ("**Final answer:** **Ladders** go up.", "**Ladders** go up."),
        ("**Final answer: Ladders** go up.", "**Ladders** go up."),
        ("Final answer:\n* one\n* two", "* one\n* two"),
        ("Final answer: *", "*"),
    ],
)
@pytest.mark.parametrize("whole_at_once", [True, False])
async def test_a_long_answer_keeps_its_marks(scripted, calling, whole, said, text, whole_at_once):
    below = scripted([said] if whole_at_once else list(said))
    answer = await whole(Think("think", below.answer, below), calling("Write a poem about ladders."))
    assert answer.text == text


async def test_the_users_stop_ends_the_answer_but_not_the_reasoning(scripted, calling, whole):
    below = scripted(["one\ntwo\n", f"{MARKER} 7", "\n", "more"])
    answer = await whole(Think("think", below.answer, below), calling(SUM, stop="\n"))
    assert (answer.choices[0].reasoning, answer.text) == ("one\ntwo\n", "7")
    assert "stop" not in below.calls[0].body


@pytest.mark.parametrize(("stop", "text"), [(["###"], "Cats purr. "), ("Cats", "Cats purr. ### Dogs bark.")])
async def test_the_users_stop_ends_an_answer_that_never_says_its_marker_too(scripted, calling, whole, stop, text):
    below = scripted(["Cats purr. #", "## Dogs bark."])
    answer = await whole(Think("think", below.answer, below), calling("Tell me of pets.", stop=stop))
    assert answer.choices[0].text == text


async def test_a_short_answer_loses_the_marks_of_latex(scripted, calling, whole):
    below = scripted(["3 + 4 = 7\n\n**Final Answer:**\n", "\\[\n\\boxed{7}", "\n\\]"])
    answer = await whole(Think("think", below.answer, below), calling(SUM))
    assert answer.text == "7"


async def test_a_stop_before_the_answer_itself_does_not_empty_it(scripted, calling, whole):
    below = scripted([f"one\n{MARKER}", "\n", "Tom has 7.\nIndeed."])
    answer = await whole(Think("think", below.answer, below), calling(SUM, stop=["\n"]))
    assert answer.text == "Tom has 7."


async def test_the_users_bound_is_passed_on(scripted, calling, whole):
    below = scripted([f"{MARKER} 7"])
    await whole(Think("think", below.answer, below), calling(SUM, max_tokens=99))
    assert below.calls[0].body["max_tokens"] == 99


async def test_the_reasoning_of_the_rung_below_is_kept(scripted, calling, whole):
    below = scripted([Chunk(reasoning="deep "), f"first {MARKER} 7"])
    answer = await whole(Think("think", below.answer, below), calling(SUM))
    assert (answer.choices[0].reasoning, answer.text) == ("deep first ", "7")


def test_claims_no_logprobs_which_would_be_those_of_the_reasoning(scripted):
    below = scripted([])
    assert below.abilities.logprobs
    assert not Think("think", below.answer, below).abilities.logprobs


def test_says_how_much_room_it_needs(scripted):
    below = scripted([])
    assert Think("think", below.answer, below).abilities.least_tokens == 64


async def test_a_failure_below_is_passed_on(scripted, calling, whole):
    below = scripted(["one", Unavailable("gone")])
    with pytest.raises(Unavailable, match="gone"):
        await whole(Think("think", below.answer, below), calling(SUM))


@given(
    text=st.text(alphabet="abAB:\n ", max_size=40),
    marks=st.lists(st.text(alphabet="ab:", min_size=1, max_size=4), max_size=3),
    cuts=st.lists(st.integers(0, 40), max_size=8),
)
def test_however_it_is_cut_up_a_text_ends_at_the_same_mark(text, marks, cuts):
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    until = Until(marks)
    before = ""
    for start, end in pairwise(bounds):
        if until.found:
            break
        before += until.feed(text[start:end])[0]
    before += until.rest()
    places = [(at + len(mark), at) for mark in marks if (at := text.find(mark)) >= 0]
    assert bool(until.found) == bool(places)
    if until.found:
        assert before == text[: min(places)[1]]
    else:
        assert before == text


CODE = "```python\ndef successor(x):\n    return x + 1\n```"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (f"One more.\n{CODE}\n{MARKER} It adds one.", f"It adds one.\n\n{CODE}"),
        (f"One more.\n{MARKER}\n{CODE}", CODE),
        (f"So:\n{CODE}", f"So:\n{CODE}"),
        (f"I do not know. {MARKER} None.", "None."),
    ],
)
async def test_who_asks_for_code_is_given_it(scripted, calling, whole, said, text):
    below = scripted([said])
    answer = await whole(Think("think", below.answer, below), calling("Write a Python function that adds one."))
    assert answer.text == text
    assert below.calls[0].body["messages"][0]["content"].endswith(CODE_LINE)


async def test_the_code_that_is_asked_for_ends_at_the_users_stop(scripted, calling, whole):
    below = scripted([f"One more.\n{CODE}\n{MARKER} It adds one."])
    asking = calling("Write a Python function that adds one.", stop=["return"])
    answer = await whole(Think("think", below.answer, below), asking)
    assert answer.text == "It adds one.\n\n```python\ndef successor(x):\n    "


async def test_a_choice_about_code_is_no_code(scripted, calling, whole):
    question = "Which method would you use to write to a file in Python?\nA) read\nB) write\nC) open"
    below = scripted([f"One more.\n{CODE}\n{MARKER} B) write"])
    answer = await whole(Think("think", below.answer, below), calling(question))
    assert answer.text == "B) write"
