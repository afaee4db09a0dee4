import zipfile

import numpy as np
import pytest

from rung.errors import ConfigError
from rung.estimators.artefact import load, save
from rung.estimators.learned import Learned
from rung.estimators.outcomes import Outcomes
from rung.estimators.stack import fit
from tests.conformance.test_estimator import about


@pytest.fixture
def artefact(tmp_path, outcomes, rng):
    tokens = np.full(outcomes.scores.shape, 50, np.float32)
    known = Outcomes(questions=outcomes.questions, reasoners=outcomes.reasoners, scores=outcomes.scores, tokens=tokens)
    model = fit(known, rng)
    path = tmp_path / "a.rung"
    save(path, model, about(model, known))
    return path


def test_it_serves(artefact):
    said = Learned.load(artefact)("How many apples in total? add and subtract the price")
    assert set(said) == {"small", "all", "sums"}
    assert said["sums"].right_prob > said["all"].right_prob
    assert said["sums"].outcomes == 400
    assert 0 < said["sums"].right_sd < 0.5
    assert said["sums"].completion_tokens == pytest.approx(50, rel=0.05)
    said = Learned.load(artefact)("king of an empire, battle and war")
    assert said["all"].right_prob > said["sums"].right_prob


@pytest.mark.parametrize("text", ["", "漢字", "\ud800", "x" * 100_000, "\n" * 50])
def test_any_question_is_answered(artefact, text):
    for expected in Learned.load(artefact)(text).values():
        assert 0 < expected.right_prob < 1


def test_what_is_no_artefact(tmp_path):
    with pytest.raises(ConfigError, match="there is no artefact"):
        load(tmp_path / "none.rung")
    (tmp_path / "a.rung").write_text("hello")
    with pytest.raises(ConfigError, match="is no artefact"):
        load(tmp_path / "a.rung")


def changed(path, name, array):
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    arrays[name] = array(arrays[name])
    with path.open("wb") as file:
        np.savez(file, allow_pickle=True, **arrays)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("mean", lambda a: a[:2]),
        ("space.vocabulary", lambda a: a + 2**40),
        ("space.vocabulary", lambda a: -a),
        ("space.idf", lambda a: a[:5]),
        ("space.idf", lambda a: a * np.nan),
        ("weights.own", lambda a: a[:0]),
        ("base.linear.weights", lambda a: a[:3]),
        ("base.linear.mean", lambda a: np.array(["x"])),
        ("about", lambda a: a[:10]),
    ],
)
def test_a_damaged_artefact_is_refused_when_it_is_loaded(artefact, name, array):
    changed(artefact, name, array)
    with pytest.raises(ConfigError, match="damaged"):
        Learned.load(artefact)


def test_no_pickle_is_ever_opened(artefact):
    class Evil:
        def __reduce__(self):
            return print, ("opened",)

    changed(artefact, "mean", lambda a: np.array([Evil()], dtype=object))
    with pytest.raises(ConfigError, match="is no artefact"):
        Learned.load(artefact)


def test_another_format_is_told(artefact):
    changed(artefact, "about", lambda a: np.frombuffer(a.tobytes().replace(b'"format":2', b'"format":9'), np.uint8))
    with pytest.raises(ConfigError, match="format 9"):
        load(artefact)


def test_a_cut_file_is_refused(artefact):
    artefact.write_bytes(artefact.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="is no artefact"):
        load(artefact)
    assert not zipfile.is_zipfile(artefact)
