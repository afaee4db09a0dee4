"""Short answers, as text: what a question asks for, what an answer says in the end, whether two say the same.

Pure functions in time linear in their input. Verdicts, votes, audits and benchmarks share them.
"""

from rung.answers.final import extract
from rung.answers.grading import grade
from rung.answers.layout import options_of
from rung.answers.question import asked, names_no_unit, reads_off
from rung.answers.sameness import same
from rung.answers.votes import Majority, majority

__all__ = ["Majority", "asked", "extract", "grade", "majority", "names_no_unit", "options_of", "reads_off", "same"]
