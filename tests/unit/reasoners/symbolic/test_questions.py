"""One question of each kind, in words that people use; and what must not be answered."""

import pytest

from rung.reasoners.symbolic.errors import NotSolved, TooLarge
from rung.reasoners.symbolic.solver import solve
from rung.reasoners.symbolic.vocabulary import worth_parsing

ANSWERS = {
    "what's 15% of 80": "12",
    "What is 20% less than 50?": "40",
    "Add 20% and 30%.": "1/2",
    "(3 times 5) less than 20": "5",
    "9^(1/2)": "3",
    "x^2y when x = 2, y = 3": "12",
    "10 + (5 mod 3)": "12",
    "square root of 9 squared": "9",
    "2√27": "6*sqrt(3)",
    "What is the sum of 1,200 and 3,400?": "4600",
    "rank 3, 1, 2 from largest to smallest": "3, 2, 1",
    "What is the numerator of 3/4?": "3",
    "next in 1, 1, 2, 3, 5": "8",
    "What is 100 in binary?": "1100100",
    "Convert 1010 to binary.": "1111110010",
    "What is 19 + 7 in base 8?": "32",
    "Solve x^3/x = 4.": "-2, 2",
    "Solve (x - 2)(x - 3)/(x - 1) = 0.": "2, 3",
    "What’s 15% of 80?": "12",  # noqa: RUF001
    "Can you work this out: What is 2865 plus 3?": "2868",
    "Please solve this: 12*7": "84",
    "Hi! Could you help me with this question? What is 15% of 80?": "12",
    "I have a question. What is the derivative of x^2?": "2*x",
    "Calculate (25 - (0 - 0)) + (3327 - 3326).\n\nJust the result please.": "26",
    "-2 divided by 8\n\nJust the result please.": "-1/4",
    "What is 7*8?\nAnswer:": "56",
    "What is 3+4? Answer with the number only.": "7",
    "Question: Is 91 prime? Answer yes or no.": "No",
    "Solve the following problem: what is the gcd of 12 and 18? No explanation needed.": "6",
    "What is 15% of 68?": "10.2",
    "solve x^2-5x+6=0 for x": "2, 3",
    "Solve for y: 2y + 6 = 0": "-3",
    "solve x+y=5 and x-y=1": "x = 3, y = 2",
    "What is x if 2x + 3 = 9?": "3",
    "Find j, given that 2*j = 10.": "5",
    "how many days from 3 March 2024 to 1 May 2025": "424",
    "What date is 30 days after January 15, 2024?": "14 February 2024",
    "what day of the week was July 4, 1976": "Sunday",
    "is 2024 a leap year": "True",
    "sqrt(2) to 10 digits": "1.414213562",
    "what's the square root of 2?": "1.41421356237",
    "What is the square root of 80?": "4*sqrt(5)",
    "convert 5 miles to km": "8.04672 km",
    "what is 98.6°F in celsius": "37 °C",
    "-40 F to C": "-40 °C",
    "how many inches are in 5 feet 3 inches": "63",
    "100 km/h in m/s": "27.7777777778 m/s",
    "could you tell me the derivative of x^3 + 2x": "3*x^2 + 2",
    "Could you please tell me what the derivative of x^3 is?": "3*x^2",
    "Find the second derivative of 3*x**4 - x wrt x.": "36*x**2",
    "derivative of x^3 at x = 2": "12",
    "integral of x^2 from 0 to 3": "9",
    "limit of sin(x)/x as x approaches 0": "1",
    "sum of k^2 for k from 1 to 10": "385",
    "what is 3 × 4 − 2²": "8",  # noqa: RUF001
    "2 to the power of 10": "1024",
    "what is 10 to the 12th power": "1000000000000",
    "two hundred and five times three": "615",
    r"What is $\frac{1}{2} + \frac{1}{3}$?": "5/6",
    r"Simplify $\sqrt{192}$.": r"8 \sqrt{3}",
    r"What is $\sin 30^\circ$?": "1/2",
    "factor x^2 - 9": "(x - 3)*(x + 3)",
    "Expand (x+1)*(x-2).": "x**2 - x - 2",
    "simplify (x^2-1)/(x-1)": "x + 1",
    "Calculate (3 + 4i)(1 - 2i)": "11 - 2*i",
    "gcd of 12 and 18": "6",
    "prime factorization of 360": "2**3 * 3**2 * 5",
    "what is the 10th prime?": "29",
    "how many factors does 36 have": "9",
    "remainder when 2^100 is divided by 7": "2",
    "In base 11, what is 146 - -1a98?": "2133",
    "What is -221132111 (base 4) in base 12?": "-82385",
    "convert 1010 from binary to decimal": "10",
    "what is 0xff in decimal": "255",
    "mean of 1, 2, 3, 4": "2.5",
    "determinant of [[1,2],[3,4]]": "-2",
    "[[1,2],[3,4]] * [[0,1],[1,0]]": "[[2, 1], [4, 3]]",
    "10 choose 3": "120",
    "next number in 2, 4, 8, 16": "32",
    "What is the n'th term of 3, 6, 11, 18?": "n**2 + 2",
    "Round 0.00097890489 to 6 dps.": "0.000979",
    "1/3 as a decimal": "0.333333333333",
    "what percent of 80 is 12": "15%",
    "increase 80 by 15%": "92",
    "what is 30% off 50": "35",
    "Which is greater: z or 36?".replace("z", "4"): "36",
    "Which is the closest to 1/8?  (a) 6  (b) -4  (c) 0.03  (d) 10": "c",
    "Sort -0.4, -31, 0, -1/4.": "-31, -0.4, -1/4, 0",
    "Let f(x) = x^2. Let y be f(3). Is y prime?": "False",
    "What is 350 minutes after 4:28 PM?": "10:18 PM",
    "Two letters picked without replacement from {s: 3, f: 6}. Give prob of picking 2 f.": "5/12",
    "What is 2+2? Answer with only the number.": "4",
    "Is 7 a prime number? Answer yes or no.": "Yes",
    "10% of 20% of 500": "10",
    "what is 7 factorial": "5040",
    "what is the last digit of 7^100": "1",
    "Hi! Please compute 12 * 13. Thanks!": "156",
    "What is 10% more than 50?": "55",
    "What is 5 less than 3 times 4?": "7",
    "What is two thousand and twenty four minus four?": "2020",
    "What is e^(i*pi)?": "-1",
    "6 x 7": "42",
    "What is 2 to the 10th?": "1024",
    "cos 60 degrees": "1/2",
    "d/dx (x^3 + 2x)": "3*x^2 + 2",
    "d^2/dx^2 x^4": "12*x^2",
    r"$\frac{d}{dx} x^3$": "3 x^{2}",
    "f(x) = x^2 + 1, what is f'(x)?": "2*x",
    "Let f(x) = x^3. What is f''(2)?": "12",
    "Round 1234 to 2 significant figures.": "1200",
    "Round 123456 to the nearest hundred thousand.": "100000",
    "Calculate 9/11": "0.818181818182",
    "what is 12/25/5": "12/125",
    "what is 10 - 4 - 2024": "-2018",
    "divide 10 by (2 plus 3)": "2",
    "remainder when 2 plus 8 is divided by 3": "1",
    "√16*4": "16",
    "3√2/2": "3*sqrt(2)/2",
    "sqrt 16 + 9": "13",
    "log base 2 of 8": "3",
    "log base 2 of (8*4)": "5",
    "log base 2 of 8 + log base 2 of 4": "5",
    "ln 8 / ln 2": "3",
    "sum of 3 squared and 4 cubed": "73",
    "sum of 10% of 50 and 20% of 50": "15",
    "limit of sin x / x as x approaches 0": "1",
    "derivative of e^2 + e": "2*e + 1",
    "derivative of e^3 wrt e": "3*e^2",
}

