"""How many log-odds a signal at 1 moves an answer. Set by hand, not fitted: small where the evidence is, large where an
answer cannot be right. `benchmarks/verifier.py` shows how well each tells right from wrong."""

from collections.abc import Mapping

WEIGHTS: Mapping[str, float] = {
    "empty": -12.0,  # nothing is never right
    "cut_off": -2.0,  # the end is missing; the answer may have come before it
    "refusal": -3.0,  # sometimes a refusal is the right answer
    "unsure": -1.5,  # its own word against it
    "repetition": -3.0,  # loops seldom end in an answer
    "no_answer": -3.0,  # the reader will find none either
    "form": 6.0,  # what does not parse is of no use to a program; what parses earns little: see PRAISE
    "copied": 2.5,  # what is not printed there is made up; much is printed there
    "supported": 0.8,  # a value that stands in the text may still be the wrong one
    "vote": 1.0,  # two of two samples: about 0.8 right where one alone is at 0.6
    "passed_tests": 2.5,  # what passes the tests that were given does what was asked, as far as they ask it
    "left_out": -1.2,  # half of these are wrong, of the other programs one in ten
    "program_token": 0.6,  # beside mean_token: every token of a program is a decision
    "repaired": -0.7,  # the model saw what was wrong with the form of it, seldom with the thought
    "first_token": 0.9,  # small models are overconfident: far less than the probability itself says
    "mean_token": 0.4,  # mostly style
    "wrong_arithmetic": -3.0,  # seen: 3 of 3 samples with a false step end wrong; one of many may not matter
    "checked_arithmetic": 0.3,  # steps that hold say little of whether they are the right steps
    "concludes": 0.4,  # an answer that was never computed is a slip
    "implausible": -1.5,  # no half people
    "unused": -1.0,  # seen: half of these are wrong, of the others one in seven; some numbers are there to mislead
}
# Signals that weigh less when they speak for an answer: what is expected of every answer is no merit.
PRAISE: Mapping[str, float] = {"form": 0.05, "copied": 0.05}
