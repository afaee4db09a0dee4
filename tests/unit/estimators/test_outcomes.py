import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.errors import ConfigError
from rung.estimators.outcomes import folds, read_outcomes

HEAD = "question,score|a,score|b\n"
ROWS = "".join(f'"What, is {i}?",{i % 2},0.5\n' for i in range(30))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outcomes.csv"


def test_csv_with_costs_gaps_and_more(path):
    rows = "".join(f"What is {i}?,{i % 2},{'' if i == 3 else 1},0.1,{'' if i == 4 else 2},x\n" for i in range(30))
    path.write_text("question,score|a,score|b,usd|a,usd|b,note\n" + rows)
    known = read_outcomes(path)
    assert known.reasoners == ("a", "b")
    assert known.ignored == ("note",)
    assert np.isnan(known.scores).sum() == 1
    assert np.isnan(known.scores[3, 1])
    assert list(known.costs()) == ["usd"]
    assert known.costs()["usd"][4].tolist() == pytest.approx([0.1, 2.0])
    assert known.seconds is None


@pytest.mark.parametrize(
    ("usd", "seconds", "units"),
    [(1, 2, ["usd", "seconds"]), (0, 2, ["seconds"]), (1, 0, ["usd"]), (0, 0, ["tokens"])],
)
def test_answers_cost_money_and_time_or_else_tokens(path, usd, seconds, units):
    head = ",".join(f"{unit}|{name}" for unit in ("score", "usd", "seconds", "tokens") for name in "ab")
    rows = "".join(f"What is {i}?,1,0,{usd},{usd},{seconds},{seconds},9,9\n" for i in range(30))
    path.write_text(f"question,{head}\n{rows}")
    known = read_outcomes(path)
    assert known.ignored == ()
    assert list(known.costs()) == units


def test_scores_may_be_true_and_false(path):
    """As pandas writes them."""
    path.write_text(HEAD + "".join(f"What is {i}?,{i % 2 == 1},{'true' if i % 3 else 'false'}\n" for i in range(30)))
    assert read_outcomes(path).scores[:3].tolist() == [[0, 0], [1, 1], [0, 1]]


def test_a_question_may_be_as_long_as_a_prompt(path):
    path.write_text(HEAD + ROWS + "word " * 50_000 + ",1,0\n")
    assert len(read_outcomes(path).questions[-1]) == 250_000


def test_parquet_is_read_as_csv_is(path, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet  # noqa: PLC0415

    path.write_text(HEAD + ROWS)
    parquet.write_table(csv.read_csv(path), tmp_path / "o.parquet")
    assert pyarrow
    assert read_outcomes(tmp_path / "o.parquet").digest() == read_outcomes(path).digest()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have the columns"),
        ("question,score|a\n" + "x,1\n" * 30, "at least two reasoners"),
        (HEAD + ROWS[:40], "at least 20"),
        (HEAD + ROWS + " ,1,1\n", "row 31 has no question"),
        (HEAD + ROWS + "x,1.5,1\n", "row 31, score|a: must lie between 0 and 1"),
        (HEAD + ROWS + "x,yes,1\n", "row 31, score|a: `yes` is no number"),
        (HEAD + ROWS + "x,1,1,1\n", "line 32 has not as many values"),
        (HEAD + ROWS + "x,1\n", "line 32 has not as many values"),
        (HEAD + ROWS + "x,inf,1\n", "must be finite"),
        (HEAD + "x,1,\n" * 30, "score|b is empty"),
        (HEAD + "x,1,0\n" * 30, "has 1 different questions; at least 20"),
        ("question,score|,score|b\n" + "x,1,1\n" * 30, "a column `score|` names no reasoner"),
        ("question,score|a,score|b,score|b\n" + "x,1,1,0\n" * 30, "a column stands twice"),
        (HEAD + ROWS + "x,1e300,1\n", "must be finite"),
        ("question,score|a,score|b,usd|a,usd|b\n" + "x,1,1,-1,1\n" * 30, "usd|a: must be finite and not negative"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path, text, said):
    path.write_text(text)
    with pytest.raises(ConfigError, match=said.replace("|", r"\|")):
        read_outcomes(path)


def test_costs_of_some_reasoners_only_are_told_as_not_used(path):
    path.write_text("question,score|a,score|b,usd|a\n" + "".join(f"What is {i}?,1,0,0.1\n" for i in range(30)))
    assert read_outcomes(path).ignored == ("usd|a",)


def test_questions_that_are_no_texts(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet  # noqa: PLC0415

    questions = [[f"What is {i}?"] for i in range(30)]
    table = pyarrow.table({"question": questions, "score|a": [1.0] * 30, "score|b": [0.0] * 30})
    parquet.write_table(table, tmp_path / "o.parquet")
    with pytest.raises(ConfigError, match="row 1: the question is no text"):
        read_outcomes(tmp_path / "o.parquet")


def test_what_is_no_file_of_outcomes(tmp_path):
    with pytest.raises(ConfigError, match="there is no file"):
        read_outcomes(tmp_path / "none.csv")
    (tmp_path / "o.json").write_text("{}")
    with pytest.raises(ConfigError, match="parquet or"):
        read_outcomes(tmp_path / "o.json")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory$"):
        read_outcomes(tmp_path / "folder.csv")
    (tmp_path / "o.csv").write_bytes(b"question,\xff")
    with pytest.raises(ConfigError, match=r"cannot be read as csv: is no text in UTF-8$"):
        read_outcomes(tmp_path / "o.csv")
    pytest.importorskip("pyarrow")
    (tmp_path / "o.parquet").write_text("hello")
    with pytest.raises(ConfigError, match="cannot be read as parquet"):
        read_outcomes(tmp_path / "o.parquet")


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(2, 5), st.integers(0, 9))
def test_the_same_question_is_in_one_fold(questions, count, seed):
    fold = folds(questions, count, np.random.default_rng(seed))
    assert len({(q, f) for q, f in zip(questions, fold.tolist(), strict=True)}) == len(set(questions))
    assert 0 <= fold.min() <= fold.max() < count


def test_a_question_in_other_capitals_or_spaces_is_the_same():
    asked = [f"How many is {i} and one?" for i in range(40)]
    fold = folds([*asked, *(f" {q.upper()}\n".replace(" IS ", "  IS ") for q in asked)], 5, np.random.default_rng(0))
    assert fold[:40].tolist() == fold[40:].tolist()


def test_questions_that_differ_by_capitals_alone_are_not_enough(path):
    rows = [f"{q},1,0\n" for i in range(15) for q in (f"what is {i}?", f"What is {i}? ")]
    path.write_text(HEAD + "".join(rows))
    with pytest.raises(ConfigError, match="15 different questions"):
        read_outcomes(path)


def test_folds_are_even():
    fold = folds([str(i) for i in range(100)], 5, np.random.default_rng(0))
    assert np.bincount(fold).tolist() == [20] * 5
