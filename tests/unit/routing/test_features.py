import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.routing import features_of


def ask(text, **body):
    return features_of({"messages": [{"role": "user", "content": text}], **body})


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("Hi there!", "open"),
        ("What is 37 * 43?", "maths"),
        ("Solve x^2 - 5*x + 6 = 0 for x.", "maths"),
        ("What is the derivative of 3*x**2 + 2*x?", "maths"),
        ("Tom has 5 apples and buys 7 more. He eats 3 of them. How many apples does he have left?", "word_problem"),
        ("Which gas do plants take in?\nA) oxygen\nB) carbon dioxide\nC) helium\nD) neon", "choice"),
        ("Is Berlin the capital of Germany? Answer yes or no.", "yesno"),
        ("Write a Python function that reverses a list.", "code"),
        ("Implement quicksort in Python.", "code"),
        (
            "Write a function to find the perimeter of a square.\nassert p(10)==40\nassert p(5)==20\nassert p(4)==16",
            "code",
        ),
        ("Write a function that computes 2**n - 1.", "code"),
        ("Write a C program to reverse a string", "code"),
        ("Write an optimized, menu-driven program for primes", "code"),
        ("Write a small shell script to back up my files", "code"),
        ("Write a recursive function for fibonacci numbers", "code"),
        ("Write a program for the fibonacci sequence.", "code"),
        ("Fix the following program, please", "code"),
        ("What's the error in this Python function?", "code"),
        ("How do I write a class in Python?", "code"),
        ("Write some Node.js code to read a file", "code"),
        ("Write a program printing hello world", "code"),
        ("Write a class representing a bank account", "code"),
        ("Fix the code above", "code"),
        ("Implement the class Stack with push and pop", "code"),
        ("What is the SQL query to find the second highest salary?", "code"),
        ("What's the Python code for a linked list?", "code"),
        ("What is the best way to write a function in Python?", "code"),
        ("Write a training program for a marathon", "write"),
        ("Write a code of conduct", "write"),
        ("Write a query letter to an agent", "write"),
        ("Fix the class schedule for Monday", "open"),
        ("What is a class in Python?", "open"),
        ("Which program do I need for Python files?", "open"),
        ("Give me a Python function for n*(n+1)/2 - 1", "code"),
        ("What number does this Python program print?\n\n```python\nprint(9 + 5 % 5 * 3)\n```", "maths"),
        ("What does this Python program print? print(9 + 5 % 5 * 3)", "maths"),
        ("Improve this Python code:\n```python\ndef f(n):\n    return n*(n+1)/2\n```", "code"),
        ("Fix this code:\n```\ndef f(n):\n    return n*(n+1)/2\n```", "code"),
        ("Write the function f(x) = x^2 - 4 in factored form.", "maths"),
        ("Translate into French: the house is red", "translate"),
        ("Summarise this article: ...", "summarise"),
        ("Write a poem about the sea", "write"),
        ("Explain how a vaccine works.", "open"),
    ],
)
def test_tasks_are_told_apart(text, task):
    assert ask(text).task == task


