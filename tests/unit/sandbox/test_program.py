"""The language of `program`: what it computes, and everything that it refuses."""

import ast
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.sandbox.exact import MOST_BITS
from rung.sandbox.program import MOST_CHARS, Programs, run


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("answer = 2 + 3 * 4", "14"),
        ("answer = 0.1 + 0.2", "3/10"),
        ("answer = 1 / 3", "1/3"),
        ("answer = 6 / 3", "2"),
        ("answer = int(100 * 0.57)", "57"),
        ("answer = 7 // 2 + 7 % 4", "6"),
        ("answer = 2 ** 10", "1024"),
        ("answer = 2 ** -2", "1/4"),
        ("answer = (9 / 4) ** 0.5", "3/2"),
        ("answer = -(-3)", "3"),
        ("a = b = 2\nanswer = a + b", "4"),
        ("a, b = 3, 4\nanswer = a * b", "12"),
        ("a, b = divmod(17, 5)\nanswer = 10 * a + b", "32"),
        ("total = 0\nfor i in range(1, 11):\n    total += i\nanswer = total", "55"),
        ("n = 1\nwhile n < 100:\n    n *= 2\nanswer = n", "128"),
        (
            "n = 0\nwhile True:\n    n += 1\n    if n % 2:\n        continue\n    if n > 7:\n        break\nanswer = n",
            "8",
        ),
        ("prices = [2, 3.5]\nprices.append(4)\nanswer = sum(prices)", "19/2"),
        ("prices = {'tea': 2, 'rye': 3}\nprices['tea'] = 5\nanswer = prices['tea'] + prices['rye']", "8"),
        ("total = 0\nfor name, price in {'a': 1, 'b': 2}.items():\n    total += price\nanswer = total", "3"),
        ("answer = max(3, 5) - min([2, 1])", "4"),
        ("answer = sorted([3, 1, 2])[0] + len([1, 2])", "3"),
        ("answer = round(2.567, 2)", "257/100"),
        ("answer = math.ceil(7 / 2) + math.floor(7 / 2)", "7"),
        ("answer = math.sqrt(16) + math.gcd(12, 18) + math.comb(5, 2)", "20"),
        ("answer = 1 if 2 > 1 and not 3 in [4] else 0", "1"),
        ("answer = 1 < 2 < 3", ""),
        ("answer = ceil(7 / 2) + sqrt(16) + comb(5, 2)", "18"),
        ("pi = 3\nanswer = pi", "3"),
        ("# a comment\nx = 5  # another\nprint(x)\nanswer = x", "5"),
        ("answer = 10 ** 20 // 7", "14285714285714285714"),
    ],
)
def test_it_computes_exactly(source: str, answer: str) -> None:
    assert run(source).answer == answer


def test_what_does_not_come_out_is_a_float() -> None:
    assert float(Fraction(run("answer = 2 ** 0.5").answer)) == pytest.approx(2**0.5)
    assert float(Fraction(run("answer = math.pi * 2").answer)) == pytest.approx(6.283185307)
    assert float(Fraction(run("answer = pi * 2").answer)) == pytest.approx(6.283185307)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("answer = 1000 * 1.005 ** 360", 6022.575212),
        ("answer = 1000 / (1 + 0.05 / 12) ** (12 * 30)", 223.8265956),
        ("answer = 1000\nfor month in range(360):\n    answer = answer * 1.005", 6022.575212),
        ("answer = 1 ** 5000", 1.0),
    ],
)
def test_what_has_too_many_digits_is_a_float(source: str, value: float) -> None:
    assert float(Fraction(run(source).answer)) == pytest.approx(value)


