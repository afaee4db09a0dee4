"""How people say it: the words of every terminal of the grammar, as data. `notation` says how they are written down."""

from typing import Final

from rung.reasoners.symbolic.phrasings import algebra, measures, numbers, questions
from rung.reasoners.symbolic.phrasings.notation import Table

PHRASES: Final[Table] = {**questions.PHRASES, **algebra.PHRASES, **numbers.PHRASES, **measures.PHRASES}
