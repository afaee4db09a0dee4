import pytest

from rung.lanes.budget import Budget


def spent(budget):
    return sum(budget.spend() for _ in range(100))


def test_so_many_of_all_and_no_more_are_saved_up_than_a_burst():
    budget = Budget(0.1)
    assert spent(budget) == 3, "there at the start"
    for _ in range(10_000):
        budget.earned()
    assert spent(budget) == 3
    n = 0
    for _ in range(1000):
        budget.earned()
        n += budget.spend()
    assert n == pytest.approx(100, abs=1)


def test_none_is_none():
    budget = Budget(0.0)
    budget.earned()
    assert not budget.left
    assert spent(budget) == 0
