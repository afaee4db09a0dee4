"""Units by any of their names, and which of them measure the same."""

from typing import Final

_KINDS = (
    (
        *("g gram grams", "kg kgs kilogram kilograms", "mg", "ton tons", "tonne tonnes"),
        *("lb lbs pound pounds", "oz ounce ounces"),
    ),
    (
        *("mm millimeter millimeters millimetre millimetres", "cm centimeter centimeters centimetre centimetres"),
        *("m meter meters metre metres", "km kilometer kilometers kilometre kilometres"),
        *("inch inches", "ft foot feet", "yd yard yards", "mile miles"),
    ),
    ("cm² cm^2", "m² m^2", "km² km^2"),
    ("cm³ cm^3", "m³ m^3"),
    ("ml", "l liter liters litre litres", "cup cups", "pint pints", "quart quarts", "gallon gallons"),
    (
        *("s sec secs second seconds", "min mins minute minutes", "h hr hrs hour hours"),
        *("day days", "week weeks", "month months", "year years"),
    ),
    ("$ dollar dollars usd", "cent cents", "€ euro euros eur"),
    ("c celsius", "f fahrenheit"),
    ("% percent",),
)
# How many of the second make one of the first, of those that are told side by side: 3 hours 25 minutes.
SMALLER: Final = {
    ("week", "day"): 7,
    ("day", "h"): 24,
    ("h", "min"): 60,
    ("min", "s"): 60,
    ("year", "month"): 12,
    ("ft", "inch"): 12,
    ("lb", "oz"): 16,
}
# Any name -> the first of the same unit; and that -> what is measured by it.
UNITS: Final = {name: names.split()[0] for kind in _KINDS for names in kind for name in names.split()}
MEASURES: Final = {names.split()[0]: at for at, kind in enumerate(_KINDS) for names in kind}