DECLINED = [
    "What is the capital of France?",
    "what is x",
    "x + 5",
    "What is C-60?",
    "thanks a million",
    "tell me more",
    "What is 5?",
    "what is 1/2x",
    "what is the square root of 16 plus 9",
    "what is 80 plus 15%",
    "what is 10 minus 3 - 2 + 1",
    "sin(30)",
    "What is the sum of 2 and 3 times 4?",
    "What is 2 + 2? Answer yes or no.",
    "log(100)",
    "What is 3 of 8?",
    "Solve x + y = 3 for x and y.",
    "Simplify x^2 + 3i",
    "If f(x) = x^3, find f(f^{-1}(2010)).",
    "What is f(3)?",
    "how many days are there in 3 months",
    "Which is greater: 4 or 4.0?",
    "What is the closest to 0 in 1, -1?",
    "solve x = x + 1",
    "1/0",
    "0^0",
    "What is 005 percent of 1?",
    "what is 2 + 2 apples",
    "What is 2 + 2? What is 3 + 3?",
    "Tom has 3 apples and buys 2. How many apples does Tom have?",
    "What comes next: 1, 5, 2?",
    "how many days between 30 February 2024 and 1 May 2024",
    "What is -3 squared?",
    "What is 5!!?",
    "What is the last digit of 3.14?",
    "What is 1/3 + 0.333...?",
    "What is 1 + 2 + ... + 10?",
    "What is + 2?",
    "What is 2 ++ 3?",
    "limit of sin(1/x) as x approaches 0",
    "What is the square root of x^2?",
    "What is (-8)^(1/3)?",
    "What is twenty twenty four minus four?",
    "What is two three plus one?",
    "What is not 5 + 3?",
    "Do not solve 2x + 3 = 9.",
    "Is 7 not prime?",
    "What is 2 + 2, and why?",
    "What is 15% of 80 and 20% of 50?",
    "What is 5 + 3, then 4 + 4?",
    "What is 6/2(1+2)?",
    "What is 50 plus 10%?",
    "What is 3 1/2 + 1?",
    "What is 1,5 + 2?",
    "How many days until Christmas?",
    "If x = 2 and x = 3, what is x?",
    "Solve x > 3.",
    "Is 5 greater than 3 and less than 10?",
    "What is the sum of 3 and the product of 4 and 5?",
    "5 + 3 equals what plus 2?",
    "2 + 2 is not what",
    "What number times 3 is 12?",
    "I don't need 5 + 3",
    "2. What is 5 + 3? 3. What is 4 + 4?",
    "What is 5 + 3 (not 4)?",
    "What is 5 + 3 (approximately)?",
    "What is 5 + 3 today?",
    "Solve 2x + 3",
    "solve x > 3 with x = 2",
    "What is {0} + 1?",
    "Divide 6 by [1, 2].",
    "[[1,2],[3,4]] of 2",
    "Subtract [1, 2] from 6.",
    "2x + 3 x 4",
    "d/dx x^3 + 2x",
    "What is f'(2)?",
    "7 % 3",
    "What is - [- (-7)]?",
    "What is [1, 2, 3]^2?",
    "What is the largest prime below x?",
    "List the prime factors of 8288042 as a percent.",
    "Calculate 3^(2i).",
    "What is x^i?",
    "What is i?",
    "What is -7 rounded to the nearest hundred one thousand?",
    "sin pi/2",
    "cos 2pi/3",
    "ln 2*3",
    "sqrt 4/9",
    "sqrt 16 plus 9",
    "√2x",
    "derivative of sin x^2",
    "log base 2 of 8 + 8",
    "log base 2 of 8 times 4",
    "derivative of e^2",
    "integral of 3e^2 from 0 to 1",
    "divide 10 by 2 plus 3",
    "multiply 3 by 4 plus 5",
    "subtract 3 from 10 times 2",
    "remainder when 10 is divided by 3 times 2",
    "20% more than 50 plus 10",
    "What is 9/11?",
    "what's 24/7",
    "What is 12/25/2024?",
    "What is 3-4-2024?",
    "2024-1-5",
    "sum of 3 and 4 squared",
    "mean of 10% and 20% of 50",
    "sum of [1, 2] for k from 1 to 3",
    "thousands digit of [[1,2],[3,4]]",
    "sum of k for k from 1 to [1, 2]",
    "limit of x as x approaches [[1,2],[3,4]]",
    "Let f(x) = x + 1. What is f([1, 2])?",
    "Let f(x) = x + 1. What is f'([1, 2])?",
    "integral of x from 0 to [1, 2]",
    # two readings, one of which it took
    "What is 20 less than 50%?",
    "What is 5% more than 10%?",
    "Increase 10% by 5%.",
    "10% less than 50 - 5",
    "Subtract 20% from 50.",
    "Add 20% to 50.",
    "sum of 5 and 20%",
    "difference between 10 and 5%",
    "3 times 5 less than 8",
    "20 minus 5 less than 8",
    "9^1/2",
    "2^3x when x = 2",
    "limit of e^2x as x approaches 0",
    "What is 10 + 5 mod 3?",
    "3 times 10 choose 2",
    "3 + 4 choose 2",
    "half of 8 squared",
    "factorial of 3 squared",
    "50% of 4 squared",
    "What is 3√27?",
    "What is the average of 2,5 and 3,5?",
    "Sort 100,200,50,300.",
    "rank 3, 1, 2",
    "What is the numerator of 6/8?",
    "next in 2, 3, 5, 8",
    "What is 101 + 11 in binary?",
    "What is 1010 in binary?",
    "What is 12 + 7 in base 8?",
    # what solves it divides by zero
    "Solve x^2/x = 0.",
    "Solve (x^2 - x)/(x - 1) = 1.",
    "Solve x^-1 * x^2 = 0.",
]

