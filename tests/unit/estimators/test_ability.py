import math
from random import Random

import pytest

from rung.estimators.ability import GENERAL_SD, GRID, OWN_SD, Ability, Item
from rung.probes import DOMAINS, TEMPLATES

ITEMS = [
    Item(
        domain=DOMAINS.index(template.domain),
        difficulty=template.difficulty(level),
        discrimination=template.discrimination,
        floor=template.floor,
    )
    for template in TEMPLATES
    for level in range(len(template.halfway))
]


def sigma(x):
    return 1 / (1 + math.exp(-x))


def simulated(rng, guess, probes, choose):
    """A reasoner as the model says they are, placed by so many probes."""
    general = rng.gauss(guess, GENERAL_SD)
    true = [rng.gauss(general, OWN_SD) for _ in DOMAINS]
    ability = Ability(len(DOMAINS), guess)
    for _ in range(probes):
        item = choose(ability)
        ability.observe(item, float(rng.random() < item.right_prob(true[item.domain])))
    return true, ability.placement()


def best(ability):
    worths = ability.worth(ITEMS)
    return ITEMS[worths.index(max(worths))]


def test_intervals_hold_what_they_promise():
    rng, held, held_by_domain, widths = Random(5), 0, 0, []
    for _ in range(120):
        true, placement = simulated(rng, rng.choice((0.0, 1.4)), 40, lambda _: rng.choice(ITEMS))
        share = sum(map(sigma, true)) / len(true)
        held += placement.interval[0] <= share <= placement.interval[1]
        widths.append(placement.half_width)
        held_by_domain += sum(
            abs(mean - t) <= 1.96 * sd for mean, sd, t in zip(placement.abilities, placement.sds, true, strict=True)
        )
    # 95% of 120 and of 600, give or take three standard errors.
    assert 107 <= held <= 120
    assert 554 <= held_by_domain <= 586
    assert sum(widths) / len(widths) < 0.12


def test_the_next_probe_by_worth_tells_more_than_any():
    def width(choose):
        rng = Random(3)
        return sum(simulated(rng, 0.0, 30, lambda a: choose(a, rng))[1].half_width for _ in range(15))

    assert width(lambda a, _: best(a)) < 0.9 * width(lambda _, rng: rng.choice(ITEMS))


def test_sixty_probes_place_most_within_the_width_that_is_asked_for():
    rng = Random(1)
    placed = [simulated(rng, 0.0, 60, best)[1].half_width for _ in range(12)]
    assert sorted(placed)[len(placed) // 2] <= 0.075


@pytest.mark.parametrize("guess", [-2.0, 0.0, 1.4])
def test_without_probes_it_is_where_it_was_guessed(guess):
    placement = Ability(5, guess).placement()
    assert placement.abilities == pytest.approx((guess,) * 5, abs=0.05)
    assert placement.sds == pytest.approx((math.hypot(GENERAL_SD, OWN_SD),) * 5, abs=0.06)
    assert placement.interval[0] <= sigma(guess) <= placement.interval[1]


def test_a_domain_tells_of_the_others_but_less():
    ability = Ability(2, 0.0)
    for _ in range(30):
        ability.observe(Item(domain=0, difficulty=0.0), 1.0)
    one, other = ability.placement().abilities
    assert one > other > 0.3


def test_all_right_and_all_wrong_stay_within_bounds():
    for score in (0.0, 1.0):
        ability = Ability(5, 0.0)
        for item in ITEMS * 3:
            ability.observe(item, score)
        placement = ability.placement()
        assert all(GRID[0] <= one <= GRID[-1] for one in placement.abilities)
        assert 0 <= placement.interval[0] <= placement.right_share <= placement.interval[1] <= 1


def test_information_is_that_of_the_chance_to_be_right():
    item = Item(domain=0, difficulty=0.6, discrimination=1.4, floor=0.2)
    for ability in (-2.0, 0.0, 1.0):
        right, step = item.right_prob(ability), 1e-5
        slope = (item.right_prob(ability + step) - item.right_prob(ability - step)) / (2 * step)
        assert item.information(ability) == pytest.approx(slope**2 / (right * (1 - right)), rel=1e-4)


def test_many_answers_of_one_kind_decide_less_than_those_of_many_kinds():
    of_one, of_many, of_none = Ability(2, 0.0), Ability(2, 0.0), Ability(2, 0.0)
    for number in range(12):
        of_one.observe(Item(domain=0, difficulty=0.0), 0.0, "receipt")
        of_many.observe(Item(domain=0, difficulty=0.0), 0.0, f"kind {number}")
        of_none.observe(Item(domain=0, difficulty=0.0), 0.0)
    one, many = of_one.placement(), of_many.placement()
    assert one.abilities[0] > many.abilities[0] + 0.2
    assert one.sds[0] > many.sds[0]
    assert of_none.placement() == many
