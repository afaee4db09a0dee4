"""What must never be lost: decisions and feedback, in one SQLite file."""

from rung.ledger.graded import Graded, read_graded
from rung.ledger.ledger import Ledger
from rung.ledger.rows import RecordedText

__all__ = ["Graded", "Ledger", "RecordedText", "read_graded"]
