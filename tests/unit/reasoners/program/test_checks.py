from fractions import Fraction

import pytest

from rung.reasoners.program.checks import checked, given_in, program_in, shown
from rung.sandbox import Ran

APPLES = "Tom has 3 apples and buys two bags of 4.5 kg. How many does he have?"


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("a = 1\nanswer = a\n", "a = 1\nanswer = a"),
        ("```python\nanswer = 1\n```", "answer = 1"),
        ("Here it is:\n```\nanswer = 1\n```\nThat is all.", "answer = 1"),
        ("```python\na = 1\n```\nBetter:\n```py\nanswer = 2\n```", "answer = 2"),
        ("```python\nanswer = 3", "answer = 3"),
        ("answer = 3\n```", "answer = 3"),
        ("answer = 3\n```\nIt is 3.", "answer = 3"),
        ("import math\nanswer = math.ceil(1.5)", "answer = math.ceil(1.5)"),
        ("```python\nanswer=1\n```", "answer=1"),
        ("```Python3\r\nimport math\r\nanswer = 1\r\n```", "answer = 1"),
        ("  a = 1\n  answer = a", "a = 1\nanswer = a"),
        ("- ```\n  a = 1\n  answer = a\n  ```", "a = 1\nanswer = a"),
        (" a = 1\nanswer = a", "a = 1\nanswer = a"),
        ("", ""),
    ],
)
def test_the_program_is_found(text: str, program: str) -> None:
    assert program_in(text) == program


def test_the_numbers_given_are_those_in_digits_and_in_words() -> None:
    assert given_in(APPLES) == [3, Fraction(9, 2), 2]
    assert given_in("It costs $1,200 and half of that is 600.") == [1200, 600]
    assert given_in("No one has one.") == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(12), "12"),
        (Fraction(-5, 2), "-2.5"),
        (Fraction(100, 3), "33.33333333"),
        (Fraction(1, 8), "0.125"),
        (Fraction(1, 2**30), "9.313225746e-10"),
    ],
)
def test_answers_are_exact_where_a_short_decimal_is(value: Fraction, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("ran", "wrong"),
    [
        (Ran(error="line 2: division by zero"), "line 2: division by zero"),
        (Ran(answer="-3", literals=("3",)), "negative"),
        (Ran(answer=str(10**13), literals=("3",)), "proportion"),
        (Ran(answer=f"1/{10**10}", literals=("3",)), "proportion"),
        (Ran(answer="7", literals=("5", "2/3")), "none of the numbers"),
    ],
)
def test_what_cannot_be_right_is_told(ran: Ran, wrong: str) -> None:
    result = checked(ran, APPLES)
    assert wrong in result.wrong
    assert not result.answer


@pytest.mark.parametrize(
    ("literals", "unused"),
    [
        (("3", "9/2", "2"), 0),
        (("3", "2"), 1),
        (("2", "7"), 2),
    ],
)
def test_numbers_that_go_unused_are_counted(literals: tuple[str, ...], unused: int) -> None:
    result = checked(Ran(answer="12", literals=literals), APPLES)
    assert (result.answer, result.wrong, result.unused) == ("12", "", unused)


@pytest.mark.parametrize("share", ["1/5", "6/5", "4/5", "20"])
def test_a_percentage_is_used_as_a_share_too(share: str) -> None:
    question = "A coat of $50 costs 20% more today. What does it cost?"
    assert checked(Ran(answer="60", literals=("50", share)), question).unused == 0


def test_a_number_below_zero_is_used_with_its_sign_before_it() -> None:
    ran = Ran(answer="-8", literals=("5", "3"))
    assert checked(ran, "It was -5 degrees and fell by 3. What is the temperature?").unused == 0


def test_below_zero_is_an_answer_where_nothing_is_counted() -> None:
    assert checked(Ran(answer="-3", literals=("3",)), "What is the temperature if it falls by 3 from 0?").answer == "-3"


def test_a_question_that_gives_no_numbers_asks_for_none() -> None:
    assert checked(Ran(answer="7", literals=("7",)), "How many days are in a week?").answer == "7"
