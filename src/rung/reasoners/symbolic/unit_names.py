"""Names of units as people write them -> names that pint knows; and the calendar's words."""

from typing import Final


def _metric() -> dict[str, str]:
    prefixes = {
        "": "", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "deci": "d", "kilo": "k", "mega": "M",
        "giga": "G",
    }  # fmt: skip
    bases = {
        "meter": "m", "metre": "m", "gram": "g", "liter": "l", "litre": "l", "second": "s", "watt": "W", "joule": "J",
        "newton": "N", "pascal": "Pa", "hertz": "Hz", "volt": "V", "ohm": "ohm", "ampere": "A", "amp": "A",
        "calorie": "cal",
    }  # fmt: skip
    said: dict[str, str] = {}
    for base, symbol in bases.items():
        pint_base = {"metre": "meter", "litre": "liter", "amp": "ampere"}.get(base, base)
        for prefix, short in prefixes.items():
            said[prefix + base] = said[prefix + base + "s"] = prefix + pint_base
            if len(short + symbol) > 1 and base not in {"ampere", "amp"}:
                said[short + symbol] = prefix + pint_base
    said["mL"] = said["ml"]
    said["gramme"] = said["grammes"] = "gram"
    return said


UNITS: Final[dict[str, str]] = {
    **_metric(),
    "inch": "inch", "inches": "inch", "foot": "foot", "feet": "foot", "ft": "foot", "yard": "yard", "yards": "yard",
    "yd": "yard", "mile": "mile", "miles": "mile", "mi": "mile", "nautical mile": "nautical_mile",
    "nautical miles": "nautical_mile", "light year": "light_year", "light years": "light_year",
    "ounce": "ounce", "ounces": "ounce", "oz": "ounce", "pound": "pound", "pounds": "pound", "lb": "pound",
    "lbs": "pound", "stone": "stone", "tonne": "metric_ton", "tonnes": "metric_ton", "metric ton": "metric_ton",
    "metric tons": "metric_ton", "kilo": "kilogram", "kilos": "kilogram", "kgs": "kilogram", "kms": "kilometer",
    "cup": "cup", "cups": "cup", "pint": "pint", "pints": "pint", "quart": "quart", "quarts": "quart",
    "gallon": "gallon", "gallons": "gallon", "us gallon": "gallon", "us gallons": "gallon",
    "imperial gallon": "imperial_gallon", "imperial gallons": "imperial_gallon",
    "tablespoon": "tablespoon", "tablespoons": "tablespoon", "tbsp": "tablespoon",
    "teaspoon": "teaspoon", "teaspoons": "teaspoon", "tsp": "teaspoon",
    "fluid ounce": "fluid_ounce", "fluid ounces": "fluid_ounce", "fl oz": "fluid_ounce",
    "acre": "acre", "acres": "acre", "hectare": "hectare", "hectares": "hectare",
    "sec": "second", "secs": "second", "minute": "minute", "minutes": "minute", "min": "minute", "mins": "minute",
    "hour": "hour", "hours": "hour", "hr": "hour", "hrs": "hour", "day": "day", "days": "day",
    "week": "week", "weeks": "week", "fortnight": "fortnight", "fortnights": "fortnight",
    "month": "month", "months": "month", "year": "year", "years": "year", "decade": "decade", "decades": "decade",
    "century": "century", "centuries": "century", "millennium": "millennium", "millennia": "millennium",
    "millenniums": "millennium",
    "bit": "bit", "bits": "bit", "byte": "byte", "bytes": "byte", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte", "kilobyte": "kilobyte", "kilobytes": "kilobyte", "megabyte": "megabyte",
    "megabytes": "megabyte", "gigabyte": "gigabyte", "gigabytes": "gigabyte", "terabyte": "terabyte",
    "terabytes": "terabyte", "kibibyte": "kibibyte", "kibibytes": "kibibyte", "mebibyte": "mebibyte",
    "mebibytes": "mebibyte", "gibibyte": "gibibyte", "gibibytes": "gibibyte",
    "mph": "mile/hour", "kph": "kilometer/hour", "kmh": "kilometer/hour", "km/h": "kilometer/hour",
    "word": "word", "words": "word", "wpm": "word/minute", "page": "page", "pages": "page",
    "knot": "knot", "knots": "knot",
    "degree": "degree", "degrees": "degree", "radian": "radian", "radians": "radian", "rad": "radian",
    "atm": "atmosphere", "atmosphere": "atmosphere", "atmospheres": "atmosphere", "bar": "bar", "bars": "bar",
    "psi": "psi", "horsepower": "horsepower", "hp": "horsepower", "kwh": "kilowatt*hour", "kWh": "kilowatt*hour",
    "kilowatt hour": "kilowatt*hour", "kilowatt hours": "kilowatt*hour",
    "celsius": "degC", "degrees celsius": "degC", "degree celsius": "degC", "degrees c": "degC", "centigrade": "degC",
    "degrees centigrade": "degC", "degC": "degC",
    "fahrenheit": "degF", "degrees fahrenheit": "degF", "degree fahrenheit": "degF", "degrees f": "degF",
    "degF": "degF", "kelvin": "kelvin", "kelvins": "kelvin", "degrees kelvin": "kelvin",
}  # fmt: skip

