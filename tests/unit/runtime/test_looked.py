import pytest

from rung.routing import Verdicted
from rung.runtime import Looked


def test_few_verdicts_say_nothing_and_many_say_where_they_go():
    looked = Looked()
    for count in range(1, 41):
        looked.saw("a", "choice", Verdicted(0.6, 0.9 if count % 2 else 0.2))
        assert bool(looked.moves.get(("a", "choice"), ())) == (count >= 32)
    assert looked.moves.get(("a", "choice"), ())[0][0] > 0 > looked.moves.get(("a", "choice"), ())[-1][0]
    assert not looked.moves.get(("a", "maths"), ())
    assert not looked.moves.get(("b", "choice"), ())


def test_the_newest_verdicts_count():
    looked = Looked()
    for _ in range(128):
        looked.saw("a", "choice", Verdicted(0.6, 0.9))
    assert looked.moves.get(("a", "choice"), ())[0][0] > 1
    for _ in range(128):
        looked.saw("a", "choice", Verdicted(0.6, 0.6))
    assert {move for move, _, _ in looked.moves.get(("a", "choice"), ())} == {0.0}


def test_the_time_of_a_look_is_its_mean():
    looked = Looked()
    assert looked.seconds.get("code", 0.0) == 0
    looked.took("code", 2.0)
    looked.took("code", 1.0)
    assert looked.seconds.get("code", 0.0) == pytest.approx(1.9)
    assert looked.seconds.get("choice", 0.0) == 0


async def test_the_rule_is_told_of_what_looking_found_and_took(world, scripted):
    """The second half of the requests is decided by what was seen of the first."""
    world.add(scripted("a", "yes"), strength=0.7)
    world.add(scripted("b", "no"), strength=0.6)
    world.verdicts = {"a": 0.7, "b": 0.6}
    runtime = world.runtime
    before = await runtime.explain(world.request())
    for i in range(40):
        await world.reply(world.request(name=f"r{i}", cache="off"), runtime)
    after = await runtime.explain(world.request())
    # Verdicts that never move an answer are worth nothing: what is left is the estimate less the cost.
    a = next(o for o in after.options if o.reasoner == "a")
    assert a.reserve == pytest.approx(a.estimate.right_prob - a.cost_usd / 0.01, abs=0.02)
    assert a.reserve < next(o for o in before.options if o.reasoner == "a").reserve


def test_how_long_answers_are_is_learned_by_reasoner_and_task():
    looked = Looked()
    for _ in range(240):
        looked.wrote("a", "open", 20, 250.0)
    assert 250 * looked.longer["a", "open"] == pytest.approx(20, rel=0.3)
    assert set(looked.longer) == {("a", "open")}
    for n in range(240):  # of lengths that vary it is the mean
        looked.wrote("a", "open", 200 if n % 4 else 1000, 250.0)
    assert 250 * looked.longer["a", "open"] == pytest.approx(400, rel=0.3)


def test_answers_as_long_as_expected_change_nothing():
    looked = Looked()
    for n in range(60):
        looked.wrote("a", "open", 240 if n % 2 else 260, 250.0)
    assert not looked.longer
