import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.lanes.quantile import Recent


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.integers(1, 20), st.floats(0, 1))
def test_it_is_the_quantile_of_the_last(values, most, q):
    recent = Recent(most)
    for x in values:
        recent.add(x)
    last = sorted(values[-most:])
    assert len(recent) == len(last)
    found = recent.quantile(q)
    assert found in last
    assert sum(x < found for x in last) <= q * len(last)
    assert sum(x <= found for x in last) >= min(q * len(last), len(last))


def test_one_far_out_moves_it_little_and_what_is_past_is_forgotten():
    recent = Recent(100)
    for n in range(200):
        recent.add(1.0 + n % 10 / 100)
    recent.add(1e6)
    assert recent.quantile(0.95) < 1.1
    for _ in range(100):
        recent.add(0.1)
    assert recent.quantile(0.95) == pytest.approx(0.1)
