import math

import pytest

from rung.errors import Malformed
from rung.reasoners.local.signals import TokenSignals, as_asked


def test_sums_up_the_tokens() -> None:
    tokens = TokenSignals()
    tokens.add([{"logprob": -0.5}])
    tokens.add([{"logprob": -2.0}, {"logprob": -0.5}])
    assert tokens.told() == {
        "mean_logprob": -1.0,
        "min_logprob": -2.0,
        "first_token_prob": pytest.approx(math.exp(-0.5)),
    }


def test_damaged_weights_whose_probabilities_are_not_numbers_are_an_error_of_the_reasoners() -> None:
    with pytest.raises(Malformed, match="damaged"):
        TokenSignals().add([{"token": "?", "logprob": None}])


def test_no_tokens_say_nothing() -> None:
    assert TokenSignals().told() == {}


def test_logprobs_are_told_as_openai_does_and_no_more_than_asked() -> None:
    top = [{"id": 7, "token": "a", "logprob": -0.1, "bytes": [97]}, {"id": 8, "token": "b", "logprob": -3.0}]
    entry = {"id": 7, "token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": top}
    plain = {"token": "a", "logprob": -0.1, "bytes": [97]}
    assert as_asked([entry], 1) == ({**plain, "top_logprobs": [plain]},)
    assert as_asked([entry], 0) == ({**plain, "top_logprobs": []},)