@pytest.mark.parametrize("source", ["answer = 0.5 ** 5000", "answer = 0.5 ** 2000.5"])
def test_what_is_too_small_for_a_float_is_not_zero(source: str) -> None:
    assert "too small" in run(source).error


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\nanswer = 1", "line 1: `import` is not allowed"),
        ("from os import path", "`import` is not allowed"),
        ("def f():\n    return 1", "`def` is not allowed"),
        ("f = lambda: 1", "not allowed"),
        ("answer = [x for x in range(3)]", "not allowed"),
        ("answer = sum(x for x in range(3))", "not allowed"),
        ("class A:\n    pass", "not allowed"),
        ("with open('x'):\n    pass", "not allowed"),
        ("try:\n    pass\nexcept:\n    pass", "not allowed"),
        ("del x", "not allowed"),
        ("global x", "not allowed"),
        ("x = f'{1}'", "an f-string is not allowed"),
        ("x = b'1'", "only numbers and texts"),
        ("x = 1j", "only numbers and texts"),
        ("x = ...", "only numbers and texts"),
        ("x = [1][0:1]", "not allowed"),
        ("x = {1, 2}", "not allowed"),
        ("x = (y := 1)", "not allowed"),
        ("x = 1 << 9999999999", "not allowed"),
        ("x = ~1", "not allowed"),
        ("x = print(*[1])", "not allowed"),
        ("x = range(stop=3)", "without their names"),
        ("for i in [1]:\n    pass\nelse:\n    pass", "no `else`"),
        ("x = ().__class__", "`.__class__` is not allowed"),
        ("x = ().__class__.__bases__[0].__subclasses__()", "is not allowed"),
        ("x = 'a'.format(1)", "`.format` is not allowed"),
        ("x = math.__loader__", "`.__loader__` is not allowed"),
        ("x = __import__('os')", "do not begin with `_`"),
        ("x = __builtins__", "do not begin with `_`"),
        ("x = [print][0](1)", "only functions with a name"),
        ("x = (lambda: 1)()", "only functions with a name"),
        ("print.append(1)", "never set"),
        ("x = print", "the name `print` was never set"),
        ("x = eval('1')", "no function `eval`"),
        ("x = open('/etc/passwd')", "no function `open`"),
        ("x = getattr(1, 'real')", "no function `getattr`"),
        ("x = type(1)", "no function `type`"),
        ("x = math.sqrt", "can only be called"),
        ("x = math", "the name `math` was never set"),
        ("math.pi = 3", "cannot be assigned to"),
        ("x.append = 3", "cannot be assigned to"),
        ("x = 'a' + 'b'", "a number is wanted"),
        ("x = 'a' * 1000000000", "a number is wanted"),
        ("x = [0] * 1000000000", "a number is wanted"),
        ("x = (1, 2)\nx[0] = 5", "only lists and dicts"),
        ("x = [1][5]", "no item at this place"),
        ("x = [1][0.5]", "no item at this place"),
        ("x = {'a': 1}['b']", "no such key"),
        ("x = {[1]: 1}", "a key must be"),
        ("a, b = 1, 2, 3", "2 names for 3 values"),
        ("x = max([])", "nothing to choose from"),
        ("x = math.sqrt(-1)", "root of a negative"),
        ("x = (-8) ** (1 / 3)", "not real"),
        ("x = 1 / 0", "line 1: division by zero"),
        ("x = math.log(0)", "cannot be computed"),
        ("x = abs()", "cannot be computed"),
        ("x = range(0, 3, 0)", "cannot be computed"),
        ("break", "outside of a loop"),
        ("x = y", "`y` was never set"),
        ("answer = [1]", "`answer` is not one number"),
        ("answer = True", "`answer` is not one number"),
        ("answer = 'ten'", "`answer` is not one number"),
        ("x = 1", "`answer` was never set"),
        ("x = = 1", "this is not Python"),
        ("x = '\0'", "this is not Python"),
    ],
)
def test_what_it_refuses_is_told(source: str, said: str) -> None:
    ran = run(source)
    assert said in ran.error
    assert not ran.answer


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    pass",
        "for i in range(10 ** 12):\n    pass",
        "answer = sum(range(10 ** 12))",
        "answer = max(range(10 ** 12))",
        "answer = sorted(range(10 ** 12))",
        "answer = 5 in range(6, 10 ** 12)",
        "x = list(range(10 ** 12))",
        "x = [1]\nfor i in range(10 ** 9):\n    x.append(i)",
        "x = [1]\nwhile True:\n    for i in x:\n        x.append(i)",
        "x = {}\nfor i in range(10 ** 9):\n    x[i] = i",
        "answer = 9 ** 9 ** 9",
        "answer = (1 / 3) ** 10 ** 9",
        "x = 10\nfor i in range(10 ** 4):\n    x = x * x",
        "x = 1 / 3\nfor i in range(10 ** 4):\n    x = x * x",
        "x = 2.0 ** 0.5\nfor i in range(10 ** 4):\n    x = x * x",
        "answer = math.factorial(10 ** 9)",
        "answer = math.comb(10 ** 9, 10 ** 8)",
        "answer = math.exp(10 ** 9)",
        "answer = round(1 / 3, 10 ** 9)",
        "answer = 1e999",
        f"answer = {'9' * 3000}",
        f"answer = 0x{'f' * 3000}",
        f"answer = {'(' * 1000}1{')' * 1000}",
        f"answer = {'-' * 3000}1",
        f"answer = {'not ' * 900}1",
        f"answer = {'+'.join('1' * 1500)}",
        f"answer = x{'[0]' * 1000}",
        f"answer = 1{' ' * MOST_CHARS}",
    ],
)
def test_bombs_end_soon_and_are_told(source: str) -> None:
    ran = run(source)
    assert ran.error
    assert not ran.answer


