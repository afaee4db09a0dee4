import asyncio

import pytest

from rung.bootstrap import Rung
from rung.errors import BadRequest, ConfigError, LedgerError, NotReady, RequestError
from rung.reasoners.program import Program

QUESTION = "Why is the sky blue?"


def leaves(rung):
    """Those that serve now, by name."""
    return {info.name: info.state for info in rung.runtime.reasoners()}


async def asked(rung, upstream, count=1, **options):
    """A request that has come to the upstream."""
    task = asyncio.create_task(rung.reply(QUESTION, model="one", **options))
    await upstream.arrived(count)
    return task


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_reload_leaves_requests_under_way_alone_and_serves_the_next_by_the_new(
    rung_of, config_of, upstream, gate
):
    rung = await rung_of({"one": {}})
    upstream.play(gate.act, upstream.says("new"))
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {"model": "other"}}))
    assert (await rung.answer(QUESTION, model="one", cache="off")).text == "new"
    assert [received.body["model"] for received in upstream.received] == ["m", "other"]
    gate.open.set()
    assert (await first).answer.text == "let through"


async def test_requests_of_the_first_outlive_two_quick_reloads(rung_of, config_of, upstream, gate):
    rung = await rung_of({"one": {}})
    upstream.play(gate.act)
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {}, "two": {}}))  # `one` stays the same leaf
    await rung.apply(config_of({"one": {"model": "other"}, "two": {}}))
    await settle()
    assert not first.done()
    gate.open.set()
    assert (await first).answer.text == "let through"


async def test_a_leaf_is_closed_once_nobody_can_use_it(rung_of, config_of, upstream, gate, closed):
    rung = await rung_of({"one": {}, "two": {}})
    upstream.play(gate.act)
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {}, "three": {}}))
    await rung.apply(config_of({"one": {"model": "other"}}))
    await settle()
    assert closed == ["three"], "no request of its time is under way"
    gate.open.set()
    await first
    await settle()
    assert sorted(closed) == ["one", "three", "two"]
    assert leaves(rung) == {"one": "warm"}


async def test_who_shares_an_answer_does_not_lose_it_with_the_config_of_who_asked_first(
    rung_of, config_of, upstream, gate
):
    rung = await rung_of({"one": {}})
    upstream.play(gate.act)
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {}}, lanes={"long_prompt_tokens": 100}))  # the same answers, another leaf
    second = await asked(rung, upstream, 2)
    first.cancel()
    await settle()
    gate.open.set()
    assert (await second).answer.text == "let through"


async def test_closing_closes_what_a_reload_left_behind_too(rung_of, config_of, upstream, gate, closed):
    rung = await rung_of({"one": {}})
    upstream.play(gate.act)
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {"model": "other"}}))
    await rung.close()
    assert closed == ["one", "one"]
    await asyncio.wait([first])
    assert first.exception() is not None


@pytest.mark.parametrize(("at", "left"), [("rebased", ["one"]), ("hear", ["one", "two"])])
async def test_a_reload_that_is_broken_off_while_it_learns_leaves_nothing_open(
    rung_of, config_of, closed, monkeypatch, at, left
):
    rung = await rung_of({"one": {}})
    begun = asyncio.Event()

    async def learn(*_):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(rung._learning, at, learn)
    reload = asyncio.create_task(rung.apply(config_of({"two": {}})))
    await begun.wait()
    reload.cancel()
    await asyncio.wait([reload])
    await rung.close()
    assert closed == left


async def test_a_leaf_that_cannot_start_stops_the_others_and_the_old_config_stays(
    rung_of, config_of, upstream, broken, closed
):
    rung = await rung_of({"one": {}})
    before = rung.config
    with pytest.raises(NotReady):
        await rung.apply(config_of({"one": {}, "two": {}, "broken": {}, "three": {}}))
    assert sorted(closed) == ["broken", "two"]
    assert rung.config is before
    assert leaves(rung) == {"one": "warm"}
    assert (await rung.answer(QUESTION, model="one")).text == "Hello from upstream."


