import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.answers import asked
from rung.estimators import prior
from rung.probes import DOMAINS, TEMPLATES
from rung.reasoners.code.asking import code_in

KINDS = [(template, level) for template in TEMPLATES for level in range(len(template.halfway))]
ANY = st.builds(
    lambda kind, seed, number: kind[0].probe(kind[1], seed, number),
    st.sampled_from(KINDS),
    st.integers(0, 10_000),
    st.integers(0, 200),
)
SAYINGS = ("{}", "The answer is {}.", "**{}**", "Let me think about that.\n\nAnswer: {}", "It is {}.")


def passes(text: str, tests: tuple[str, ...]) -> bool:
    space: dict[str, object] = {}
    try:
        exec(code_in(text), space)
        for test in tests:
            exec(test, space)
    except Exception:  # noqa: BLE001  whatever wrong code raises
        return False
    return True


@settings(max_examples=400)
@given(ANY, st.sampled_from(SAYINGS))
def test_its_own_answer_is_right(probe, saying):
    if probe.tests:
        assert passes(probe.made.answer, probe.tests)
    else:
        assert probe.is_right(saying.format(probe.made.answer))


@pytest.mark.parametrize(
    ("name", "level", "said"),
    [
        ("count", 1, "There are {} people older than {age} years."),
        ("count", 2, "**{}** of these people are older than {age}."),
        ("letter", 1, "They will meet in room {}, since room {other} is being painted."),
        ("equation", 2, "So x = {} and y = 5."),
        ("equation", 2, "x is {}, y is 5"),
    ],
)
def test_a_number_is_right_beside_one_that_is_not_asked_for(name, level, said):
    (kind,) = (template for template in TEMPLATES if template.name == name)
    for number in range(20):
        probe = kind.probe(level, 0, number)
        answer = int(probe.made.answer)
        beside = {"age": probe.question.split()[-2], "other": answer + 7}
        assert probe.is_right(said.format(answer, **beside))
        assert not probe.is_right(said.format(answer + 1, **beside))
        if name == "equation":
            assert not probe.is_right(f"x = {answer + 1}, y = {answer}")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("people first land", "People first landed on the Moon on July 20, 1969, during the Apollo 11 mission."),
        ("the First World War", "The First World War began in 1914 and ended in 1918."),
        ("the Titanic", "It sank on April 15, 1912, after hitting an iceberg at 11:40 p.m."),
        ("the Second World War", "1945-09-02"),
    ],
)
def test_a_year_is_right_beside_other_numbers(event, said):
    (years,) = (template for template in TEMPLATES if template.name == "year")
    probe = next(p for n in range(100) if event in (p := years.probe(0, 0, n)).question)
    assert probe.is_right(said)
    assert not probe.is_right(said.replace(probe.made.answer, "1943"))


@settings(max_examples=400)
@given(ANY, st.sampled_from(SAYINGS), st.data())
def test_another_answer_is_wrong(probe, saying, data):
    made = probe.made
    if probe.tests:
        name = probe.tests[0].removeprefix("assert ").partition("(")[0]
        assert not passes(f"```python\ndef {name}(given):\n    return given\n```", probe.tests)
        return
    if made.grader == "number":
        other = f"{float(made.answer) + data.draw(st.sampled_from((-10, -1, 1, 100))):.12g}"
    else:
        others = "ABCD" if made.grader == "letter" else made.choices
        other = data.draw(st.sampled_from([one for one in others if one != made.answer]))
    assert not probe.is_right(saying.format(other))
    assert not probe.is_right("I do not know.")
    assert not probe.is_right("")


@given(ANY)
def test_the_same_seed_gives_the_same_probe(probe):
    seed_less = probe.template.probe(probe.level, 7, 3)
    assert seed_less == probe.template.probe(probe.level, 7, 3)


def test_probes_are_the_same_in_another_process():
    said = (
        "from rung.probes import TEMPLATES as T\n"
        "print([t.probe(level, 1, n).made for t in T for level in range(len(t.halfway)) for n in range(3)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", said],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


@pytest.mark.parametrize(("template", "level"), KINDS, ids=lambda one: getattr(one, "name", one))
def test_each_kind_has_several_probes(template, level):
    assert len({template.probe(level, 0, number).question for number in range(60)}) >= 4


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_levels_are_in_order_and_choices_hold_the_answer(template):
    assert list(template.halfway) == sorted(template.halfway)
    for level in range(len(template.halfway)):
        made = template.probe(level, 0, 0).made
        if made.choices and made.grader == "exact":
            assert made.answer in made.choices


def test_there_are_as_many_as_are_wanted_in_every_domain():
    assert DOMAINS == prior.DOMAINS
    for domain in DOMAINS:
        of = [(t, level) for t, level in KINDS if t.domain == domain]
        assert len({t.probe(level, 0, number).question for t, level in of for number in range(60)}) >= 100


def test_enough_ask_for_a_short_answer_to_place_rungs_that_give_only_these():
    short = [bool(asked(t.probe(level, 0, 0).question)) for t, level in KINDS if t.domain != "code"]
    assert sum(short) > 50
