import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.answers import extract, same

NUMBERS = [
    ("Therefore, Janet makes $18 every day.", "18"),
    ("So the answer is 5 x 3 = 15", "15"),
    ("#### 1,234", "1234"),
    (r"The answer is \(\boxed{\frac{3}{4}}\).", "3/4"),
    (r"\boxed{\$1{,}250.50}", "1250.5"),
    ("The total is **$1,234.50 dollars**.", "1234.5"),
    ("-3", "-3"),
    ("The answer is minus 3.", "-3"),
    ("negative five", "-5"),
    ("7 minus 5 is 2", "2"),
    ("It takes 2½ hours.", "2.5"),
    ("It takes 3 and a half hours.", "3.5"),
    ("5 \u00d7 10^3", "5000"),
    ("5 x 10^3", "5000"),
    ("1.6\u00b710^-2", "0.016"),
    ("The mass is 2.5 * 10^{-3} kg.", "0.0025"),
    ("The answer is 10^6.", "1000000"),
    ("I would say 7 (not 8).", "7"),
    ("She has 7, not 8", "7"),
    ("The answer is 3, not 2 1/2.", "3"),
    ("The answer is 8, not 7/9.", "8"),
    ("The answer is 8, not 7 million.", "8"),
    ("It is 5, not 10^3.", "5"),
    ("It is not 8 but 7.", "7"),
    ("It is not 8.", "8"),
    ("1.234.567", "1234567"),
    ("\u22123.", "-3"),
    ("50%", "50"),
    ("1/2", "0.5"),
    ("1e3", "1000"),
    ("2.5 million", "2500000"),
    ("twelve", "12"),
    ("She has twenty-five apples.", "25"),
    ("**Answer:** 42 apples", "42"),
    ("**Final answer: 42**", "42"),
    ("Step 1: 5+7=12\nStep 2: 12*2 = 24\n\nFinal Answer:\n\\[ \\boxed{24} \\]", "24"),
    (r"$3 * 4 = 12$ dollars so total cost is \$12.", "12"),
    ("She earns 3 * $10 = $30 for 3 days. So she earns $30 in 3 days.", "30"),
    ("10-15 = -5", "-5"),
    ("the result is 2^10 = 1024", "1024"),
    ("The answer is 2.5 hours, or 150 minutes.", "2.5"),
    ("Answer: Janet has 5 apples and 3 pears, so 8 fruits", "8"),
    ("1. She buys 3.\n2. She eats 1.\n\nShe has 2 left.", "2"),
    ("He is 3 1/2 years old", "3.5"),
    ("Finally, 12 \u00d7 4 = 48.\n\nTherefore, she needs 48 eggs for the 12 cakes.", "48"),
    ("The answer is the 4th of 7 days", "7"),
    ("15 km/h", "15"),
    ("x = 7", "7"),
    (r"Thus, \( x = \frac{10}{4} \)", "2.5"),
    ("A total of 3,5 and 7", "7"),
    ("Answer: To find the total, add 5 and 3.\n5 + 3 = 8\nShe has 8 apples.", "8"),
    ("Answer: She has 8 apples.\n\nExplanation: she had 5 and bought 3.", "8"),
    ("The result is 5 a week.\nIn 4 weeks she eats 4 * 5 = 20.\nShe eats 20 apples.", "20"),
    ("- 15 apples", "15"),
    ("3-5", "5"),
    ("There are 12 inches in 1 foot, so 5 feet is 60 inches.", "60"),
    ("So, the answer is:\n\n\\[\n\\boxed{42 \\text{ apples}}\n\\]\n\nEach of the 7 children gets 6.", "42"),
    ("```output\n18.0\n```", "18"),
    ("The journey takes 3 hours 25 minutes.", "205"),
    ("It is 1 hour and 5 minutes in all.", "65"),
    ("He is 5 feet 3 inches tall", "63"),
    ("1 hour 75 minutes", "75"),
    ("She works 8 hours 5 days a week", "5"),
    ("The total is 12 (8 + 4).", "12"),
    ("She has 5 red apples (not counting the 2 rotten ones).", "5"),
    ("She has 12 left (20 - 8 = 12).", "12"),
    ("5 (apples) + 3 (pears) = 8", "8"),
    ("In 2 hours she drives half of it (60 miles).", "60"),
    ("It is f(3) (7).", "7"),
    ("So 20 out of the 50 students (40%) are girls.", "40"),
    ("That is 2/5 (40%).", "40"),
    ("The result is 2^5 (32).", "32"),
    ("That equals 3 dozen (36).", "36"),
    ("It is 10 choose 3 (120).", "120"),
    ("So 12 students (30%) play.", "12"),
    ("12 m^2", "12"),
    ("The volume is **12 cm^3**.", "12"),
    ("\\boxed{12 \\text{ m}^{2}}", "12"),
    ("9.8 m/s^2", "9.8"),
    ("2 m^2 * 3 = 6 m^2", "6"),
]


