"""How likely an answer is right while it is still being written."""

from rung.types import Answer, Features, Json, Verdict
from rung.verdicts.arithmetic import LOOK_CHARS, read
from rung.verdicts.signals import SIGNALS, Seen
from rung.verdicts.verifier import shifted
from rung.verdicts.weights import weights_for

# What is seen in the beginning of an answer as well as in the whole of it.
EARLY = ("refusal", "repetition", "mean_token", "wrong_arithmetic")


def early_verdict(features: Features, kind: str, right_prob: float, answer: Answer, body: Json) -> Verdict:
    """The verdict on the beginning of an answer by a `kind` of reasoner that was expected to be right with
    `right_prob`."""
    choice = answer.choices[0]
    text = _ended(f"{choice.reasoning[-LOOK_CHARS:]}\n{choice.text[-LOOK_CHARS:]}")
    seen = Seen(
        body=body,
        features=features,
        answer=answer,
        choice=choice,
        text=text,
        working=read(text),
        final=None,
    )
    signals = {name: value for name in EARLY if (value := SIGNALS[name](seen)) is not None}
    by_signal = weights_for(kind, features.task).by_signal
    moved = sum(by_signal[name][value > 0] * value for name, value in signals.items())
    return Verdict(right_prob=shifted(right_prob, moved), signals=signals, source="early")


def _ended(text: str) -> str:
    """Without the sentence that is under way: of `3 + 4 = 12` the first ten characters are wrong."""
    return text[: max(text.rfind("\n"), text.rfind(". ")) + 1]