def test_needs_come_from_the_request():
    features = ask(
        "hi", tools=[{"type": "function"}], response_format={"type": "json_schema"}, logprobs=True, n=2
    )  # fmt: skip
    assert features.needs == {"tools", "json_schema", "logprobs", "n"}
    assert ask("hi", tools=[{}], tool_choice="none").needs == frozenset()
    assert ask("hi", functions=[{"name": "f"}]).needs == {"tools"}
    assert ask("hi", functions=[{"name": "f"}], function_call="none").needs == frozenset()
    image = [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    assert features_of({"messages": [{"role": "user", "content": image}]}).needs == {"images"}


@pytest.mark.parametrize(
    ("before", "short"),
    [
        ([("system", "You are a helpful assistant.")], "number"),
        ([("system", 'Reply in JSON: {"answer": ...}')], ""),
        ([("developer", "Always answer in French.")], ""),
        ([("user", "From now on round all numbers."), ("assistant", "I will.")], ""),
        ([("user", "Can you always reply in JSON?"), ("assistant", "I can.")], ""),
        ([("user", "Use French for all of my questions."), ("assistant", "Oui.")], ""),
        ([("user", "Answer every question in French."), ("assistant", "Oui.")], ""),
        ([("user", "I have 3 cats."), ("assistant", "Nice.")], "number"),
        ([("user", "Why is the sky always blue?"), ("assistant", "Light is scattered.")], "number"),
        ([("user", "Each question is worth 5 points, how much are 4?"), ("assistant", "20")], "number"),
        ([("user", "Whenever it rains, 3 frogs come."), ("assistant", "Nice.")], "number"),
    ],
)
def test_instructions_on_how_to_answer_ask_for_no_short_answer(before, short):
    said = [*before, ("user", "Tom has 3 apples and buys 5 more. How many has he?")]
    features = features_of({"messages": [{"role": role, "content": text} for role, text in said]})
    assert (features.short, features.task) == (short, "word_problem")


@pytest.mark.timeout(2)
def test_long_conversations_take_little_time():
    said = "I went to the shop for all of us, and Anna told me what is new in her street. " * 20
    turns = [{"role": "user", "content": said}, {"role": "assistant", "content": said}] * 200
    body = {"messages": [*turns, {"role": "user", "content": "Tom has 3 apples and buys 5 more. How many has he?"}]}
    for _ in range(100):
        assert features_of(body).short == "number"


def test_sizes_and_languages():
    assert 900 < ask("word " * 800).prompt_tokens < 1300
    assert ask("今日の天気はどうですか").language == "ja"
    assert ask("Wie ist das Wetter und was ist die Zeit?").language == "de"
    assert ask("hi", max_completion_tokens=7).max_tokens == 7
    assert ask("hi", max_completion_tokens=900, max_tokens=7).max_tokens == 7  # as the rungs have it


def test_one_typographic_quote_does_not_make_a_text_longer():
    plain = ask("It's what it is. " * 100).prompt_tokens
    assert plain <= ask("It's what it is. " * 99 + "It\u2019s what it is. ").prompt_tokens <= plain + 1
    assert ask("今日の天気" * 100).prompt_tokens > 300
    assert ask("lone \ud800 surrogate").prompt_tokens > 0


def test_harder_texts_are_more_complex():
    easy = ask("Hi!").complexity
    middle = ask("Tom has 5 apples, buys 7 more each day, then eats half. How many are left after 3 days?").complexity
    hard = ask("If " + "each of 12 boxes holds 7 more than twice the 3 before, then " * 12).complexity
    assert easy < middle < hard <= 1


@given(st.text(max_size=400))
def test_any_text_has_features(text):
    features = ask(text)
    assert 0 <= features.complexity <= 1
    assert 0 <= features.maths <= 1
    assert features.prompt_tokens > 0


PIECES = st.sampled_from([*"0127.,-+*/^=%(x\\ \n", "frac", " apples ", "\u00d7", "\u00f7", "\u221a", "\u0663", "f(x)"])


@given(st.lists(PIECES, max_size=40).map("".join))
def test_numbers_and_operations_are_counted_as_by_reading_all_of_the_text(text):
    numbers = len(re.findall(r"\d+(?:[.,]\d+)*", text))
    operations = len(re.findall(r"\d\s?[-+*/^=%\u00d7\u00f7]|[-+*/^=\u00d7\u00f7] ?[\d(]|\\frac|\u221a", text)) + len(
        re.findall(r"\b[a-z]\([a-z]\)", text)
    )
    words = len(re.findall(r"[a-z][a-z0-9_+#]+", text))
    load = words / 60 + numbers / 8
    features = ask(text)
    assert features.complexity == pytest.approx(load / (load + 2.5))
    assert features.maths == (pytest.approx(min(1.0, 5 * operations / (words + 6))) if numbers else 0)


@pytest.mark.parametrize(
    ("text", "language"), [("was das ist", "de"), ("the cost was low", "en"), ("word " * 100 + "der die das", "en")]
)
def test_a_language_is_told_by_its_small_words_at_the_beginning(text, language):
    assert ask(text).language == language


def test_a_value_is_read_off_an_invoice_however_much_it_looks_like_sums():
    lines = "\n".join(f"ITEM {n}A x{n}\n{n} * {n}.50 = {n * n}.50" for n in range(2, 9))
    invoice = f"TAN & CO (REG : 933109-X)\nLOT 1851-A\nDATE: 12-05-18\n{lines}\nTOTAL 240.00"
    asked = {"messages": [{"role": "user", "content": f"{invoice}\n\nWhat is the date on this receipt, as printed?"}]}
    found = features_of(asked)
    assert found.maths >= 0.6
    assert found.task == "extract"
