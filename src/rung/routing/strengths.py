"""First estimates, before any outcome of the user's own.

`SEEN` holds, for a model, the shares right of `brief` on all tasks, of `fast` on those with a short answer and of
`think` on word problems as they were on the development items of `benchmarks/hybrid.py`, 4 to 41 of them each, and
those of `program` on 32 word problems and of `code` and `fast` on 12 tasks as they were on those of
`benchmarks/solvers.py` (docs/experiments.md); its other entries are guesses by these. Where five answers or more were
seen, d' is what `benchmarks/fit_verifier.py` found on development items, drawn to the guess before. Of any other model
only `strength` and the task are guessed from.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Strength(NamedTuple):
    """At a complexity of `USUAL`: share right, d' of the verdict on its answers, and tokens written. `slope` is by how
    many log-odds the share falls for a complexity of 1 more; where it is `long`, tokens grow with the complexity.
    `abstains` is the share of questions that it gives no answer to, having worked as long as for one."""

    right_prob: float
    discrimination: float
    tokens: float
    slope: float = 1.5
    long: bool = False
    abstains: float = 0.0


USUAL = 0.33

QWEN_1_5B = "qwen2.5-coder-1.5b-instruct"

# model -> way of asking it -> task -> what was seen
SEEN: Mapping[str, Mapping[str, Mapping[str, Strength]]] = {
    QWEN_1_5B: {
        "local": {
            "word_problem": Strength(0.72, 2.0, 250, slope=12, long=True),
            "maths": Strength(0.35, 1.5, 250, long=True),
            "choice": Strength(0.60, 0.15, 87),
            "yesno": Strength(0.58, 0.1, 14),
            "label": Strength(0.60, 0.75, 13),
            "extract": Strength(0.88, 0.65, 16),
            "code": Strength(0.65, 0.0, 110),
        },
        "brief": {
            "word_problem": Strength(0.20, 1.5, 20, slope=24),
            "maths": Strength(0.22, 1.7, 40),
            "choice": Strength(0.72, 0.6, 3),
            "yesno": Strength(0.56, 0.1, 2),
            "label": Strength(0.65, 1.8, 5),
            "extract": Strength(0.85, 1.1, 8),
        },
        "think": {
            "word_problem": Strength(0.88, 1.75, 200, slope=12, long=True),
            "maths": Strength(0.35, 1.5, 250, long=True),
            "choice": Strength(0.62, 0.4, 120),
            "yesno": Strength(0.56, 0.1, 90),
            "label": Strength(0.60, 0.6, 60),
            "extract": Strength(0.80, 1.0, 60),
        },
        "program": {
            "word_problem": Strength(0.83, 1.05, 31, slope=12, abstains=0.1),
            "maths": Strength(0.40, 1.0, 40, long=True, abstains=0.2),
        },
        "code": {"code": Strength(0.88, 1.0, 60, abstains=0.2)},
        "vote": {
            "word_problem": Strength(0.78, 2.3, 590, slope=12, long=True),
            "maths": Strength(0.38, 1.8, 600, long=True),
            "choice": Strength(0.64, 0.6, 210),
            "yesno": Strength(0.58, 0.3, 40),
            "label": Strength(0.62, 0.8, 32),
            "extract": Strength(0.88, 0.8, 40),
        },
    },
}

# Models that were seen to fail at everything but chat: a floor for guesses.
WEAK: Mapping[str, float] = {"smollm2-135m-instruct": 0.05}

# Share of ordinary questions that a reasoner is guessed to get right when nothing is known of it.
GUESSED_STRENGTH = {"endpoint": 0.8, "local": 0.5, "function": 0.6}

# By how many log-odds a task is easier (+) or harder (-) than an ordinary question.
TASK_SHIFT: Mapping[str, float] = {
    "choice": 0.3,
    "yesno": 0.3,
    "label": 0.4,
    "extract": 0.4,
    "word_problem": 0.0,
    "maths": -0.4,
    "code": -0.2,
    "translate": 0.3,
    "summarise": 0.3,
    "write": 0.2,
    "open": 0.0,
}

# What a way of asking adds to the rung below it, in log-odds, where an answer can be checked. `brief` loses where steps
# are needed.
KIND_SHIFT: Mapping[str, float] = {"brief": -0.2, "think": 0.3, "vote": 0.3, "program": 0.3}
# On open questions reasoning first is slower, and leaves less room for the answer.
OPEN_SHIFT: Mapping[str, float] = {"think": -0.1, "extract": 0.2, "code": 0.3}
REASONING_TOKENS = 120
PROGRAM_TOKENS = 70
EXAMPLE_TOKENS = 580
# Calls of the rung below that `code` makes: for tests where none are given, and to mend.
CODE_CALLS = 1.6
BRIEF_WITHOUT_STEPS = {"word_problem": -2.0, "maths": -1.0}

# Tokens that an answer is guessed to take.
TASK_TOKENS: Mapping[str, float] = {
    "choice": 60,
    "yesno": 60,
    "label": 20,
    "extract": 30,
    "word_problem": 250,
    "maths": 200,
    "code": 350,
    "translate": 120,
    "summarise": 160,
    "write": 400,
    "open": 250,
}
# Tasks whose answers the cheap verdicts can say something about; of the others they see nothing.
CHECKABLE = frozenset({"choice", "yesno", "label", "extract", "word_problem", "maths"})
# Tasks such as public outcomes were graded on; of the others these say nothing.
GRADED = CHECKABLE | {"code"}
GUESSED_DISCRIMINATION = {"brief": 0.5, "think": 0.6, "vote": 1.2, "program": 0.8, "code": 1.5}
GUESSED_ABSTENTION = {"program": 0.1, "code": 0.2}
