import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rung.estimators import space
from rung.estimators.reading import BITS, SURFACE, Rows, read
from rung.estimators.space import Reader, Space

TEXTS = st.text(max_size=200) | st.text("ab 1?.\n", max_size=60)


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_any_text_is_read_alone_as_among_others(texts):
    together = read(texts)
    assert together.surface.shape == (len(texts), SURFACE)
    assert np.isfinite(together.surface).all()
    for i, text in enumerate(texts):
        alone, there = read([text]), together.words.take(np.array([i]))
        assert alone.words.columns.tolist() == there.columns.tolist()
        assert alone.words.values.tolist() == there.values.tolist()
        assert (alone.surface[0] == together.surface[i]).all()
        assert alone.words.columns[0] == 0
        assert 0 <= alone.words.columns.max() <= 1 << BITS


def test_a_lone_surrogate_is_read():
    assert len(read(["a \ud800 b"]).words.columns) > 1


def test_words_pairs_and_their_counts():
    one, two = read(["red red blue"]).words, read(["blue red red"]).words
    assert sorted(one.values.tolist()) == [1, 1, 1, 1, 2]  # always, blue, red red, red blue; red twice
    assert set(one.columns.tolist()) != set(two.columns.tolist())
    assert read(["Red, RED blue"]).words.columns.tolist() == read(["red, red BLUE"]).words.columns.tolist()


def test_a_long_text_is_read_from_both_ends():
    long = "first " + "word " * 100_000 + "last"
    known = set(read([long]).words.columns.tolist())
    assert set(read(["first"]).words.columns.tolist()) <= known
    assert set(read(["last"]).words.columns.tolist()) <= known


def test_rows_times_is_a_product(rng):
    dense = rng.random((5, 7)) * (rng.random((5, 7)) < 0.4)
    dense[:, 0] = 1
    rows, columns = np.nonzero(dense)
    starts = np.searchsorted(rows, np.arange(6))
    sparse = Rows(starts, columns, dense[rows, columns].astype(np.float32))
    weights = rng.random((7, 3)).astype(np.float32)
    assert np.allclose(sparse.times(weights), dense @ weights, atol=1e-5)
    at = np.array([3, 0])
    assert np.allclose(sparse.take(at).times(weights), dense[at] @ weights, atol=1e-5)


def test_one_question_is_placed_as_many_are(outcomes, rng):
    read_all = read(outcomes.questions)
    reader = Reader(Space.fit(read_all, rng))
    many = reader.place(read_all)
    for i in (0, 7, 399):
        one = reader.place(read([outcomes.questions[i]]))
        assert np.allclose(one.places[0], many.places[i], atol=1e-5)
        assert {a.dtype for a in (one.places, one.words.values, many.places)} == {np.dtype(np.float32)}
        assert np.allclose(one.words.values, many.words.take(np.array([i])).values)


def test_a_question_of_unknown_words_has_a_place(outcomes, rng):
    reader = Reader(Space.fit(read(outcomes.questions), rng))
    for text in ("", "xylophone", "漢字"):
        assert np.isfinite(reader.place(read([text])).places).all()


def test_of_many_words_the_commonest_are_kept(rng, monkeypatch):
    monkeypatch.setattr(space, "_MOST", 4)
    texts = ["common often rare", "common often rare", "common often", "common"] * 2
    kept = set(Space.fit(read(texts), rng).vocabulary.tolist())
    assert set(read(["common"]).words.columns.tolist()) <= kept
    assert len(kept) == 4
