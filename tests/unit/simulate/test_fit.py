import json
from random import Random

import pytest

from rung.errors import BadRequest
from rung.simulate import LocalSpeed
from rung.simulate.fit import Timed, errors_of, fit, predicted, read_rows

TRUE = LocalSpeed(read_token_s=1 / 200, write_s=0.012, write_token_s=0.008, start_s=0.2)


def measured(seed, noise=0.0):
    """Rows as a machine of that speed would give, alone and in pairs."""
    rng = Random(seed)
    blank = [
        Timed(
            prompt_tokens=rng.randrange(20, 900),
            completion_tokens=rng.randrange(5, 200),
            total_s=1.0,
            first_s=1.0,
            pair=at // 2 if at < 12 else None,
        )
        for at in range(30)
    ]
    groups = [blank[at : at + 2] for at in range(0, 12, 2)] + [[row] for row in blank[12:]]
    rows = []
    for group, times in zip(groups, predicted(TRUE, groups), strict=True):
        for row, (first_s, total_s) in zip(group, times, strict=True):
            off = 1 + rng.uniform(-noise, noise)
            rows.append(
                Timed(
                    prompt_tokens=row.prompt_tokens,
                    completion_tokens=row.completion_tokens,
                    first_s=first_s * off,
                    total_s=total_s * off,
                    pair=row.pair,
                )
            )
    return rows


def test_a_speed_is_found_again_and_its_error_shown():
    fitted = fit(measured(1, noise=0.05), "here")
    assert fitted.speed.read_token_s == pytest.approx(TRUE.read_token_s, rel=0.06)
    assert fitted.speed.step_s(1, 0) == pytest.approx(TRUE.step_s(1, 0), rel=0.06)
    assert fitted.speed.step_s(2, 0) == pytest.approx(TRUE.step_s(2, 0), rel=0.08)
    assert "here" in fitted.speed.source
    for error in errors_of(fitted.speed, measured(2)):
        assert error.median < 0.06
        assert error.calls > 0
    assert {error.what for error in fitted.errors} == {
        f"{what}, {how}" for what in ("first token", "total") for how in ("alone", "in pairs")
    }


def test_a_start_that_others_explain_at_first_is_found_too():
    true = LocalSpeed(read_token_s=0.03, write_s=0.004, write_token_s=0.1, start_s=0.05)
    rows = []
    for read, written in ((20, 5), (50, 40), (100, 10), (200, 100), (400, 20), (800, 60)):
        first_s, total_s = true.alone_s(read, 1), true.alone_s(read, written)
        rows.append(Timed(prompt_tokens=read, completion_tokens=written, first_s=first_s, total_s=total_s))
    speed = fit(rows, "here").speed
    assert speed.start_s == pytest.approx(true.start_s, rel=0.05)
    assert speed.read_token_s == pytest.approx(true.read_token_s, rel=0.01)


def test_rows_are_read_and_bad_ones_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    good = {"prompt_tokens": 5, "completion_tokens": 2, "seconds": 1.5, "text": "ignored"}
    path.write_text(json.dumps(good) + "\n" + json.dumps({**good, "completion_tokens": 0}) + "\n")
    assert read_rows(path) == [Timed(prompt_tokens=5, completion_tokens=2, total_s=1.5)]
    path.write_text(json.dumps(good) + "\nno json\n")
    with pytest.raises(BadRequest, match="row 2"):
        read_rows(path)
    for bad in ("[]", "null", json.dumps({**good, "seconds": 0}), json.dumps({**good, "first_s": -1})):
        path.write_text(json.dumps({**good, "completion_tokens": 0}) + f"\n{bad}\n")
        with pytest.raises(BadRequest, match="row 2"):
            read_rows(path)
    path.write_bytes(b"\xff")
    with pytest.raises(BadRequest, match=r"cannot be read: is no text in UTF-8$"):
        read_rows(path)
    with pytest.raises(BadRequest, match=r"cannot be read: No such file or directory$"):
        read_rows(tmp_path / "missing.jsonl")
    with pytest.raises(BadRequest, match="no timed calls"):
        fit([], "nowhere")
