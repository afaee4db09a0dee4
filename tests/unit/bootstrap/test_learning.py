"""Feedback, and what it does to the next decision."""

import asyncio
import threading

import msgspec
import pytest
from structlog.testing import capture_logs

from rung.bootstrap import Rung
from rung.errors import LedgerError
from rung.runtime.learning import Heard

QUESTION = "Why is the sky blue?"
ONE, TWO = {"strength": 0.7}, {"strength": 0.6}


async def expected(rung, name="one", question=QUESTION):
    return next(o.estimate for o in (await rung.explain(question)).options if o.reasoner == name)


async def known(rung, name="one"):
    """What is expected of an answer, without what the lane measured meanwhile."""
    e = await expected(rung, name)
    return e.right_prob, e.right_sd, e.source, e.correction


async def graded(rung, *scores, model="one"):
    """Asks once for each score, and gives it; returns the decisions' ids."""
    ids = []
    for score in scores:
        reply = await rung.reply(QUESTION, model=model, cache="off")
        await rung.feedback(reply.decision.id, score)
        ids.append(reply.decision.id)
    return ids


async def test_one_outcome_moves_the_next_estimate_of_its_reasoner_alone(rung_of):
    rung = await rung_of({"one": ONE, "two": TWO})
    before, other = (await expected(rung)), (await known(rung, "two"))
    assert before.correction is None
    await graded(rung, 0.0)
    after = await expected(rung)
    assert after.right_prob < before.right_prob
    assert after.right_sd > 0
    assert after.correction.base_prob == before.right_prob
    assert after.correction.outcomes == 1
    assert after.source == "config"
    assert (await known(rung, "two")) == other


async def test_outcomes_change_who_is_asked_first(rung_of):
    rung = await rung_of({"one": ONE, "two": TWO})
    assert (await rung.explain(QUESTION)).first == "one"
    await graded(rung, *[0.0] * 6)
    assert (await rung.explain(QUESTION)).first == "two"


async def test_what_is_said_again_counts_once_and_the_last_word_counts(rung_of):
    rung = await rung_of({"one": ONE})
    ids = await graded(rung, 0.0, 1.0)
    once = await known(rung)
    await rung.feedback(ids[0], 0.0)
    assert (await known(rung)) == once
    await rung.feedback(ids[0], 1.0)
    assert (await known(rung)) > once
    assert (await expected(rung)).correction.outcomes == 2
    await rung.feedback(ids[0], 0.0)
    assert (await known(rung)) == once


async def test_a_restart_changes_nothing(rung_of, config_of):
    rung = await rung_of({"one": ONE, "two": TWO})
    await graded(rung, 0.0, 1.0, 0.0, 0.5)
    await graded(rung, 1.0, model="two")
    before = (await known(rung)), (await known(rung, "two"))
    await rung.close()
    async with Rung(rung.config) as again:
        assert ((await known(again)), (await known(again, "two"))) == before


async def test_a_rung_that_is_not_started_can_know_too(rung_of):
    rung = await rung_of({"one": ONE})
    await graded(rung, 0.0)
    other = Rung(rung.config)
    await other.learn()
    assert (await expected(other)).right_prob == (await expected(rung)).right_prob


async def test_a_new_guess_in_the_config_is_held_against_the_same_outcomes(rung_of, config_of):
    rung = await rung_of({"one": {"strength": 0.9}})
    await graded(rung, *[0.0, 1.0] * 20)
    assert 0.45 < (await expected(rung)).right_prob < 0.7
    await rung.apply(config_of({"one": {"strength": 0.5}}))
    assert (await expected(rung)).correction.outcomes == 40
    assert 0.4 < (await expected(rung)).right_prob < 0.6


async def test_while_outcomes_are_held_against_a_new_guess_those_against_the_old_one_count(
    rung_of, config_of, monkeypatch
):
    rung = await rung_of({"one": ONE, "two": TWO})
    await graded(rung, *[0.0] * 6)
    before, other = (await known(rung)), (await expected(rung, "two")).right_prob
    begun, go_on = asyncio.Event(), threading.Event()
    take, loop = Heard.take, asyncio.get_running_loop()

    def slow(self, graded, changed):
        if len(graded) > 1:  # all of them, held against the new guess
            loop.call_soon_threadsafe(begun.set)
            go_on.wait(10)
        take(self, graded, changed)

    monkeypatch.setattr(Heard, "take", slow)
    applying = asyncio.create_task(rung.apply(config_of({"one": ONE, "two": {"strength": 0.65}})))
    await begun.wait()
    assert (await known(rung)) == before
    await asyncio.wait_for(graded(rung, 0.0), 5)
    assert (await known(rung))[3].outcomes == 7
    go_on.set()
    await applying
    assert (await known(rung))[3].outcomes == 7
    assert (await expected(rung, "two")).right_prob > other