def test_lists_that_share_what_they_hold_are_not_compared() -> None:
    """Compared item by item, two of depth 60 would take 2 ** 60 steps."""
    deeper = "x = [1]\ny = [1]\nfor i in range(60):\n    x = [x, x]\n    y = [y, y]\n"
    for last in ("answer = x == y", "answer = x in [y]", "answer = max(x, y)", "answer = sorted([x, y])"):
        assert run(deeper + last).error


def test_it_tells_the_numbers_written_and_the_names_left_idle() -> None:
    ran = run("a = 3\nb = 2.5\nspare = 7\nanswer = a * b + 1")
    assert ran.literals == ("3", "5/2", "7", "1")
    assert ran.idle == ("spare",)


def test_a_warning_of_pythons_quotes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(r"x = '\d'; answer = 1 if 1 is 1 else 2").error
    assert capfd.readouterr().err == ""


@given(st.text(max_size=200))
def test_any_text_gives_an_answer_or_says_why_not(source: str) -> None:
    ran = run(source)
    assert bool(ran.answer) != bool(ran.error)


EXPRESSIONS = st.recursive(
    st.integers(0, 999).map(str) | st.decimals(0, 99, places=2).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from([*"+-*/", "//", "%", "**"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | inner.map(lambda one: f"-{one}")
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_arithmetic_is_pythons_with_fractions_for_floats(text: str) -> None:
    ran = run(f"answer = {text}")
    if ran.error or "**" in text:
        assert Fraction(ran.answer or 0).numerator.bit_length() <= MOST_BITS
        return
    tree = ast.parse(text, mode="eval")
    exact = ast.fix_missing_locations(_Exactly().visit(tree))
    assert Fraction(ran.answer) == eval(compile(exact, "", "eval"), {"Fraction": Fraction})


class _Exactly(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Call:
        return ast.Call(ast.Name("Fraction", ast.Load()), [ast.Constant(repr(node.value))], [])


async def test_programs_run_in_a_worker_that_is_kept() -> None:
    programs = Programs()
    programs.start()
    try:
        assert (await programs.run("answer = 6 * 7")).answer == "42"
        assert (await programs.run("answer = 9 ** 9 ** 9")).error
        assert (await programs.run("answer = '\ud800'")).error
        assert (await programs.run("answer = 6 * 8")).answer == "48"
    finally:
        await programs.close()


@pytest.mark.parametrize("source", ["answer = {}", "if 0:\n    x = {}\nanswer = 5", "x = {}\nanswer = 5"])
def test_a_number_with_more_digits_than_python_writes(source: str) -> None:
    ran = run(source.format(f"0x{'f' * 3900}"))
    assert ran.answer == "5" or ran.error == "line 1: a number too large"
