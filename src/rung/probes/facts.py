"""What is known by heart: capitals, elements, years, writers. Each table runs from what all know to what few do."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from rung.probes.base import Made, Template

_CAPITALS: Sequence[Mapping[str, str]] = (
    {
        "France": "Paris", "Italy": "Rome", "Japan": "Tokyo", "Spain": "Madrid", "Germany": "Berlin", "Egypt": "Cairo",
        "Greece": "Athens", "Russia": "Moscow", "China": "Beijing", "Ireland": "Dublin", "Austria": "Vienna",
    },
    {
        "Norway": "Oslo", "Kenya": "Nairobi", "Peru": "Lima", "Hungary": "Budapest", "Thailand": "Bangkok",
        "Finland": "Helsinki", "Chile": "Santiago", "Vietnam": "Hanoi", "Morocco": "Rabat", "Ghana": "Accra",
        "Romania": "Bucharest",
    },
    {
        "Mongolia": "Ulaanbaatar", "Zambia": "Lusaka", "Latvia": "Riga", "Oman": "Muscat", "Laos": "Vientiane",
        "Senegal": "Dakar", "Slovenia": "Ljubljana", "Uruguay": "Montevideo", "Angola": "Luanda", "Estonia": "Tallinn",
        "Jordan": "Amman",
    },
    {
        "Burkina Faso": "Ouagadougou", "Bhutan": "Thimphu", "Malawi": "Lilongwe", "Suriname": "Paramaribo",
        "Kyrgyzstan": "Bishkek", "Mauritania": "Nouakchott", "Vanuatu": "Port Vila", "Tuvalu": "Funafuti",
        "Comoros": "Moroni", "Eswatini": "Mbabane", "Palau": "Ngerulmud",
    },
)  # fmt: skip
_SYMBOLS: Sequence[Mapping[str, str]] = (
    {"oxygen": "O", "carbon": "C", "hydrogen": "H", "nitrogen": "N", "helium": "He", "calcium": "Ca", "neon": "Ne"},
    {"iron": "Fe", "gold": "Au", "silver": "Ag", "sodium": "Na", "lead": "Pb", "copper": "Cu", "tin": "Sn"},
    {"tungsten": "W", "antimony": "Sb", "mercury": "Hg", "potassium": "K", "manganese": "Mn", "platinum": "Pt"},
    {"rhenium": "Re", "terbium": "Tb", "protactinium": "Pa", "hafnium": "Hf", "dubnium": "Db", "thulium": "Tm"},
)  # fmt: skip
_YEARS: Sequence[Mapping[str, int]] = (
    {
        "the Second World War end": 1945, "people first land on the Moon": 1969, "the First World War begin": 1914,
        "the Berlin Wall fall": 1989, "the Titanic sink": 1912,
    },
    {
        "the French Revolution begin": 1789, "the Battle of Waterloo take place": 1815,
        "the Soviet Union break up": 1991,
        "the Russian Revolution take place": 1917, "the Battle of Hastings take place": 1066,
    },
    {
        "the Suez Canal open": 1869, "the Great Fire of London take place": 1666,
        "Constantinople fall to the Ottomans": 1453,
        "the Edict of Nantes get signed": 1598, "Krakatoa erupt with its most famous explosion": 1883,
    },
    {
        "the Battle of Lepanto take place": 1571, "the Treaty of Tordesillas get signed": 1494,
        "the Defenestration of Prague that began the Thirty Years' War take place": 1618,
        "the Battle of Manzikert take place": 1071, "the Peace of Augsburg get signed": 1555,
    },
)  # fmt: skip
_WRITERS: Sequence[Mapping[str, str]] = (
    {"Romeo and Juliet": "Shakespeare", "Oliver Twist": "Dickens", "War and Peace": "Tolstoy", "Animal Farm": "Orwell"},
    {"Moby-Dick": "Melville", "Emma": "Austen", "Faust": "Goethe", "The Metamorphosis": "Kafka", "Nana": "Zola"},
    {"Dead Souls": "Gogol", "The Magic Mountain": "Mann", "Middlemarch": "Eliot", "The Leopard": "Lampedusa"},
    {"The Man Without Qualities": "Musil", "Oblomov": "Goncharov", "Effi Briest": "Fontane", "Hunger": "Hamsun"},
)
_ASKED = "Answer with {} only."


def _of(table: Sequence[Mapping[str, str]], question: str, ends: str) -> Callable[[int, Random], Made]:
    names = tuple(name for level in table for name in level.values())

    def make(level: int, rng: Random) -> Made:
        key, answer = rng.choice(list(table[level].items()))
        return Made(f"{question.format(key)} {_ASKED.format(ends)}", answer, "exact", names)

    return make


def _picked(table: Sequence[Mapping[str, str]], question: str) -> Callable[[int, Random], Made]:
    def make(level: int, rng: Random) -> Made:
        key, answer = rng.choice(list(table[level].items()))
        others = [name for name in table[level].values() if name != answer]
        options = [answer, *rng.sample(others, 3)]
        rng.shuffle(options)
        lines = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCD", options, strict=True))
        return Made(f"{question.format(key)}\n{lines}", "ABCD"[options.index(answer)], "letter", tuple(options))

    return make


# Marked among these, not as a number: "on July 20, 1969, during Apollo 11" and "in 1914, and ended in 1918" are right.
_ALL_YEARS = tuple(str(year) for level in _YEARS for year in level.values())


def _year(level: int, rng: Random) -> Made:
    event, year = rng.choice(list(_YEARS[level].items()))
    return Made(f"In which year did {event}?", str(year), "exact", _ALL_YEARS)


_CAPITAL = "What is the capital of {}?"
FACTS = (
    Template(
        name="capital", domain="facts", halfway=(-2.4, -1.8, -1.2, -0.3),
        make=_of(_CAPITALS, _CAPITAL, "its name"),
    ),
    Template(
        name="capital_picked", domain="facts", halfway=(-2.0, -1.6, -1.2, -0.5),
        make=_picked(_CAPITALS, "Which of these is the capital of {}?"), floor=0.25,
    ),
    Template(
        name="symbol", domain="facts", halfway=(-2.0, -1.5, -0.8, 0.0),
        make=_of(_SYMBOLS, "What is the chemical symbol of {}?", "the symbol"),
    ),
    Template(name="year", domain="facts", halfway=(-1.5, -0.8, 0.1, 0.8), make=_year),
    Template(
        name="writer", domain="facts", halfway=(-1.8, -0.9, 0.0, 0.9),
        make=_of(_WRITERS, "Who wrote {}?", "the surname"),
    ),
)  # fmt: skip
