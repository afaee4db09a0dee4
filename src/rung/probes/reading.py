"""Values to be read off texts that are given: records, letters, receipts, small tables."""

from random import Random

from rung.probes.base import Made, Template

_FIRST = ("Alice", "Bruno", "Clara", "Dario", "Edith", "Farid", "Gerda", "Henri", "Irene", "Jonas", "Karin", "Louis")
_LAST = ("Abbott", "Berger", "Castro", "Dupont", "Evans", "Fischer", "Garcia", "Hansen")
_TOWNS = ("Oslo", "Porto", "Lyon", "Graz", "Turin", "Ghent", "Malmo", "Cork")
_JOBS = ("nurse", "baker", "pilot", "teacher", "plumber", "lawyer", "farmer", "painter")
_SIZES = (4, 8, 14)


def _people(count: int, rng: Random) -> list[tuple[str, str, str, int]]:
    names = [f"{a} {b}" for a in _FIRST for b in _LAST]
    return [(name, rng.choice(_JOBS), rng.choice(_TOWNS), rng.randint(21, 69)) for name in rng.sample(names, count)]


def _record(level: int, rng: Random) -> Made:
    people = _people(_SIZES[level], rng)
    phones = [f"{rng.randint(200, 899)}-{rng.randint(1000, 9899)}" for _ in people]
    lines = [
        f"{name}, {job}, {town}, phone {phone}" for (name, job, town, _), phone in zip(people, phones, strict=True)
    ]
    at = rng.randrange(len(people))
    text = "\n".join(lines)
    return Made(
        f"What is the phone number of {people[at][0]} in this list?\n\n{text}\n\nAnswer with the number only.",
        phones[at], "exact", tuple(phones),
    )  # fmt: skip


def _count(level: int, rng: Random) -> Made:
    people = _people(_SIZES[level], rng)
    town = rng.choice(people)[2]
    lines = "\n".join(f"{name} is a {job} of {age} years in {town}." for name, job, town, age in people)
    if level == 0:
        return Made(f"{lines}\n\nHow many of these people are in {town}?", str(sum(p[2] == town for p in people)))
    age = rng.randint(35, 50)
    count = sum(p[3] > age for p in people)
    asked = f"{lines}\n\nHow many of these people are older than {age} years?"
    return Made(asked, str(count), besides=rf"\b{age}\b")


def _oldest(level: int, rng: Random) -> Made:
    people = _people(_SIZES[level], rng)
    ages = rng.sample(range(20, 90), len(people))
    lines = "\n".join(f"{p[0]} works as a {p[1]} and is {age}." for p, age in zip(people, ages, strict=True))
    who = people[ages.index(max(ages))][0]
    names = tuple(p[0] for p in people)
    return Made(f"{lines}\n\nWho of them is the oldest? Answer with the name only.", who, "exact", names)


_WARES = ("bread", "milk", "cheese", "rice", "coffee", "butter", "salt", "honey", "tea", "oil")


def _receipt(level: int, rng: Random) -> Made:
    wares = rng.sample(_WARES, (3, 6, 9)[level])
    prices = [rng.randint(99, 1999) for _ in wares]
    lines = [f"{ware.upper():<10}{price / 100:>8.2f}" for ware, price in zip(wares, prices, strict=True)]
    total = sum(prices)
    cash = (total // 1000 + 1) * 1000
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2018, 2025)
    head = f"CORNER SHOP No. {rng.randint(100, 999)}\n{day:02}/{month:02}/{year}\n"
    foot = f"TOTAL     {total / 100:>8.2f}\nCASH      {cash / 100:>8.2f}\nCHANGE    {(cash - total) / 100:>8.2f}"
    text = head + "\n".join(lines) + "\n" + foot
    if level < 2:
        return Made(f"What is the total on this receipt?\n\n{text}", f"{total / 100:.2f}")
    at = max(range(len(prices)), key=prices.__getitem__)
    return Made(f"What does the dearest thing on this receipt cost?\n\n{text}", f"{prices[at] / 100:.2f}")


def _letter(level: int, rng: Random) -> Made:
    (sender, job, town, _), (reader, _, other, _) = _people(2, rng)
    room, floor, day = rng.randint(101, 899), rng.randint(1, 9), rng.randint(2, 27)
    text = (
        f"Dear {reader},\n\nthank you for your letter of May {day} from {other}. I have been a {job} in {town} for "
        f"{floor + 3} years now. We had planned to meet in room {room + 7}, but it is being painted: come to room "
        f"{room} instead. The lift stops on floor {floor}. Bring the {rng.randint(3, 9)} forms that I sent.\n\n"
        f"Yours, {sender}"
    )
    if level == 0:
        return Made(f"{text}\n\nWhat is the sender's job? Answer with one word.", job, "exact", _JOBS)
    if level == 1:
        return Made(f"{text}\n\nIn which room will they meet?", str(room), besides=rf"\b{room + 7}\b")
    return Made(
        f"{text}\n\nFrom which town did {reader} write? Answer with one word.",
        other,
        "exact",
        tuple(dict.fromkeys((town, other, *_TOWNS))),
    )


READING = (
    Template(name="record", domain="reading", halfway=(-1.8, -1.5, -1.2), make=_record),
    Template(name="count", domain="reading", halfway=(-0.4, 0.6, 1.3), make=_count),
    Template(name="oldest", domain="reading", halfway=(-1.2, -0.5, 0.1), make=_oldest),
    Template(name="receipt", domain="reading", halfway=(-1.6, -1.3, -0.2), make=_receipt),
    Template(name="letter", domain="reading", halfway=(-1.4, -0.6, -0.3), make=_letter),
)
