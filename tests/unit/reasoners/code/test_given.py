import pytest

from rung.reasoners.code.given import assertions_in, given_tests


def test_tests_are_lines_of_their_own_that_can_be_read() -> None:
    text = "Pass these:\n```\nassert f(1) == 2\n  assert f(2) == 3\nassert f(1) == 2\nassert f( ==\n```"
    text += "\n`assert g(3)`\n>>> assert h"
    assert assertions_in(text) == ["assert f(1) == 2", "assert f(2) == 3", "assert g(3)", "assert h"]
    assert assertions_in("One must assert oneself.") == []


def test_a_test_may_go_over_several_lines() -> None:
    text = "assert f(\n    1,\n    2,\n) == 3\nassert f([\n1]) == 2, 'no'\nassert f(\nassert g()"
    assert assertions_in(text) == ["assert f(\n    1,\n    2,\n) == 3", "assert f([\n1]) == 2, 'no'", "assert g()"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [f"assert{' ' * 300_000}x y", f"assert x{' `' * 150_000}y", "".join(f"assert ({i}\n" for i in range(300_000))],
)
def test_tests_are_looked_for_in_linear_time(text: str) -> None:
    assert assertions_in(text) == []


BODY = "Refactor this function:\n```python\ndef root(x):\n    assert x >= 0, 'negative'\n    return x ** 0.5\n```"


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        (BODY, []),
        (BODY + "\nassert root(4) == 2", ["assert root(4) == 2"]),
        ("if x:\n    pass\nelse:\n    assert x", []),
        ("try:\n    assert x\nexcept E:\n    assert y", []),
        ("def test_root():\n    assert root(4) == 2", ["assert root(4) == 2"]),
        ("def test_root():\n    for x in (1, 4):\n        assert root(x) in (1, 2)", []),
        ("It holds for these:\n    assert root(4) == 2", ["assert root(4) == 2"]),
        ("If this holds:\n\n\tassert root(4) == 2", ["assert root(4) == 2"]),
    ],
)
def test_what_code_asserts_of_its_own_is_no_test(text: str, tests: list[str]) -> None:
    assert assertions_in(text) == tests


UP = "Write a Python function up(x) that adds 1."


@pytest.mark.parametrize(
    ("question", "tests"),
    [
        (f"{UP} It must pass: assert up(1) == 2", ["assert up(1) == 2"]),
        (f"{UP} It must pass `assert up(1) == 2`.", ["assert up(1) == 2"]),
        (f"{UP} Your code should satisfy this test: assert up(1) == 2.", ["assert up(1) == 2."]),
        (f"{UP} It passes: assert up('a') == 'b'.", ["assert up('a') == 'b'"]),
        (f"{UP}\nassert up(0) == 1\nIt also passes: assert up(1) == 2", ["assert up(0) == 1", "assert up(1) == 2"]),
        (f"{UP} It must not use assert: assert statements are slow.", []),
        (f"{UP} for test in tests: assert up(test)", []),
        (f"{UP}\nfor test in tests: assert up(test)", []),
        ("What does this test: assert up(1) == 2", []),
        (
            f'{UP}\n\ndef up(x):\n    """\n    >>> up(1)\n    2\n    >>> up(0)\n    1\n    """',
            ["assert (up(1)) == 2", "assert (up(0)) == 1"],
        ),
        (f"{UP}\n>>> up([1])\n[2]\n>>> up\n<function up>", ["assert (up([1])) == [2]"]),
        (f"{UP}\n>>> x = 1\n>>> up(x)\n2", []),
        (f"{UP}\n>>> up(1)\n>>> up(2)\n3", ["assert (up(2)) == 3"]),
        ("Fix this Python function up(x):\n>>> up(1)\n1", []),
        ("What does this Python print?\n>>> sorted([2, 1])\n[1, 2]", []),
    ],
)
def test_what_is_to_be_passed_may_stand_in_words_and_at_pythons_prompt(question: str, tests: list[str]) -> None:
    assert given_tests(question) == tests


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece",
    [">>> f(1)\n", ">>> ", "pass ", "tests: ", "passes: assert", "test: assert x y\n", "    assert x\n", "\n>>> 1\n1"],
)
def test_what_is_to_be_passed_is_looked_for_in_linear_time(piece: str) -> None:
    given_tests(f"{UP} assert >>> {piece * 50_000}")
