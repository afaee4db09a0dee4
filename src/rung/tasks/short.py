"""Tasks with a short answer, put in the words in which `rung.answers.asked` knows what is asked for: what the rule
expects and what the verdict looks for follow from it."""

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from rung.answers import asked, extract
from rung.answers.final import words_of
from rung.answers.numerals import as_number
from rung.errors import BadRequest
from rung.tasks.base import Task, asked_of

Text = Annotated[str, Meta(min_length=1, max_length=1_000_000, pattern=r"\S")]
# In one line, as lists are read again.
Option = Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"^\s*\S[^\n\r]*$")]
Label = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^\s*\S[^\n\r]*$")]
Context = Annotated[str, Meta(max_length=1_000_000, description="A text that the question is about.")]

LETTERS = "ABCDEFGHIJ"


class QuestionInput(Struct, forbid_unknown_fields=True):
    question: Text
    context: Context = ""

    @property
    def whole(self) -> str:
        return f"{self.context}\n\n{self.question}" if self.context else self.question


class AnswerOutput(Struct):
    answer: str


class ChooseInput(Struct, forbid_unknown_fields=True):
    question: Text
    options: Annotated[list[Option], Meta(min_length=2, max_length=len(LETTERS))]
    context: Context = ""


class ChooseOutput(Struct):
    choice: Annotated[str, Meta(description="One of the options, as given.")]
    index: Annotated[int, Meta(ge=0, description="Its place among them, from 0.")]


class ClassifyInput(Struct, forbid_unknown_fields=True):
    text: Text
    labels: Annotated[list[Label], Meta(min_length=2, max_length=200)]
    about: Annotated[str, Meta(max_length=2000, description="What the labels are and how to choose.")] = ""


class ClassifyOutput(Struct):
    label: Annotated[str, Meta(description="One of the labels, as given.")]


class YesNoOutput(Struct):
    answer: Annotated[bool, Meta(description="true for yes, and for true.")]


class NumberOutput(Struct):
    value: Annotated[float, Meta(description="The number, as near as JSON's come to it.")]
    exact: Annotated[str, Meta(description="The number exactly: digits, or a fraction as 1/3.")]


def _said(_: QuestionInput, text: str) -> AnswerOutput | None:
    text = text.strip()
    return AnswerOutput(answer=text) if text else None


def _put_choice(given: ChooseInput) -> dict[str, Any]:
    _refuse_equals(given.options, "options", str.strip)
    listed = "\n".join(f"({letter}) {option.strip()}" for letter, option in zip(LETTERS, given.options, strict=False))
    question = f"{given.context}\n\n{given.question}" if given.context else given.question
    return asked_of(f"{question}\nOptions:\n{listed}\nAnswer with the letter.")


def _chosen(given: ChooseInput, text: str) -> ChooseOutput | None:
    letter = extract(text, "choice", [option.strip() for option in given.options])
    index = LETTERS.index(letter) if letter else len(given.options)
    return ChooseOutput(choice=given.options[index], index=index) if index < len(given.options) else None


def _put_labels(given: ClassifyInput) -> dict[str, Any]:
    _refuse_equals(given.labels, "labels", words_of)
    for at, label in enumerate(given.labels):
        if not words_of(label):
            raise BadRequest(f"`input.labels[{at}]` must have a letter or a digit.", param=f"input.labels[{at}]")
    listed = "\n".join(f"- {label.strip()}" for label in given.labels)
    about = f"{given.about}\n\n" if given.about else ""
    return asked_of(f"{about}Labels:\n{listed}\n\nText: {given.text}\n\nWhich label fits best?")


def _label(given: ClassifyInput, text: str) -> ClassifyOutput | None:
    said = extract(text, "label", given.labels)
    return None if said is None else ClassifyOutput(label=said)


def _put_pole(given: QuestionInput) -> dict[str, Any]:
    return asked_of(f"{given.whole}\n\nAnswer yes or no.")


def _pole(_: QuestionInput, text: str) -> YesNoOutput | None:
    said = extract(text, "yesno")
    return None if said is None else YesNoOutput(answer=said in {"yes", "true"})


def _put_number(given: QuestionInput) -> dict[str, Any]:
    """A question that asks for a number by itself is put as it is: asked for the number only, small models err more."""
    return asked_of(given.whole if asked(given.whole) == "number" else f"{given.whole}\n\nAnswer with a number.")


def _number(_: QuestionInput, text: str) -> NumberOutput | None:
    said = extract(text, "number")
    value = as_number(said) if said is not None else None
    if said is None or value is None:
        return None
    try:
        return NumberOutput(value=float(value), exact=said)
    except OverflowError:
        return None


def _refuse_equals(values: Sequence[str], field: str, form: Any) -> None:
    seen: dict[str, int] = {}
    for at, value in enumerate(values):
        before = seen.setdefault(form(value), at)
        if before != at:
            raise BadRequest(
                f"`input.{field}[{at}]` cannot be told from `input.{field}[{before}]`.", param=f"input.{field}[{at}]"
            )


ANSWER = Task(
    name="answer",
    about="Answers a question in words.",
    input=QuestionInput,
    output=AnswerOutput,
    put=lambda given: asked_of(given.whole),
    read=_said,
    example={"question": "Which is the largest planet of the solar system?"},
)
CHOOSE = Task(
    name="choose",
    about="Chooses one of up to ten options.",
    input=ChooseInput,
    output=ChooseOutput,
    put=_put_choice,
    read=_chosen,
    example={"question": "Which of these is a fruit?", "options": ["a stone", "an apple", "a chair"]},
)
CLASSIFY = Task(
    name="classify",
    about="Gives a text one of up to two hundred labels.",
    input=ClassifyInput,
    output=ClassifyOutput,
    put=_put_labels,
    read=_label,
    example={"text": "My card was stolen this morning.", "labels": ["card lost", "new account", "exchange rate"]},
)
YESNO = Task(
    name="yesno",
    about="Answers a question with yes or no.",
    input=QuestionInput,
    output=YesNoOutput,
    put=_put_pole,
    read=_pole,
    example={"question": "Is 91 a prime number?"},
)
NUMBER = Task(
    name="number",
    about="Answers a question with one number.",
    input=QuestionInput,
    output=NumberOutput,
    put=_put_number,
    read=_number,
    example={"question": "What is 15% of 80?"},
)