async def test_what_is_still_being_heard_by_the_old_guess_does_not_come_back(rung_of, config_of, monkeypatch):
    rung = await rung_of({"one": ONE})
    await graded(rung, *[0.0] * 6)
    begun, go_on = asyncio.Event(), threading.Event()
    take, loop = Heard.take, asyncio.get_running_loop()

    def slow(self, graded, changed):
        if len(graded) == 1:  # by the old guess
            loop.call_soon_threadsafe(begun.set)
            go_on.wait(10)
        take(self, graded, changed)

    monkeypatch.setattr(Heard, "take", slow)
    hearing = asyncio.create_task(graded(rung, 0.0))
    await begun.wait()
    config = config_of({"one": TWO})
    applying = asyncio.create_task(rung.apply(config))
    while rung.config is not config:  # noqa: ASYNC110  nothing tells
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(hearing, applying)
    assert rung._learning._heard.bases == rung.bases
    assert (await known(rung))[3].outcomes == 7


@pytest.mark.parametrize("estimates", [{}, {"online": False}])
async def test_a_reload_leaves_no_figures_of_what_moves_no_estimate_now(rung_of, config_of, estimates):
    rung = await rung_of({"one": ONE, "two": TWO})
    await graded(rung, 0.0)
    assert b'rung_estimate_outcomes{reasoner="one"} 1.0' in rung.metrics.render([])
    await rung.apply(config_of({"two": TWO}, estimates=estimates))
    assert b'rung_estimate_outcomes{reasoner="one"}' not in rung.metrics.render([])
    await rung.apply(config_of({"one": ONE, "two": TWO}))
    assert b'rung_estimate_outcomes{reasoner="one"} 1.0' in rung.metrics.render([])


async def test_answers_out_of_the_cache_are_counted_where_they_were_made(rung_of):
    rung = await rung_of({"one": ONE})
    await rung.reply(QUESTION, model="one")
    kept = await rung.reply(QUESTION, model="one")
    assert kept.decision.cache == "exact"
    before = await known(rung)
    await rung.feedback(kept.decision.id, 0.0)
    assert (await known(rung)) == before


async def test_it_can_be_turned_off(rung_of, config_of, monkeypatch):
    """Then no outcome is read either, nor by a reload."""
    taken = []
    monkeypatch.setattr(Heard, "take", lambda self, graded, changed: taken.extend(graded))
    rung = await rung_of({"one": ONE}, estimates={"online": False})
    before = await known(rung)
    await graded(rung, 0.0)
    await rung.apply(config_of({"one": ONE, "two": TWO}, estimates={"online": False}))
    assert (await known(rung)) == before
    assert not taken


async def test_a_change_that_never_was_is_taken_back(rung_of):
    """A grader was broken for a while, and told better since."""
    rung = await rung_of({"one": ONE})
    await graded(rung, *[1.0] * 20)
    wrong = await graded(rung, *[0.0] * 15)
    assert (await expected(rung)).correction.forgotten == 20
    for name in wrong:
        await rung.feedback(name, 1.0)
    found = (await expected(rung)).correction
    assert (found.outcomes, found.forgotten) == (35, 0)
    now = await known(rung)
    await rung.close()
    async with Rung(rung.config) as again:
        assert (await known(again)) == now


async def test_scores_may_come_in_any_order(rung_of):
    """Told newest first, by who exports decisions so: what it is now, and what is forgotten, are the same."""
    rung = await rung_of({"one": ONE})
    ids = [(await rung.reply(QUESTION, model="one", cache="off")).decision.id for _ in range(35)]
    for at in reversed(range(35)):
        await rung.feedback(ids[at], float(at < 20))
    found = (await expected(rung)).correction
    assert (found.outcomes, found.forgotten) == (15, 20)
    now = await known(rung)
    await rung.close()
    async with Rung(rung.config) as again:
        assert (await known(again)) == now


