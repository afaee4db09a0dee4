"""Units, clock times, dates."""

from rung.reasoners.symbolic.phrasings.notation import Table

_DONE = "travel/go/drive/cover/do/walk/run/cycle/fill/empty/drain/pump/pour/print/read/type/write/download/upload/copy"
_TRAVELLED = "travel/go/drive/cover/walk/run/cycle/ride/fly/sail"

PHRASES: Table = {
    "FAR": (
        "how far",
        "how far is",
        "how far does it go/travel",
        f"how far do/would/will/can/could you/i/we {_TRAVELLED}/get",
        "what/which distance is?",
        "distance",
        "distance travelled/traveled/covered/for/of",
    ),
    "FAST": (
        "my/your/our/its/an? average? speed for/of/over?",
        f"my/your/our/its? average? speed if/when i/you/we {_TRAVELLED}",
        "what/which average? speed is",
        "is what/which average? speed",
        "how fast",
        "how fast is",
    ),
    "HOW_LONG": (
        "how long",
        "how long is it?",
        "how long it is",
        f"how long it takes to? {_DONE}?",
        f"how long does/will/would it take me/you/us? to? {_DONE}?",
        "how long does/would/will",
        "how much time is there?",
        "how much time",
        "how much time is it",
        "time elapsed/passed",
        "elapsed time",
        "time to travel/drive/cover/go",
        "time needed/required/taken? for/to travel/drive/cover/go?",
        # longer than "tell me time", which asks for one of the day
        "give/tell me time needed/required/taken? for/to travel/drive/cover/go?",
        "i/we need/want time needed/required/taken? for/to travel/drive/cover/go?",
    ),
    "TAKES_TO": (f"does/will/would it take me/you/us? to? {_DONE}",),
    "TAKE": ("take/takes", "cost/costs"),
    "TRAVELS": (
        "a? car/train/bus/truck/plane/ship/boat/bike goes/travels/drives/runs/moves/flies/sails at?",
        "a? cyclist/runner/walker goes/travels/cycles/runs/walks at?",
        f"i/you/we {_TRAVELLED} at?",
        "somebody/someone walks/runs/cycles/drives/travels at?",
    ),
    "GET": (
        "do/can/could/will/would i/you/we get/receive/buy/have for/from/with?",
        "do/will/would i/you/we need to? get/buy/for?",
        "are? needed to? get/buy/for?",
    ),
    "OWNED": ("it/this/that/them", "this/that money/amount", "i/you/we get/receive/have"),
    "WORTH": ("worth",),
    "HOW_OLD": {
        "": ("how old", "how old is/was/will/am/are/would", "age of"),
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
    "ON": ("on", "be on", "as of", "is/was on", "will be on"),
    "LEAP_NEAR": {
        "after": ("next/first leap year after/following", "next/first leap year that comes after"),
        "before": ("last/previous leap year before",),
    },
    "FALL": ("fall on", "fall", "take place"),
    "DAY": {
        "monday": ("a? monday today?",),
        "tuesday": ("a? tuesday today?",),
        "wednesday": ("a? wednesday today?",),
        "thursday": ("a? thursday today?",),
        "friday": ("a? friday today?",),
        "saturday": ("a? saturday today?",),
        "sunday": ("a? sunday today?",),
    },
    "TIME": {
        "12:00 pm": ("noon", "midday", "12 noon"),
        "12:00 am": ("midnight",),
    },
    "WHAT_TIME": ("is what time",),
    "CLOCK": ("time/clock/format/notation", "time/clock format/notation", "clock time"),
    "MILITARY": ("in/to/into/as military time",),
    "HOW_MANY": ("how many", "number of"),
    "ARE_IN": ("are there in", "are in", "is in", "are contained in", "make/makes up?"),
    "OF_A": ("of a", "of an", "of one"),
    "AFTER": ("after", "later than", "past"),
    "BEFORE": ("before", "prior to", "earlier than"),
    "LATER": ("later", "from now", "after that/this", "hence"),
    "AGO": ("ago", "earlier", "before that/this"),
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
        "day": (
            "what/which day is/was/comes/came",
            "what/which day is/was/will it be?",
            "on what/which day is/was/did/does/will",
        ),
    },
    "LEAP": ("a leap year", "leap year", "leap years"),
}
