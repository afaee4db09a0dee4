from rung.cli.calibrator import Pool, item_of, takes
from rung.estimators.ability import Ability
from rung.probes import DOMAINS
from rung.reasoners.base import Abilities


def asked(pool, count, *, abstained=lambda probe: False):
    ability, probes = Ability(len(DOMAINS), 0.0), []
    while len(probes) < count and (probe := pool.next(ability)) is not None:
        pool.note(probe, abstained=abstained(probe))
        ability.observe(item_of(probe.template, probe.level), len(probes) % 2)
        probes.append(probe)
    return probes


def test_no_question_is_asked_twice_and_no_kind_is_left_out():
    probes = asked(Pool(0), 200)
    assert len({probe.question for probe in probes}) == 200
    assert {probe.template.domain for probe in probes[:40]} == set(DOMAINS)
    by_template = [probe.template.name for probe in probes[:60]]
    assert max(map(by_template.count, by_template)) <= 12


def test_the_same_answers_lead_to_the_same_probes():
    assert [p.key for p in asked(Pool(3), 30)] == [p.key for p in asked(Pool(3), 30)]
    assert [p.key for p in asked(Pool(3), 30)] != [p.key for p in asked(Pool(4), 30)]


def test_a_probe_is_found_again_by_its_key():
    pool = Pool(5)
    for probe in asked(pool, 20):
        assert Pool(5).made(probe.key) == probe


def test_it_ends_where_no_new_question_is_left():
    pool = Pool(0)
    pool.keep(lambda probe: probe.template.name == "writer")
    assert 10 <= len(asked(pool, 200)) <= 18


def test_a_kind_that_is_only_abstained_from_is_asked_three_times():
    probes = asked(Pool(0), 120, abstained=lambda probe: probe.template.name == "story")
    assert [probe.template.name for probe in probes].count("story") == 3


def test_only_what_a_reasoner_takes_is_asked():
    def names(abilities):
        pool = Pool(0)
        pool.keep(lambda probe: takes(abilities, probe))
        return {probe.template.name for probe in asked(pool, 100)}

    assert names(Abilities(tasks=frozenset({"code"}))) == {"function"}
    short = names(Abilities(short_only=True))
    assert {"story", "order", "capital_picked"} <= short
    assert not {"function", "program"} & short
    assert names(Abilities(schema_only=True)) == set()