async def test_a_reasoner_that_changes_is_told_of_and_what_came_before_is_forgotten(rung_of):
    rung = await rung_of({"one": ONE})
    with capture_logs() as logs:
        await graded(rung, *[1.0] * 20)
        assert not [line for line in logs if "changed" in line["event"]]
        await graded(rung, *[0.0] * 15)
    [line] = [line for line in logs if "changed" in line["event"]]
    assert (line["reasoner"], line["outcomes_forgotten"]) == ("one", 20)
    correction = (await expected(rung)).correction
    assert (correction.outcomes, correction.forgotten) == (15, 20)
    figures = rung.metrics.render([]).decode()
    assert 'rung_reasoner_changes_total{reasoner="one"} 1.0' in figures
    assert 'rung_estimate_outcomes{reasoner="one"} 15.0' in figures
    assert (await expected(rung)).right_prob < 0.4


@pytest.mark.parametrize("score", [0.0, 1.0])
async def test_feedback_is_kept_even_if_it_cannot_be_learned_from(rung_of, monkeypatch, score):
    rung = await rung_of({"one": ONE})
    reply = await rung.reply(QUESTION, model="one")
    monkeypatch.setattr(rung._ledger, "_path", rung.config.ledger.path.parent)  # a folder is no database
    with capture_logs() as logs:
        await rung.feedback(reply.decision.id, score)
    assert [line["event"] for line in logs] == ["outcomes not learned from yet"]
    monkeypatch.undo()
    await graded(rung, score)
    assert (await expected(rung)).correction.outcomes == 2


async def test_evidence_that_misleads_is_trusted_less_and_a_restart_changes_nothing(rung_of, upstream):
    """Its refusals are what was wanted, and its answers are not, all the same to the verdict."""
    rung = await rung_of({"one": ONE})
    refuses, answers = upstream.says("I'm sorry, but I can't help with that."), upstream.says("Light scatters.")
    for _ in range(20):
        upstream.play(refuses, answers)
        await graded(rung, 1.0, 0.0)
    upstream.play(refuses)
    verdict = (await rung.reply(QUESTION, model="one", cache="off")).decision.steps[0].verdict
    assert verdict.signals["trust"] < 0.7
    await rung.close()
    async with Rung(rung.config) as again:
        decision = (await again.reply(QUESTION, model="one", cache="off")).decision
        assert decision.steps[0].verdict == verdict


async def test_the_nearest_scored_questions_are_explained_to_who_asked_them(rung_of):
    rung = await rung_of({"one": ONE})
    [first] = await graded(rung, 1.0)
    [past] = (await rung.explain(QUESTION)).nearest
    assert (past.decision_id, past.reasoner, past.score, past.question) == (first, "one", 1.0, "")
    await rung.feedback(first, 0.5)
    [past] = (await rung.explain(QUESTION)).nearest
    assert past.score == 0.5
    other = msgspec.structs.replace(rung.request(QUESTION), tenant="ann")
    assert (await rung.runtime.explain(other)).nearest == ()


async def test_who_goes_away_while_it_is_learned_leaves_no_half_of_it(rung_of, monkeypatch):
    rung = await rung_of({"one": ONE})
    begun, go_on, running = asyncio.Event(), threading.Event(), []
    take, loop = Heard.take, asyncio.get_running_loop()

    def slow(self, graded, changed):
        running.append(1)
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)
        assert running == [1], "one at a time"
        take(self, graded, changed)
        running.pop()

    monkeypatch.setattr(Heard, "take", slow)
    reply = await rung.reply(QUESTION, model="one", cache="off")
    first = asyncio.create_task(rung.feedback(reply.decision.id, 0.0))
    await begun.wait()
    begun.clear()
    first.cancel()
    second = asyncio.create_task(rung.feedback(reply.decision.id, 1.0))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(begun.wait(), 0.3)  # it waits for the first to have ended
    go_on.set()
    await second
    assert (await known(rung))[3].outcomes == 1
    assert (await rung.explain(QUESTION)).nearest[0].score == 1.0


async def test_a_ledger_that_is_begun_anew_is_learned_from(rung_of):
    rung = await rung_of({"one": ONE})
    await graded(rung, 0.0, 0.0, 0.0)
    before = await expected(rung)
    for file in rung.config.ledger.path.parent.glob("ledger.sqlite*"):
        file.unlink()
    with pytest.raises(LedgerError, match="taken away"):
        await graded(rung, 1.0)
    await graded(rung, 1.0, 1.0)
    after = await expected(rung)
    assert after.right_prob > after.correction.base_prob > before.right_prob
    assert after.correction.outcomes == 2, "as after a restart"
