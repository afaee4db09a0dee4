from math import hypot

import pytest

from rung.estimators.online import Offset, Offsets
from rung.odds import sigmoid
from rung.runtime.learning import corrected
from rung.types import Estimate


@pytest.mark.parametrize("right_sd", [0.0, 0.05])
def test_outcomes_make_a_reasoner_surer_and_not_the_question(right_sd):
    """What they say holds for all questions, or for all of a task; how sure an artefact is of this one stays."""
    offset = Offset(0.0, 0.1)
    expected = Estimate(right_prob=0.8, right_sd=right_sd)
    after = corrected({"one": Offsets(common=offset, outcomes=1000)}, "one", "open", expected)
    moved = Offsets(common=offset).on("open")
    spread = after.right_prob * (1 - after.right_prob)
    assert after.right_prob == pytest.approx(sigmoid(1.386 + moved.believed), abs=1e-3)
    assert after.right_sd == pytest.approx(spread * hypot(right_sd / 0.16, moved.believed_sd))
