from rung.config.lanes import Hedge
from rung.lanes.hedge import Late


def seen(ratios, **bounds):
    late = Late(Hedge(**bounds))
    for ratio in ratios:
        late.seen(ratio, 1.0)
    return late


def test_nothing_is_late_before_some_were_seen():
    assert seen([1.0] * 19).after_s(1.0) is None
    assert seen([1.0] * 20).after_s(1.0) is not None


def test_late_is_over_the_quantile_and_by_an_amount_worth_a_call():
    alike, long_tail = [1.0] * 100, [1.0] * 90 + [8.0] * 10
    assert seen(alike).after_s(3.0) == 6.0, "twice the median"
    assert seen(alike).after_s(0.01) == 0.11, "a tenth of a second, where that is nothing"
    assert seen(long_tail).after_s(3.0) == 24.0, "the quantile"
    assert seen(alike, factor=1.0, least_late_s=0.0).after_s(3.0) == 3.0


def test_it_follows_what_is_predicted_of_the_call():
    late = Late(Hedge(least_late_s=0.0))
    for service_s in (1.0, 2.0, 4.0) * 10:
        late.seen(service_s / 2, service_s)
    assert late.after_s(10.0) == 10.0
