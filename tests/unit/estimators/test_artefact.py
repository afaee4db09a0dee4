import zipfile

import numpy as np
import pytest
from msgspec import structs

from rung.errors import ConfigError
from rung.estimators.artefact import load, save
from rung.estimators.learned import Learned
from rung.estimators.stack import fit
from tests.conformance.test_estimator import about
from tests.unit.estimators.conftest import made, meaning


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    known = made(400)
    known = structs.replace(known, tokens=np.full(known.scores.shape, 50, np.float32))
    model = fit(known, np.random.default_rng(0))
    path = tmp_path_factory.mktemp("saved") / "a.rung"
    save(path, model, about(model, known))
    return path.read_bytes()


@pytest.fixture
def artefact(tmp_path, saved):
    path = tmp_path / "a.rung"
    path.write_bytes(saved)
    return path


async def test_it_serves(artefact):
    said = await Learned(*load(artefact))("How many apples in total? add and subtract the price")
    assert set(said) == {"small", "all", "sums"}
    assert said["sums"].right_prob > said["all"].right_prob
    assert said["sums"].outcomes == 400
    assert 0 < said["sums"].right_sd < 0.5
    assert said["sums"].completion_tokens == pytest.approx(50, rel=0.05)
    said = await Learned(*load(artefact))("king of an empire, battle and war")
    assert said["all"].right_prob > said["sums"].right_prob


async def test_it_serves_by_what_a_question_means(tmp_path, rng):
    known = meaning(made(400, told=False))
    model = fit(known, rng)
    save(tmp_path / "a.rung", model, structs.replace(about(model, known), embedding="some"))
    asked: list[str] = []

    async def embed(text):
        asked.append(text)
        return np.eye(1, 8, dtype=np.float32) * (text == "a sum")

    with pytest.raises(ValueError, match="needs the embedding some"):
        Learned(*load(tmp_path / "a.rung"))
    learned = Learned(*load(tmp_path / "a.rung"), embed)
    a_sum, the_past = await learned("a sum"), await learned("the past")
    assert asked == ["a sum", "the past"]
    assert a_sum["sums"].right_prob > a_sum["all"].right_prob
    assert the_past["all"].right_prob > the_past["sums"].right_prob


@pytest.mark.parametrize("text", ["", "漢字", "\ud800", "x" * 100_000, "\n" * 50])
async def test_any_question_is_answered(artefact, text):
    for expected in (await Learned(*load(artefact))(text)).values():
        assert 0 < expected.right_prob < 1


def test_what_is_no_artefact(tmp_path):
    with pytest.raises(ConfigError, match="there is no artefact"):
        load(tmp_path / "none.rung")
    with pytest.raises(ConfigError, match=r"is no artefact of `rung eval`, or"):
        load(tmp_path)
    for content in (b"hello", b"", b"\0" * 100):
        (tmp_path / "a.rung").write_bytes(content)
        with pytest.raises(ConfigError, match="is no artefact") as refused:
            load(tmp_path / "a.rung")
        assert "pickle" not in str(refused.value)


@pytest.mark.parametrize(("place", "value"), [(8, 99), (6, 1), (6, 32), (6, 64), (4, 200)])
def test_flags_and_methods_that_no_artefact_has(artefact, place, value):
    """Where the list of contents says how the first one is packed."""
    content = bytearray(artefact.read_bytes())
    content[content.index(b"PK\1\2") + 2 + place] = value
    content[place] = value
    artefact.write_bytes(content)
    with pytest.raises(ConfigError):
        load(artefact)


def test_an_artefact_is_written_whole_or_not_at_all(artefact, outcomes, rng, monkeypatch):
    before = artefact.read_bytes()
    model, known = load(artefact)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(ConfigError, match="No space left"):
        save(artefact, model, known)
    assert artefact.read_bytes() == before
    assert [path.name for path in artefact.parent.iterdir()] == [artefact.name]


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
        ("space.embedded_mean", lambda a: np.zeros(3, np.float32)),
        ("mean", lambda a: a.astype(complex)),
        ("space.vocabulary", lambda a: a.astype(float)),
        ("space.surface_scale", lambda a: a[:5]),
        ("space.topic_scale", lambda a: a[:0]),
        ("space.meanings", lambda a: np.zeros((3, 2), np.float32)),
    ],
)
def test_a_damaged_artefact_is_refused_when_it_is_loaded(artefact, name, array):
    changed(artefact, name, array)
    with pytest.raises(ConfigError, match="damaged"):
        load(artefact)


def test_no_pickle_is_ever_opened(artefact):
    class Evil:
        def __reduce__(self):
            return print, ("opened",)

    changed(artefact, "mean", lambda a: np.array([Evil()], dtype=object))
    with pytest.raises(ConfigError, match="is no artefact"):
        load(artefact)


def test_another_format_is_told(artefact):
    changed(artefact, "about", lambda a: np.frombuffer(a.tobytes().replace(b'"format":3', b'"format":9'), np.uint8))
    with pytest.raises(ConfigError, match="format 9"):
        load(artefact)


def test_a_cut_file_is_refused(artefact):
    artefact.write_bytes(artefact.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="is no artefact"):
        load(artefact)
    assert not zipfile.is_zipfile(artefact)