# Currencies: each a unit of its own, which only a given rate converts.
CURRENCIES: Final[dict[str, str]] = {
    "USD": "USD", "dollar": "USD", "dollars": "USD", "us dollar": "USD", "us dollars": "USD",
    "EUR": "EUR", "euro": "EUR", "euros": "EUR", "GBP": "GBP", "pounds sterling": "GBP", "pound sterling": "GBP",
    "british pound": "GBP", "british pounds": "GBP", "JPY": "JPY", "yen": "JPY", "japanese yen": "JPY", "CHF": "CHF",
    "swiss franc": "CHF", "swiss francs": "CHF", "CAD": "CAD", "canadian dollar": "CAD", "canadian dollars": "CAD",
    "AUD": "AUD", "australian dollar": "AUD", "australian dollars": "AUD", "NZD": "NZD", "INR": "INR", "rupee": "INR",
    "rupees": "INR", "indian rupees": "INR", "CNY": "CNY", "yuan": "CNY", "MXN": "MXN", "peso": "MXN", "pesos": "MXN",
    "BRL": "BRL", "KRW": "KRW", "won": "KRW", "SEK": "SEK", "NOK": "NOK", "DKK": "DKK", "PLN": "PLN", "zloty": "PLN",
    "CZK": "CZK", "ZAR": "ZAR", "rand": "ZAR", "SGD": "SGD", "HKD": "HKD", "BTC": "BTC", "bitcoin": "BTC",
    "bitcoins": "BTC",
}  # fmt: skip
# What the lexer's text has in place of a dollar sign.
DOLLAR_SIGN: Final = "usdollar"
UNITS.update({**CURRENCIES, DOLLAR_SIGN: "USD"})
UNITS.update({code.lower(): code for code in CURRENCIES.values()})

# A million of them, or a thousandth with a capital; a thousand calories, or one.
EITHER: Final[frozenset[str]] = frozenset(["Mm", "Mg", "Ml", "Ms", "Cal", "Cals", "Calorie", "Calories"])

# Letters that name a unit only where the sentence converts.
LETTER_UNITS: Final[dict[str, str]] = {
    "m": "meter", "g": "gram", "l": "liter", "L": "liter", "s": "second", "h": "hour", "F": "degF", "C": "degC",
    "K": "kelvin", "t": "metric_ton", "J": "joule", "W": "watt", "N": "newton",
}  # fmt: skip

# Names that an answer repeats behind its number, as the question wrote them; a unit in words stays in the question.
SYMBOLS: Final[frozenset[str]] = frozenset([
    "nm", "um", "mm", "cm", "dm", "km", "ng", "ug", "mg", "kg", "ml", "mL", "cl", "dl", "ns", "us", "ms", "kW", "MW",
    "GW", "kJ", "MJ", "kN", "kPa", "MPa", "hPa", "Pa", "kHz", "MHz", "GHz", "Hz", "mV", "kV", "V", "mA", "A", "cal",
    "kcal", "ft", "yd", "mi", "oz", "lb", "lbs", "tbsp", "tsp", "sec", "secs", "min", "mins", "hr", "hrs", "KB", "kB",
    "MB", "GB", "TB", "mph", "kph", "kmh", "rad", "atm", "psi", "hp", "kwh", "kWh", *LETTER_UNITS, *CURRENCIES.values(),
])  # fmt: skip

# Months in a unit of the calendar. Days and weeks are no fixed share of these, so nothing converts between the two.
CALENDAR_MONTHS: Final[dict[str, int]] = {"month": 1, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}

_MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
]  # fmt: skip
MONTHS: Final[dict[str, int]] = {
    **{name: at for at, name in enumerate(_MONTHS, 1)},
    **{name[:3]: at for at, name in enumerate(_MONTHS, 1)},
    "sept": 9,
}
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
