"""Units, clock times, dates."""

from rung.reasoners.symbolic.phrasings.notation import Table

PHRASES: Table = {
    "HOW_MANY": ("how many", "number of"),
    "ARE_IN": ("are there in", "are in", "is in", "are contained in", "make/makes up?"),
    "OF_A": ("of a", "of an", "of one"),
    "AFTER": ("after", "later than", "past"),
    "BEFORE": ("before", "prior to", "earlier than"),
    "WEEKDAY": (
        "what/which day of week is/was/will",
        "what/which weekday is/was",
        "day of week of/on/for",
        "what day was/is",
        "what day of week falls on",
    ),
    "LEAP": ("a leap year",),
}
