import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.estimators.prior import BITS, DOMAINS, SURFACE, About, Prior, Weights, read, shipped
from rung.probes import TEMPLATES

ABOUT = About(format=1, made="2026-01-01", data="", questions=0, reasoners=0, sources=())


def weights(**other):
    outputs = 1 + len(DOMAINS)
    given = {
        "about": ABOUT,
        "scales": (1.0,) * outputs,
        "surface": ((0.0,) * outputs,) * SURFACE,
        "offsets": (0.0,) * outputs,
        "words": bytes(outputs << BITS),
    }
    return Weights(**{**given, **other})


@given(st.text())
def test_any_text_is_placed(text):
    placed = shipped().place(text)
    assert math.isfinite(placed.difficulty)
    assert sum(placed.domains) == pytest.approx(1)
    assert min(placed.domains) >= 0


def test_what_cannot_be_encoded_is_placed_too():
    assert math.isfinite(shipped().place("\ud800 and what now?").difficulty)


def test_the_middle_of_a_long_text_is_not_read():
    begin, end = "What is asked? " * 150, "So what is it? " * 150
    assert read(f"{begin}{'x ' * 5000}{end}")[0] == read(f"{begin}{'y ' * 90000}{end}")[0]


@pytest.mark.parametrize(
    ("easier", "harder"),
    [
        (
            "Tom has 3 apples and buys 4 more. How many apples does he have?",
            "Let $f(x) = x^3 - 3x + 1$ have the roots $a$, $b$, $c$. Find $\\frac{a^2}{b} + \\frac{b^2}{c}$.",
        ),
        (
            "Which of these is an animal?\nA. dog\nB. stone\nC. cloud\nD. fork",
            "Which reagent reduces the ketone with retention of configuration?\nA. LiAlH4\nB. NaBH4\nC. L-selectride\n"
            "D. DIBAL\nE. BH3\nF. SmI2\nG. Zn\nH. Na\nI. Li\nJ. Mg",
        ),
    ],
)
def test_what_is_harder_is_told_from_what_is_easier(easier, harder):
    assert shipped().place(easier).difficulty < shipped().place(harder).difficulty - 0.3


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda one: one.name)
def test_probes_are_seen_to_be_of_their_domain(template):
    at = DOMAINS.index(template.domain)
    for level in range(len(template.halfway)):
        assert shipped().place(template.probe(level, 11, 0).question).domains[at] > 0.5


def test_it_says_where_it_comes_from():
    about = shipped().about
    assert len(about.data) == 64
    assert about.questions > 10_000
    assert all("Apache-2.0" in source or "MIT" in source for source in about.sources)


def test_words_and_surface_add_up():
    outputs = 1 + len(DOMAINS)
    words, surface = read("Why? Why?")
    table = bytearray(outputs << BITS)
    for word in words:
        table[word * outputs] = 3
    by_length = ((2.0, *(0.0,) * len(DOMAINS)), *((0.0,) * outputs,) * (SURFACE - 1))
    placed = Prior(weights(words=bytes(table), surface=by_length)).place("Why? Why?")
    assert placed.difficulty == pytest.approx(3 * len(words) ** 0.5 + 2 * surface[0])
    assert placed.domains == pytest.approx((0.2,) * 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": b"123"},
        {"scales": (1.0,)},
        {"surface": ()},
        {"about": msgspec.structs.replace(ABOUT, format=99)},
    ],
    ids=["words", "scales", "surface", "format"],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match="prior"):
        Prior(weights(**wrong))