@pytest.mark.parametrize("text", ["two thirds", "a dozen", "two dozen", "one and a half"])
def test_words_that_are_a_part_of_a_number_are_none(text: str) -> None:
    assert extract(text, "number") is None


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_numbers(text: str, number: str) -> None:
    said = extract(text, "number")
    assert said is not None
    assert same(said, number)


CHOICES = [
    ("B", "B"),
    ("b", "B"),
    ("(c)", "C"),
    ("B.", "B"),
    ("B) breathing mask", "B"),
    ("The correct answer is (B)", "B"),
    ("The correct answer is B) breathing mask.", "B"),
    ("**B**", "B"),
    ("**Answer: C**", "C"),
    ("The answer is:\n\nC. rubber gloves", "C"),
    (r"\boxed{\text{D}}", "D"),
    ("A) goggles do not help\nB) masks do\nSo option B is correct.", "B"),
    ("The correct option is **C) rubber gloves**.", "C"),
    ("Option D", "D"),
    ("answer2", "B"),
    ("breathing mask", "B"),
    ("I would choose the breathing mask.", "B"),
    ("The answer is a breathing mask.", "B"),
    ("A) goggles is wrong. C) gloves is wrong. B) breathing mask is the best choice.", "B"),
    ("Spores are breathed in, so one needs to cover the mouth.\n\nFinal answer: B", "B"),
    ("Answer: A", "A"),
    ("D - lead apron", "D"),
    ("Both A and D are wrong, so C.", "C"),
    ("C\n\nExplanation: A) is no filter, and neither is B)", "C"),
    (r"Answer: $\boxed{B}$", "B"),
]


@pytest.mark.parametrize(("text", "letter"), CHOICES)
def test_choices(text: str, letter: str) -> None:
    options = ("safety goggles", "breathing mask", "rubber gloves", "lead apron")
    assert extract(text, "choice", options) == letter


@pytest.mark.parametrize("text", ["A marsh is wet.", "I cannot tell.", "A or B", "F", ""])
def test_no_choice(text: str) -> None:
    assert extract(text, "choice", ("a bog", "a tundra", "a plain")) is None


@pytest.mark.parametrize(
    ("text", "pole"),
    [
        ("Yes, it is.", "yes"),
        ("true", "true"),
        ("**False**", "false"),
        ("The statement is false.", "false"),
        ("Answer: No.", "no"),
        ("Ice floats, since it is lighter. Therefore, the answer is yes.", "yes"),
        ("Question: true or false?\nIt is false", "false"),
        (r"\boxed{\text{No}}", "no"),
        ("No, that is not true.", "no"),
    ],
)
def test_poles(text: str, pole: str) -> None:
    assert extract(text, "yesno") == pole


@pytest.mark.parametrize("text", ["Perhaps.", "Yes and no, true and false.", "It may not be known."])
def test_no_pole(text: str) -> None:
    assert extract(text, "yesno") in {None, "yes"}
    assert extract("It depends: yes or no", "yesno") is None


def test_labels() -> None:
    labels = ("card_arrival", "card_linking", "top_up_failed")
    assert extract("Label: card_arrival", "label") == "card_arrival"
    assert extract("The sentiment is **positive**.", "label") == "positive"
    assert extract('The intent that fits "I lost my card" is "lost_card".', "label") == "lost_card"
    assert extract("The date is **12 May 2018**.", "label") == "12 May 2018"
    assert extract("25/12/2018", "label") == "25/12/2018"
    assert extract("I think that this is about Card Arrival.", "label", ("card arrival", "card")) == "card arrival"
    assert extract("The intent is `card_linking`, not card_arrival", "label", labels[1:]) == "card_linking"
    assert extract("The label is card_arrival, rather than top_up_failed.", "label", labels) == "card_arrival"
    assert extract("Top up failed", "label", labels) == "top_up_failed"
    assert extract("It might be a refund.", "label", labels) is None
    assert extract("", "label") is None


def test_an_open_question_has_only_what_is_marked() -> None:
    assert extract("Roses are red. 3 of them.", "") is None
    assert extract(r"So we get \boxed{x^2 + \frac{1}{2}}.", "") == r"x^2 + \frac{1}{2}"
    assert extract("The answer is Paris.", "") == "Paris"


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.sampled_from(["{}", "The answer is {}.", r"\boxed{{{}}}", "#### {}", "**{}**"]))
def test_every_integer_is_found(number: int, frame: str) -> None:
    assert extract(frame.format(number), "number") == str(number)
    assert extract(frame.format(f"{number:,}"), "number") == str(number)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("Option 2", "Option 1"), "Option 1"),
        (("Option 2", "Option 1"), "Answer: **Option 1**"),
        (("Option 2", "Option 1"), "Option 1, as it is cheaper."),
        (("B. B. King", "A. A. Milne"), "A. A. Milne"),
        (("Answer B", "Answer A"), "Answer A."),
        (("an apple", "a pear"), "Option 2"),
        (("an apple", "a pear"), "B. a pear"),
        (("B", "A"), "B"),
    ],
)
def test_an_option_word_for_word_is_no_letter_or_number_of_another(options, said) -> None:
    assert extract(said, "choice", options) == "B"