async def test_a_refused_reload_leaves_no_lane_in_a_pool_that_serves(rung_of, config_of, broken):
    pooled, lanes = {"pool": "q"}, {"pools": {"q": 2}}
    rung = await rung_of({"one": pooled}, lanes=lanes)
    pool = rung._serving.parts["one"].lane.pool
    with pytest.raises(NotReady):
        await rung.apply(config_of({"one": pooled, "two": pooled, "broken": pooled, "three": pooled}, lanes=lanes))
    assert [lane.reasoner.name for lane in pool.members] == ["one"]


async def test_a_rung_that_cannot_start_leaves_nothing_running(config_of, broken, closed):
    rung = Rung(config_of({"one": {}, "broken": {}}))
    with pytest.raises(NotReady):
        await rung.start()
    assert sorted(closed) == ["broken", "one"]


async def test_reloads_at_the_same_time_are_applied_one_by_one(rung_of, config_of, closed):
    rung = await rung_of({"one": {}})
    await asyncio.gather(*(rung.apply(config_of({"one": {"model": f"m{i}"}})) for i in range(3)))
    await settle()
    assert rung.config.reasoners["one"].model == "m2"
    assert closed == ["one"] * 3


@pytest.mark.parametrize(
    ("changed", "kept"),
    [({"server": {"preset": "best"}}, False), ({"machine": {"usd_per_hour": 9}}, False), ({"lanes": {}}, True)],
)
async def test_who_is_asked_by_other_prices_is_not_served_what_was_answered_before(rung_of, config_of, changed, kept):
    rung = await rung_of({"one": {}})
    await rung.reply(QUESTION)
    await rung.apply(config_of({"one": {}}, **changed))
    assert (await rung.reply(QUESTION)).decision.cache == ("exact" if kept else "miss")


async def test_a_secret_in_an_address_is_not_listed(rung_of):
    rung = await rung_of({"one": {"base_url": "https://me:secret@there/v1?key=secret"}})
    assert [listed.about for listed in rung.runtime.reasoners()] == ["m at https://there/v1"]


async def test_what_needs_a_restart_is_refused(rung_of, config_of):
    rung = await rung_of({"one": {}})
    with pytest.raises(ConfigError, match=r"server\.port cannot change"):
        await rung.apply(config_of({"one": {}}, server={"port": 1234}))


async def test_a_composite_lives_as_long_as_someone_can_use_it(rung_of, config_of, upstream, gate, monkeypatch):
    lives = []

    def noted(what):
        async def note(self):
            lives.append(what)

        return note

    monkeypatch.setattr(Program, "start", noted("started"))
    monkeypatch.setattr(Program, "close", noted("closed"))
    sums = {"kind": "program", "of": "one"}
    rung = await rung_of({"one": {}, "sums": sums})
    assert lives == ["started"]
    upstream.play(gate.act)
    first = await asked(rung, upstream)
    await rung.apply(config_of({"one": {"model": "other"}, "sums": sums}))
    await settle()
    assert lives == ["started", "started"], "a request of the first one's time is under way"
    gate.open.set()
    await first
    await settle()
    assert lives == ["started", "started", "closed"]
    await rung.close()
    assert lives == ["started", "started", "closed", "closed"]


async def test_halves_of_characters_are_no_question(rung_of, config_of):
    rung = await rung_of({"one": {}})
    with pytest.raises(BadRequest, match="half a character"):
        await rung.answer("caf\udce9")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"preset": "bst"}, "preset"),
        ({"deadline_ms": "soon"}, "deadline_ms"),
        ({"min_quality": 7}, "min_quality"),
        ({"max_usd": -1}, "max_usd"),
        ({"streaming": "slowly"}, "stream"),
        ({"temperature": 99}, "temperature"),
        ({"model": "nosuch"}, "model"),
        ({"stop": {1}}, "stop"),
        ({"of_my_own": float}, "no JSON"),
    ],
)
async def test_what_a_program_asks_is_checked_as_over_http(rung_of, config_of, options, field):
    rung = await rung_of({"a": {}})
    with pytest.raises(RequestError, match=field):
        await rung.answer("hello", **options)


