import warnings

import pytest

from rung.reasoners.code.asking import code_in, function_in, mending, wants_code


@pytest.mark.parametrize(
    ("question", "wants"),
    [
        ("Write a python function to add two numbers.", True),
        ("Write a function that returns the sum of a, b and c.", True),
        ("Implement a class for a stack.", True),
        ("Please go and write me a function for primes.", True),
        ("def add(a, b):\n    '''adds'''", True),
        ("Write a Python script that prints java.", True),
        ("Write a function in Rust that adds two numbers.", False),
        ("Implement quicksort as a C++ function.", False),
        ("Write a function in C for this.", False),
        ("Write a C program that prints a triangle.", False),
        ("Implement a Go function that reverses a string.", False),
        ("Write an R script that plots a histogram.", False),
        ("Write a Swift class for a stack.", False),
        ("Create a function using Julia.", False),
        ("Write a MATLAB function for the mean.", False),
        ("Write a PowerShell script that lists files.", False),
        ("Write a Lua script for a game.", False),
        ("Fix this function:\n```go\nfunc add(a int) int { return a }\n```", False),
        ("Translate this Python function to Go.\nWrite the code.", False),
        ("Please rewrite this in Rust:\ndef add(a, b):\n    return a + b", False),
        ("Convert this Java function to Python:\nint add(int a)\nWrite the code.", True),
        ("Write a python function to convert markdown to HTML.", True),
        ("Write a function for scheme C of the tariff, and go on.", True),
        ("Write a function that sums a grid with R rows and C columns.", True),
        ("Write a function that simulates an assembly line.", True),
        ("Convert Fahrenheit to C. Write a function for it.", True),
        ("Write a function that counts the letters R and C in a text.", True),
        ("Implement quicksort in Python.", True),
        ("Write a recursive Fibonacci in Python", True),
        ("Write Python to reverse a list.", True),
        ("I need a Python function that counts vowels.", True),
        ("Generate a short Python function that counts vowels.", True),
        ("Make a function that counts vowels in Python", True),
        ("Give me a Python one-liner that flattens a list.", True),
        ("Provide a Python implementation of Dijkstra's algorithm.", True),
        ("Hello! Please code a snake game in Python", True),
        ("Code quicksort in Python", True),
        ("What does this code do in Python?", False),
        ("I want to learn to code in Python.", False),
        ("Provide an explanation of the Python generator.", False),
        ("I need to know what this Python function does.", False),
        ("Give me a reason to learn Python.", False),
        ("Write an essay about the python, a snake.", False),
        ("Explain how classes work in Python.", False),
        ("Write a poem about ladders.", False),
        ("What does a function do?", False),
        ("", False),
    ],
)
def test_who_asks_for_python(question: str, wants: bool) -> None:
    assert wants_code(question) == wants


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["\n", " ", ".", "\ntranslate", "translate to ", "a C ", "c", "in ", "make a "])
def test_languages_are_looked_for_in_linear_time(piece: str) -> None:
    assert wants_code(f"def f(x): write a function{piece * 100_000}")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("Here:\n```\nx = 1\n```\nand\n```py\nx = 1\ny = 2\n```", "x = 1\ny = 2"),
        ("x = 1", "x = 1"),
        ("```python\nx = 1", "x = 1"),
        ("1. So:\n\n   ```python\n   def f():\n       return 1\n   ```\n   That is all.", "def f():\n    return 1"),
        (
            "```python\ndef f(): pass\n```\nIt holds:\n```python\nassert f() is None\nassert not f()\n```",
            "def f(): pass",
        ),
        ("I cannot do that.", ""),
        ("```javascript\nlet x = 1\n```", ""),
        ("```python\nx = = 1\n```", ""),
        ("", ""),
    ],
)
def test_the_code_is_found(text: str, code: str) -> None:
    assert code_in(text) == code


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["```" + "a" * 300_000, "```a" * 100_000, "```" + " " * 300_000, "```\n" * 100_000])
def test_code_is_looked_for_in_linear_time(text: str) -> None:
    assert code_in(text) == ""


def test_what_python_warns_of_is_not_told_to_the_log() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert code_in("```python\npattern = '\\d'\n```") == "pattern = '\\d'"


def test_the_function_is_the_last_at_the_top() -> None:
    assert function_in("def a(): pass\ndef b():\n    def c(): pass\nclass D: pass") == "b"
    assert function_in("x = 1") == ""
    assert function_in("async def a(): pass\nclass B: pass") == "a"
    assert function_in("class A: pass\nclass B: pass") == "B"
    assert function_in("def is_prime(n): pass\ndef main(): print(is_prime(7))\nmain()") == "is_prime"
    assert function_in("def main(): pass") == "main"


def test_mending_shows_what_was_written_and_what_came_of_it() -> None:
    draft = {"messages": [{"role": "user", "content": "q"}], "max_tokens": 9}
    body = mending(draft, "code", "failed: assert f(1)")
    assert [turn["content"] for turn in body["messages"]][:2] == ["q", "code"]
    assert "failed: assert f(1)" in body["messages"][2]["content"]
    assert body["max_tokens"] == 9