@settings(deadline=None)
@given(st.text(max_size=400), st.sampled_from(["number", "choice", "yesno", "label", ""]))
def test_any_text_is_read_without_an_error(text: str, kind: str) -> None:
    said = extract(text, kind, ("one", "two"))  # type: ignore[arg-type]
    assert said is None or said.strip()


PIECES = [
    "1",
    "1,",
    "9" * 50 + " ",
    "(",
    "\\boxed{",
    "answer is ",
    "a ",
    " ",
    "\n",
    "A) x\n",
    "**",
    "=1",
    "one ",
    "$",
    "-",
    "1/",
    ". ",
]


@pytest.mark.parametrize("piece", PIECES)
def test_long_texts_take_no_more_than_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    for kind in ("number", "choice", "yesno", "label", ""):
        extract(text, kind, ("one", "two"))  # type: ignore[arg-type]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("word", ["option", "choice:", "(A) is my letter"])
def test_blanks_behind_the_word_for_a_choice_take_no_time(word: str) -> None:
    assert extract(f"{word}{' ' * 10_000}x", "choice", ("one", "two")) in {None, "A"}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The total is 1 000.", "1000"),
        ("1\u202f234\u202f567 euros", "1234567"),
        ("It takes 3 days and costs 12\u00a0500 euros.", "12500"),
        ("Answer: 2,5 kg", "2.5"),
        ("0,125", "0.125"),
        ("1.234,50", "1234.5"),
        ("10,125", "10125"),
        ("1, 2, 3", "3"),
        ("(3,4)", "4"),
        ("He bought 3 200 g packs, 600 g.", "600"),
    ],
)
def test_thousands_and_decimals_of_other_countries(text: str, number: str) -> None:
    assert extract(text, "number") == number


@pytest.mark.parametrize(
    ("text", "pole"),
    [
        ("That is not true.", "false"),
        ("It isn't true.", "false"),
        ("This cannot be true", "false"),
        ("Answer: not really true", "false"),
        ("It is not false.", "true"),
        ("true, not false", "true"),
        ("I have no idea.", None),
        ("Yes and no.", None),
        ("No one knows; there is no way to tell.", None),
    ],
)
def test_what_is_denied_is_not_said(text: str, pole: str | None) -> None:
    assert extract(text, "yesno") == pole


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B is incorrect.", None),
        ("(B) is not the answer", None),
        ("It's not (B).", None),
        ("A isn't it", None),
        ("B) is not a fish", "B"),
        ("B. It is not hot", "B"),
        ("not one apple but two pears", "B"),
    ],
)
def test_a_choice_that_is_denied_is_not_made(text: str, letter: str | None) -> None:
    assert extract(text, "choice", ("one apple", "two pears", "red cat")) == letter


def test_a_label_that_is_denied_is_not_given() -> None:
    assert extract("This is not spam.", "label", ("spam", "ham")) is None
    assert extract("ham, not spam", "label", ("spam", "ham")) == "ham"
    assert extract("This is not spam.", "label", ("spam", "not spam")) == "not spam"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12 or 13", None),
        ("The answer is 12 or 13.", None),
        ("Answer: 12, or maybe 13 apples", None),
        ("It is 12 (or 13).", None),
        ("12 + 1 = 13. The answer is 12 or 13.", None),
        # made up its mind, or named one number in two ways
        ("It takes 2 or 3 eggs. I take 3.\n\nAnswer: 3", "3"),
        ("Is it 12 or 13? 4 * 3 = 12, so it is 12.", "12"),
        ("There are 5 or 6 in each of 4 boxes, 22 in all.", "22"),
        ("24 or 2 dozen", "2"),
        ("5 or 500%", "500"),
        ("12 or 12.0", "12"),
        ("$5 or 500 cents", "500"),
        ("Answer: 8 or 2^3", "8"),
        ("**12** or **13**", None),
        ("\\boxed{12 or 13}", None),
        ("\\boxed{5}\n\nNote that a digit of 0 or 5 is needed.", "5"),
        ("Answer: 5\n\nMultiples of 5 end in 0 or 5.", "5"),
        ("**5**, since it ends in 0 or 5", "5"),
        ("Answer: 8 or 2 * 4", "8"),
        ("Answer: **8 or 9**", None),
    ],
)
def test_two_numbers_to_choose_from_are_no_answer(text: str, number: str | None) -> None:
    assert extract(text, "number") == number


def test_two_labels_to_choose_from_are_no_answer() -> None:
    options = ("positive", "negative", "neutral")
    assert extract("positive or neutral", "label", options) is None
    assert extract("Answer: positive or neutral", "label", options) is None
    assert extract("positive, or so it seems", "label", options) == "positive"
