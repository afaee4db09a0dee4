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


@pytest.mark.parametrize(
    ("question", "passage", "often"),
    [
        ("Write 'I will not talk in class' a hundred times.", "I will not talk in class\n", 1000),
        ("continue", "I will not talk in class\n", 1000),
        ("Schreib 'Hallo Welt' 300 Mal.", "Hallo Welt\n", 300),
        ("Make an empty table with the columns name and age.", "|      |     |\n", 200),
        ("Give me a string of 3000 a's.", "a", 3000),
        ("Write a C array of 512 bytes, all 0xFF.", "0xFF, ", 512),
    ],
)
def test_who_asks_for_repetition_gets_it(question: str, passage: str, often: int) -> None:
    loops = Loops(question)
    assert not any(loops.add(passage) for _ in range(often))


def test_who_names_a_number_does_not_get_much_more() -> None:
    loops = Loops("A train needs 3 hours at 80 km/h. How far is it?")
    at = next(number for number in range(1000) if loops.add(PASSAGE))
    assert 80 < at < 90
