"""Units, clock times, dates."""

from rung.reasoners.symbolic.phrasings.notation import Table

PHRASES: Table = {
    "FAR": (
        "how far",
        "how far is",
        "how far does it go/travel",
        "how far do/would/will you/i/we go/travel/drive/get",
        "what/which distance is?",
        "distance",
        "distance travelled/traveled/covered/for/of",
    ),
    "FAST": ("average? speed for/of/over?", "how fast", "how fast is"),
    "HOW_LONG": (
        "how long",
        "how long is it?",
        "how long does it take to? travel/go/drive/cover/do/walk/run/cycle?",
        "how long does/would/will",
        "how much time is there?",
        "how much time is it",
        "time to travel/drive/cover/go",
        "time needed/required/taken? for/to travel/drive/cover/go?",
    ),
    "TAKE": ("take", "cost", "costs"),
    "TRAVELS": (
        "a? car/train/bus/truck/plane/ship/boat/bike goes/travels/drives/runs/moves/flies/sails at?",
        "a? cyclist/runner/walker goes/travels/cycles/runs/walks at?",
        "somebody/someone walks/runs/cycles/drives/travels at?",
    ),
    "HOW_OLD": {
        "": ("how old is/was/will/am/are/would", "age of"),
        "i": ("how old am/was i", "how old will/would i"),
        "you": ("how old are/were you", "how old will/would you"),
        "other": ("how old is/was he/she/it", "how old are/were they", "how old will/would he/she/it/they"),
    },
    "BORN": {
        "i": ("i am/was? born on",),
        "you": ("you are/were? born on",),
        "other": (
            "someone/somebody/anyone/he/she/it is/was? born on",
            "they are/were? born on",
            "a person/man/woman/child/baby/boy/girl is/was? born on",
        ),
    },
    "ON": ("on", "be on", "as of"),
    "LEAP_NEAR": {
        "after": ("next/first leap year after/following", "next/first leap year that comes after"),
        "before": ("last/previous leap year before",),
    },
    "FALL": ("fall on", "fall", "take place"),
    "DAY": {
        "monday": ("a? monday",),
        "tuesday": ("a? tuesday",),
        "wednesday": ("a? wednesday",),
        "thursday": ("a? thursday",),
        "friday": ("a? friday",),
        "saturday": ("a? saturday",),
        "sunday": ("a? sunday",),
    },
    "TIME": {
        "12:00 pm": ("noon", "midday", "12 noon"),
        "12:00 am": ("midnight",),
    },
    "HOW_MANY": ("how many", "number of"),
    "ARE_IN": ("are there in", "are in", "is in", "are contained in", "make/makes up?"),
    "OF_A": ("of a", "of an", "of one"),
    "AFTER": ("after", "later than", "past"),
    "BEFORE": ("before", "prior to", "earlier than"),
    "WEEKDAY": {
        "weekday": (
            "what/which day of week is/was/will",
            "what/which day of week is/was/will it be?",
            "what/which weekday is/was",
            "what/which weekday is/was/will it be?",
            "day of week of/on/for",
            "day of week",
            "weekday of/on",
            "what/which day of week falls on",
            "what/which day of week did/does",
            "on what/which day of week is/was/did/does/will",
            "on which/what weekday is/was/did/does",
        ),
        "day": ("what/which day is/was", "what/which day is/was/will it be?"),
    },
    "LEAP": ("a leap year", "leap year"),
}