CORES = {
    "15% of 80": "12",
    "6*7": "42",
    "the derivative of x^3": "3*x^2",
    "the gcd of 12 and 18": "6",
    "the square root of 144": "12",
    "7 divided by 2": "7/2",
}
_ON_ONE_LINE = """
{}|{}?|{} =|{}=?|= {}|What is {}?|what's {}|Whats {}?|WHAT IS {}?|what exactly is {}?|{} is what?
{} equals what?|what would {} be?|what does {} equal?|What does {} come to?|How much is {}?|I need {}.
Could you tell me {}|Could you please tell me what {} is?|Can you tell me what {} is?|I wonder what {} is
Do you know what {} is?|I was wondering what {} is.|May I ask what {} is?|Would you mind calculating {}?
Could you compute {}|Can you work out {} for me?|I need to know {}|I'd like to know {}|I would like {}
I want to find {}|I'm trying to work out {}|I have to calculate {}|need help with {}|Can I have {}?
calculate for me {}|Please work out {} for me, thanks.|Compute: {}|Evaluate {}|Let's calculate {}
Find the value of {}.|Please tell me, what is {}?|Good morning, what is {}?|What is the result of {}?
Hello! What is {}? Thank you very much.|quick question - what is {}?|what is {}, please?|{} please
Final answer only: {}|final answer only, {}|Only the answer please: {}|{} (final answer only)
What is {}? Answer with a single number.|Without any explanation, what is {}?|so what is {} then?|Question: {}
**What is {}?**|`{}`|"{}"|1. What is {}?|- What is {}?|what do you get if you calculate {}?
Please answer the following question: what is {}?
"""
ASKED = [
    *_ON_ONE_LINE.strip().replace("\n", "|").split("|"),
    "Q: What is {}?\nA:",
    "What is {}?\nAnswer:",
]


