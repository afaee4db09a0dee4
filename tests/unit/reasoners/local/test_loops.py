import pytest

from rung.reasoners.local.loops import Loops, ends_in_a_loop

PASSAGE = "But if we assume that the statements are correct, then there is a mistake in them. "


@pytest.mark.parametrize("passage", [PASSAGE, "no ", "x", PASSAGE * 6])
def test_a_passage_said_over_and_over_is_a_loop(passage: str) -> None:
    assert ends_in_a_loop("Let us think. " + passage * (4 + 2000 // len(passage)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        PASSAGE * 3,
        PASSAGE * 30 + "So Tim is the shortest, since all others are taller.",
        "".join(f"{number}, " for number in range(1000)),
        "".join(f"| {number} | {number * 7} |\n" for number in range(300)),
        PASSAGE * 12 + "And yet. " + PASSAGE * 12,
    ],
)
def test_what_goes_on_is_none(text: str) -> None:
    assert not ends_in_a_loop(text)


def test_it_is_seen_while_it_comes() -> None:
    loops = Loops("Who is the shortest?")
    at = next(number for number in range(1000) if loops.add(PASSAGE))
    assert 2000 <= (at + 1) * len(PASSAGE) < 2400


def test_who_asks_for_repetition_gets_it() -> None:
    loops = Loops("Write 'I will not talk in class' a hundred times.")
    assert not any(loops.add("I will not talk in class\n") for _ in range(1000))
