import pytest

from rung.answers import asked, names_no_unit, options_of, reads_off

CHOICE = [
    "Which is a mammal?\nA) trout\nB) whale\nC) frog\nD) crow\nAnswer with the letter only.",
    "Which is a mammal? (A) trout (B) whale (C) frog",
    "Predators eat\nA. lions\nB. humans\nC. bunnies\nD. grass",
    "What boils at 100 C?\nA: iron\nB: water\nC: gold",
    "Which one?\n(a) north\n(b) south\n(c) east",
    "Pick one.\n\n- A) red\n- B) blue",
    "Which fits?\n\nAnswer1: sun Answer2: moon Answer3: rain\n\nAnswer format: answer1/answer2/answer3",
]
YESNO = [
    "Is the Earth round? Answer yes or no.",
    "Please answer the following question with true or false, question: is pain real?\n\nAnswer format: true/false",
    "True or false: the moon is made of cheese.",
    "is harry potter and the escape from gringotts a roller coaster ride?",
    "Does ethanol take more energy than it gives?",
    "Water is wet. (yes/no)",
]
NUMBER = [
    "Joan found 70 seashells. She has 27 left. How many seashells did she give to Sam?",
    "What is 17 * 23?",
    "what is 15% of 80",
    "Mrs. Santiago has 58 roses. Mrs. Garrett has 24. How many more does Mrs. Santiago have than Mrs. Garrett?",
    "If each of 3 friends paid 45 dollars, what was the total of the bill?",
    "Tom drove 60 miles in 2 hours. How fast did he drive? Answer with a number only.",
    "A baker sells half of his 40 loaves. How many are left?",
]
LABEL = [
    "Classify the message into one of these intents: card_arrival, lost_card, top_up.\nMessage: where is my card",
    "Is this review positive or negative? Answer positive or negative.\nReview: I loved it.",
    "Receipt:\nSHOP 24\n12/05/2018\nTOTAL 33.90\nCASH 50.00\nCHANGE 16.10\nThank you, keep this receipt for exchange."
    "\n\nExtract the date from the receipt. Answer with the value only.",
    "Which intent does this text have?\nText: I lost my card",
]
NONE = [
    "",
    "Write a poem about the sea.",
    "Explain why the sky is blue.",
    "Which is a mammal?\nA) trout\nB) whale\nC) frog\nExplain your answer.",
    "Joan found 70 shells and lost 20. How many are left? Show your work.",
    "What is 3 + 4? Think step by step.",
    "Is the Earth round? Explain briefly.",
    "Is there a fee for transfers?",
    "Can you help me with my card?",
    "Do I need a visa?",
    "Write a function to find the sum of 2 numbers.",
    "How do I top up?",
    "List 5 animals.",
    "What is the capital of France?",
    "How many transactions do I have between 2pm and 7pm?",
    "Extract all the dates from the text below as JSON.\nText: 1 May, 2 June",
    "Tell me about whales",
    "Hello!",
    "A. Smith and B. Jones went up the hill. What happened then?",
    "A: Hello\nB: Hi there\nContinue the dialogue.",
    "Find the roots of x^2 - 5x + 6 = 0 and all real values of x with x > 2.",
    "```python\nprint(1+1)\n```\nHow many bugs are in these 2 lines?",
]


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        (k, q)
        for k, qs in (("choice", CHOICE), ("yesno", YESNO), ("number", NUMBER), ("label", LABEL), ("", NONE))
        for q in qs
    ],
)
def test_asked(kind: str, question: str) -> None:
    assert asked(question) == kind


@pytest.mark.parametrize("question", CHOICE[:6] + YESNO + NUMBER + LABEL)
@pytest.mark.parametrize(
    "reasons", ["Explain your reasoning.", "Show your work.", "Let's think step by step.", "Say why, and justify it."]
)
def test_who_wants_reasons_gets_them(question: str, reasons: str) -> None:
    assert asked(f"{question}\n{reasons}") == ""


def test_values_that_stand_in_the_question() -> None:
    receipt = "SHOP 24\nDATE 12/05/2018\nTOTAL 3.00\n\n"
    assert asked(f"{receipt}What is the total on this receipt?") == "number"
    assert asked(f"Which company wrote this invoice?\n\n{receipt}") == "label"
    assert reads_off(f"{receipt}What is the total on this receipt?")
    assert not any(reads_off(question) for question in ["", *CHOICE, *YESNO, *NUMBER, *NONE])


def test_options_are_read_in_order() -> None:
    assert options_of(CHOICE[0]) == ("trout", "whale", "frog", "crow")
    assert options_of(CHOICE[1]) == ("trout", "whale", "frog")
    assert options_of(CHOICE[6]) == ("sun", "moon", "rain")
    assert options_of(LABEL[0]) == ("card_arrival", "lost_card", "top_up")
    assert options_of("Write a poem.") == ()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["\n", "\n ", ".\n", "\nplease ", "please,\n"])
def test_empty_lines_take_no_time(piece: str) -> None:
    for _ in range(20):
        asked(f"Tell me a story.{piece * 4000}x")


@pytest.mark.parametrize(
    ("question", "labels"),
    [
        ("Sort it as one of: positive, negative, neutral. Reply with one word.\nFine", "positive negative neutral"),
        ("Sort it under one of these categories: billing, refund. Answer with the category only.", "billing refund"),
        ("Labels: spam, ham. Which is it?\nCheap watches", "spam ham"),
        ("Into which of these does it fit: spam, ham?\nCheap watches", "spam ham"),
        ("Which of these topics fits? St. Gallen, Bern, Basel\n\nThe lake", "St. Gallen|Bern|Basel"),
        ("Sort it as one of: Prof. Smith, Prof. Jones\nHe called", "Prof. Smith|Prof. Jones"),
        ("It has two classes of rounds: easy, hard. There are 2 points for easy ones. How many?", ""),
    ],
)  # fmt: skip
def test_labels_that_a_sentence_follows_are_listed(question, labels):
    assert options_of(question) == tuple(labels.split("|") if "|" in labels else labels.split())


@pytest.mark.parametrize(
    ("question", "open_unit"),
    [
        ("A train leaves at 9:40 and arrives at 13:05. How long is the journey?", True),
        ("100 km in 1.5 hours is what speed?", True),
        ("Each bag weighs 3 kg. How much do 4 bags weigh?", True),
        ("Rose strolled for 4 hours at 2 miles per hour. How far did Rose go?", True),
        ("A tank of 200 litres fills at 5 litres per minute. How long, in minutes, does that take?", False),
        ("What was its speed in km per hour? It covered 100 km in 1.5 hours.", False),
        ("It covered 100 km in 1.5 hours. How many km did it cover in one?", False),
        ("A shirt costs $40 and is discounted 25%. What is the final price?", False),
        ("Rose strolled for 4 hours at 2 miles per hour. How far did Rose go? Answer with the number only.", False),
        ("A room is 12 feet by 10 feet. What is its area in square feet?", False),
    ],
)
def test_a_measure_may_be_asked_for_in_no_unit(question: str, *, open_unit: bool) -> None:
    assert names_no_unit(question) is open_unit