async def test_wishes_may_stand_under_rung_as_over_http(rung_of, config_of):
    rung = await rung_of({"a": {}})
    wishes = rung.request("hello", rung={"max_usd": 0.5, "stream": "eager"}, max_usd=0.1).wishes
    assert (wishes.max_usd, wishes.streaming) == (0.1, "eager")
    with pytest.raises(BadRequest, match="`rung` must be an object"):
        rung.request("hello", rung="cheap")


async def test_what_is_nearly_a_wish_would_bound_nothing_and_is_refused(rung_of, config_of):
    rung = await rung_of({"a": {}})
    with pytest.raises(BadRequest, match="did you mean `max_usd`") as e:
        rung.request("hello", max_usdd=0.1)
    assert e.value.param == "max_usdd"
    passed_on = {"stream": True, "store": True, "service_tier": "flex", "prompt_cache_key": "k", "top_k": 3}
    assert rung.request("hello", **passed_on).body["top_k"] == 3


@pytest.mark.parametrize("question", [[], ["hello"], [{"role": "user"}], None, {"role": "user", "content": "x"}])
async def test_a_question_is_a_text_or_a_list_of_messages(rung_of, config_of, question):
    rung = await rung_of({"a": {}})
    with pytest.raises(BadRequest, match="messages"):
        await rung.answer(question)


async def test_a_model_may_name_its_preset(rung_of, config_of):
    rung = await rung_of({"a": {}})
    assert rung.request("hello", model="auto:best").wishes.preset == "best"


@pytest.mark.parametrize(("life", "damaged"), [("not started", False), ("closed", False), ("closed", True)])
async def test_what_does_not_serve_says_so_at_once(config_of, life, damaged):
    config = config_of({"a": {}})
    rung = Rung(config)
    if damaged:
        config.ledger.path.write_text("no database")
        with pytest.raises(LedgerError):
            await rung.start()
    elif life == "closed":
        await rung.start()
        await rung.close()
    with pytest.raises(NotReady, match=f"{life}: ask it within"):
        await rung.answer("hello")
    with pytest.raises(NotReady, match=life):
        await rung.feedback("chatcmpl-1", 1.0)
    with pytest.raises(NotReady, match=life):
        await anext(rung.stream("hello"))
    with pytest.raises(NotReady, match=life):
        await rung.apply(config_of({"b": {}}))
    if life == "closed":
        with pytest.raises(NotReady, match="starts only once"):
            await rung.start()
    await rung.close()


async def test_another_event_loop_is_told_so_and_harms_nothing(rung_of):
    """A call from it left locks of the first loop held: whoever asked next waited until the deadline."""
    rung = await rung_of({"a": {}})

    async def all_of_it():
        with pytest.raises(NotReady, match="another event loop"):
            await rung.answer("hello")
        with pytest.raises(NotReady, match="another event loop"):
            await anext(rung.stream("hello"))
        with pytest.raises(NotReady, match="another event loop"):
            await rung.feedback("chatcmpl-1", 1.0)

    await asyncio.to_thread(lambda: asyncio.run(all_of_it()))
    assert (await rung.answer("hello")).reasoner == "a"


async def test_answers_that_are_shorter_than_expected_are_expected_to_be(rung_of, upstream):
    """A request that would have been answered in a fraction of its time was refused as too late, for ever."""

    async def expected(question):
        return (await rung.explain(question)).options[0].estimate

    rung = await rung_of({"one": {}})
    before, other = await expected(QUESTION), await expected("What is 15% of 80?")
    for _ in range(30):
        await rung.reply(QUESTION, cache="off")  # seven tokens
    after = await expected(QUESTION)
    assert after.completion_tokens < before.completion_tokens / 3
    assert after.service_s < before.service_s / 3
    assert (await expected("What is 15% of 80?")).completion_tokens == other.completion_tokens


async def test_a_crowd_asked_at_once_teaches_no_less_than_the_length_of_its_answers(rung_of, upstream):
    """All were expected as long as the first was: each was counted against what the ones before it had taught."""
    rung = await rung_of({"one": {}})
    await asyncio.gather(*(rung.reply(QUESTION, cache="off") for _ in range(60)))
    assert (await rung.explain(QUESTION)).options[0].estimate.completion_tokens > 7
