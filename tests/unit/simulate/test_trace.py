import pytest

from rung.errors import BadRequest
from rung.routing import features_of
from rung.simulate import Arrival, Mix, Size, read_trace, scaled, workload


def written(tmp_path, text):
    path = tmp_path / "trace"
    path.write_text(text)
    return path


def test_azure(tmp_path):
    path = written(
        tmp_path,
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
    )
    first, second = read_trace(path)
    assert first == Arrival(at_s=0.0, prompt_tokens=374, completion_tokens=44)
    assert second.at_s == pytest.approx(4.314579)


def test_mooncake(tmp_path):
    path = written(
        tmp_path,
        '{"timestamp": 500, "input_length": 6, "output_length": 5, "hash_ids": [0]}\n'
        '{"timestamp": 2500, "input_length": 7, "output_length": 4, "hash_ids": [1]}\n',
    )
    assert [(a.at_s, a.prompt_tokens, a.completion_tokens) for a in read_trace(path)] == [(0.0, 6, 5), (2.0, 7, 4)]


def test_plain_with_class_and_deadline_in_any_order(tmp_path):
    path = written(
        tmp_path,
        "arrival_s,prompt_tokens,completion_tokens,priority,deadline_ms\n9,1,2,batch,\n7,3,4,critical,1500\n8,5,6,,\n",
    )
    assert read_trace(path) == [
        Arrival(at_s=0.0, prompt_tokens=3, completion_tokens=4, priority=0, deadline_s=1.5),
        Arrival(at_s=1.0, prompt_tokens=5, completion_tokens=6),
        Arrival(at_s=2.0, prompt_tokens=1, completion_tokens=2, priority=2),
    ]


def test_empty_lines_are_no_arrivals(tmp_path):
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s,prompt_tokens,completion_tokens\n\n1,2,3\n\n2,3,4\n\n")
    assert [arrival.prompt_tokens for arrival in read_trace(path, most=2)] == [2, 3]


def test_a_mark_of_its_encoding_before_it(tmp_path):
    path = written(tmp_path, "\ufeffarrival_s,prompt_tokens,completion_tokens\n9,1,2\n")
    assert [a.prompt_tokens for a in read_trace(path)] == [1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no trace"),
        ("a,b\n1,2\n", "no trace"),
        ("arrival_s,prompt_tokens,completion_tokens\n", "no arrivals"),
        ("arrival_s,prompt_tokens,completion_tokens\n1,2,3\n1,x,3\n", "row 2"),
        ("arrival_s,prompt_tokens,completion_tokens,priority\n1,2,3,soon\n", "row 1"),
        ("arrival_s,prompt_tokens,completion_tokens,priority\n1,2,3,9\n\n1,2,3,10\n", "row 3"),
        ('{"timestamp": 1}\n', "row 1"),
        ('{"timestamp": "1", "input_length": 1, "output_length": 1}\n', "row 1"),
        ("arrival_s,prompt_tokens,completion_tokens\nnan,1,1\n", "row 1"),
        ("arrival_s,prompt_tokens,completion_tokens\n0,1,1\n0,-5,1\n", "row 2"),
        ("arrival_s,prompt_tokens,completion_tokens\n0,1,99999999999\n", "row 1"),
        ("arrival_s,prompt_tokens,completion_tokens,deadline_ms\n0,1,1,nan\n", "row 1"),
        ("arrival_s,prompt_tokens,completion_tokens,deadline_ms\n0,1,1,0\n", "row 1"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, text, problem):
    with pytest.raises(BadRequest, match=problem):
        read_trace(written(tmp_path, text))


def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path):
    with pytest.raises(BadRequest, match=r"none.csv: cannot be read: No such file or directory$"):
        read_trace(tmp_path / "none.csv")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadRequest, match=r"t.csv: cannot be read: is no text in UTF-8$"):
        read_trace(tmp_path / "t.csv")


def test_load_stretches_the_gaps_alike():
    arrivals = [Arrival(at_s=float(at), prompt_tokens=1, completion_tokens=1) for at in (0, 1, 4)]
    assert [a.at_s for a in scaled(arrivals, [2.0, 2.0, 4.0], 0.5)] == pytest.approx([0, 4, 16])


def test_a_workload_is_the_same_for_the_same_seed_and_as_long_as_recorded():
    arrivals = [Arrival(at_s=float(at), prompt_tokens=200 + 7 * at, completion_tokens=9) for at in range(300)]
    mix = Mix(deadline_s=lambda priority, size: 10.0, tenants={"a": 0.5, "b": 0.5})
    asked = workload(arrivals, mix, 3)
    assert asked == workload(arrivals, mix, 3)
    assert asked != workload(arrivals, mix, 4)
    assert 0.05 < sum(one.priority == "critical" for one in asked) / 300 < 0.15
    for one in asked:
        assert features_of(one.request(0.0, stream=False).body).prompt_tokens == pytest.approx(
            one.size.prompt_tokens, abs=12
        )
        assert one.size == Size(arrivals[int(one.id[1:])].prompt_tokens, 9)
