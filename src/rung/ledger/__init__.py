"""What must never be lost: decisions and feedback, in one SQLite file."""

from rung.ledger.ledger import Ledger
from rung.ledger.rows import RecordedText

__all__ = ["Ledger", "RecordedText"]
