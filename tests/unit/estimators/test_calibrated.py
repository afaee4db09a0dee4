import math
from random import Random

import pytest
from msgspec import structs

from rung.errors import ConfigError
from rung.estimators.ability import Ability
from rung.estimators.calibrated import (
    EASIER,
    LINK_SD,
    Answered,
    Calibrated,
    Calibration,
    File,
    Pace,
    expected,
    read_file,
    write_file,
)
from rung.estimators.prior import Placed, shipped


def answered(number, ending="right", task="maths", domain="maths", tokens=10):
    return Answered(
        key=f"sum/0/{number}", domain=domain, task=task, ending=ending, tokens=tokens, seconds=0.5, usd=0.001
    )


def calibration(*done, guess=0.0):
    return Calibration(
        of="mark",
        probes=1,
        seed=0,
        made="2026-01-01",
        whole=True,
        placement=Ability(5, guess).placement(),
        answered=done,
    )


class Fixed:
    """A prior that places every question alike."""

    about = shipped().about

    def __init__(self, difficulty, *domains):
        self._placed = Placed(difficulty, domains)

    def place(self, question):
        return self._placed


def test_a_file_outlives_its_process(tmp_path):
    path = tmp_path / "state" / "calibration.json"
    assert read_file(path) == File()
    file = File(reasoners={"one": calibration(answered(0), answered(1, "abstained"))})
    write_file(path, file)
    assert read_file(path) == file
    assert [found.name for found in path.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize("text", ["", "{", '{"format": 99, "reasoners": {}}', '{"reasoners": {"a": 1}}'])
def test_another_file_is_told_as_such(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="calibrat"):
        read_file(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"abilities": (0.0,)},
        {"sds": (1.0,) * 6},
        {"sds": (-1.0,) * 5},
        {"abilities": (1e300,) * 5},
        {"right_share": 7.0},
    ],
)
def test_a_placement_that_cannot_be_is_refused(tmp_path, changes):
    one = calibration(answered(0))
    changed = structs.replace(one, placement=structs.replace(one.placement, **changes))
    write_file(tmp_path / "c.json", File(reasoners={"one": changed}))
    with pytest.raises(ConfigError, match="says of `one` cannot be"):
        read_file(tmp_path / "c.json")


def test_a_pace_that_cannot_be_is_refused(tmp_path):
    pace = Pace(first_s=-1.0, prompt_s_per_token=0.0, completion_s_per_token=0.0)
    write_file(tmp_path / "c.json", File(reasoners={"one": structs.replace(calibration(answered(0)), pace=pace)}))
    with pytest.raises(ConfigError, match="says of `one` cannot be"):
        read_file(tmp_path / "c.json")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_file(tmp_path / "file" / "calibration.json", File())


def test_the_chance_is_that_over_all_that_is_not_known():
    rng = Random(0)
    placed, means, sds = Placed(0.4, (0.5, 0.3, 0.2, 0.0, 0.0)), (1.0, -1.0, 0.3, 0.0, 0.0), (0.3, 0.5, 0.8, 1.0, 1.0)
    draws = []
    for _ in range(40_000):
        at = rng.choices(range(5), placed.domains)[0]
        ability = rng.gauss(means[at], math.hypot(sds[at], LINK_SD))
        draws.append(1 / (1 + math.exp(placed.difficulty - ability)))
    mean = sum(draws) / len(draws)
    sd = math.sqrt(sum((p - mean) ** 2 for p in draws) / len(draws))
    assert expected(placed, means, sds) == pytest.approx((mean, sd), abs=0.015)


def test_what_it_says_of_who_was_asked():
    done = [answered(i) for i in range(3)] + [answered(3, "abstained", tokens=0), answered(4, task="choice")]
    done += [answered(i, domain="reading", tokens=1) for i in range(5, 9)]
    known = {"asked": calibration(*done, guess=1.0)}
    said = Calibrated(Fixed(0.5, 1.0, 0.0, 0.0, 0.0, 0.0), known)("what?")
    assert said["asked"].source == "calibrated"
    assert said["asked"].outcomes == 9
    assert said["asked"].task_tokens == {"maths": 10}
    assert said["asked"].abstain_prob == pytest.approx(1 / 6)
    assert 0.5 < said["asked"].right_prob < 0.7
    assert said["asked"].ordinary == known["asked"].placement.right_share
    assert said["asked"].origin
    assert set(said) == {"asked"}


def test_harder_questions_are_less_likely_right_for_all():
    known = {"asked": calibration(answered(0), guess=1.0)}
    easy, hard = (Calibrated(Fixed(d, *[0.2] * 5), known)("what?") for d in (-1.0, 1.0))
    assert all(easy[name].right_prob > hard[name].right_prob for name in easy)


def test_a_file_that_may_not_be_read_is_not_called_a_wrong_one(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_file(tmp_path)


@pytest.mark.parametrize(
    ("question", "logic", "easier"),
    [
        ("Which of these intents fits? refund, invoice\n\nMessage: my money?", 0.0, 1.25),
        ("Which of these intents fits? refund, invoice\n\nMessage: my money?", 0.4, 0.75),
        ("Anna is taller than Ben. Who is tallest? Answer with one of: Anna, Ben.", 1.0, 0.0),
        ("What is the capital of Peru? Answer with one word.", 0.0, 0.0),
    ],
)
def test_a_text_is_put_under_listed_labels_more_easily_than_the_prior_has_it(question, logic, easier):
    prior = Fixed(0.5, 0.0, logic, 1.0 - logic, 0.0, 0.0)
    said = Calibrated(prior, {"asked": calibration(answered(0))})(question)
    assert said["asked"].easier == {"extract": EASIER["extract"], "label": pytest.approx(easier)}


def test_labels_are_looked_for_where_a_demand_stands():
    """A long text in between is not gone through."""
    listed = "Which of these intents fits? refund, invoice"
    said = Calibrated(Fixed(0.5, 0.0, 0.0, 1.0, 0.0, 0.0), {"asked": calibration(answered(0))})
    text = "x" * 10_000
    assert said(f"{text}\n{listed}")["asked"].easier["label"] == EASIER["label"]
    assert said(f"{text}\n{listed}\n{text}")["asked"].easier["label"] == 0
