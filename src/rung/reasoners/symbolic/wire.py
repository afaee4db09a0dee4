"""What the reasoner and its worker say to each other."""

import msgspec


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """`alone`: nothing was said before, so no letter can have been given a value earlier."""

    text: str
    alone: bool = True


class Solved(msgspec.Struct, frozen=True, array_like=True):
    """`answer` is empty when there is none; `why` then says so in a few words, and quotes nothing. `steps` are lines
    that show how the answer was found; `shown`: the question asked for them."""

    answer: str = ""
    why: str = ""
    steps: tuple[str, ...] = ()
    shown: bool = False