@pytest.mark.parametrize("core", CORES)
def test_a_question_in_other_words_is_the_same_question(core: str) -> None:
    answers = {asked: solve(asked.format(core)) for asked in ASKED if worth_parsing(asked.format(core))}
    assert answers == dict.fromkeys(ASKED, CORES[core])


TOO_LARGE = [
    "10**10**10",
    "2**(10**9)",
    "factorial of 100000000",
    "9^9^9",
    "0.1^99999",
    "expand (a+b+c+d)^60",
    "expand ((((x+1)^50+1)^50+1)^50+1)^50",
    "simplify (x+1)^400/(x+2)^400",
    f"what are the prime factors of {10**60 + 7}",
    "solve x^100 - 1 = 0",
    "(" * 200 + "1" + ")" * 200,
    "sum of 1/k for k from 1 to 100000000",
    "pi to 100000 digits",
    "Let f(x) = x^9. What is f(f(f(f(f(f(f(10)))))))?",
]


@pytest.mark.parametrize(("question", "answer"), ANSWERS.items())
def test_what_is_understood_is_answered(question: str, answer: str) -> None:
    assert worth_parsing(question)
    assert solve(question) == answer


@pytest.mark.parametrize("question", DECLINED)
def test_what_is_not_understood_whole_is_declined(question: str) -> None:
    if worth_parsing(question):
        with pytest.raises(NotSolved):
            solve(question)


@pytest.mark.parametrize("question", TOO_LARGE)
def test_what_is_too_large_is_refused_before_it_is_begun(question: str) -> None:
    with pytest.raises(TooLarge):
        solve(question)


@pytest.mark.parametrize(
    "question",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "eval(1+1)",
        "lambda x: x",
        "what is open('/etc/passwd').read()",
        "solve x.__class__ = 0 for x",
    ],
)
def test_code_is_no_mathematics(question: str) -> None:
    with pytest.raises(NotSolved):
        solve(question)


def test_letters_may_mean_something_after_an_earlier_turn() -> None:
    assert solve("What is 2x + 3x?") == "5*x"
    with pytest.raises(NotSolved):
        solve("What is 2x + 3x?", alone=False)
