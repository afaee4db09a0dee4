"""Equations, forms, calculus."""

from rung.reasoners.symbolic.phrasings.notation import Table

PHRASES: Table = {
    "SOLVE": ("solve",),
    "ROOTS_OF": ("all? solutions of/to", "solution of/to", "all? roots/zeros/zeroes of", "zero of"),
    "FACTOR": (
        "factor/factorise/factorize",
        "factor/factorise/factorize completely/fully",
        "completely/fully factor/factorise/factorize",
        "factorization/factorisation of",
        "factored form of",
    ),
    "FACTORED": ("factored/factorised/factorized", "factored/factorised/factorized completely/fully"),
    "SIMPLIFIED": ("simplified",),
    "EXPANDED": ("expanded", "multiplied out"),
    "SIMPLIFY": ("simplify", "simplified/simplest form of", "simplification of"),
    "EXPAND": (
        "expand",
        "expand and simplify",
        "multiply out",
        "expansion of",
        "expanded form of",
        "simplify and expand",
    ),
    "COLLECT": (
        "collect terms in/of",
        "collect like terms in/of",
        "combine like? terms in/of",
        "group like? terms in/of",
    ),
    "ASSUMING": ("assuming that?",),
    "POSITIVE": ("is positive", "positive"),
    "TO_FORM": ("to form", "in form", "into form"),
    "AND_GIVE": ("and give/find/state/determine",),
    "DERIVATIVE_OF": {
        "1": ("first? derivative of", "1st derivative of", "slope of", "gradient of"),
        "2": ("second/2nd derivative of",),
        "3": ("third/3rd derivative of",),
        "4": ("fourth/4th derivative of",),
        "5": ("fifth/5th derivative of",),
    },
    "DIFFERENTIATE": ("differentiate", "take derivative of", "derive"),
    "WRT": ("wrt", "with respect to"),
    "INTEGRATE": ("integrate",),
    "INTEGRAL_OF": (
        "integral of",
        "indefinite/definite integral of",
        "antiderivative of",
        "anti-derivative of",
        "primitive of",
    ),
    "LIMIT_OF": ("limit of", "limit", "lim"),
    "APPROACHES": ("approaches", "tends to", "goes to", "approaching", "tending to", "going to"),
    "TWICE": {"double": ("twice",)},
    "COEFFICIENT_OF": ("coefficient of", "coefficient on/for"),
    "CONSTANT_TERM": ("constant term of/in",),
}
