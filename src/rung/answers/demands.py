"""The phrases that tell what a question asks for. All read lower-cased text."""

import re

from rung.answers.phrases import Phrase, Phrases, word_set
from rung.answers.units import UNITS

# Looked for with a line's end put before the text. From the second of several empty lines nothing begins that does not
# from the first.
OPEN = re.compile(
    r"""[.!?:;\n](?<!\n\n)[\s>*#"'-]*+
    (?:(?:please|kindly|now|then|also|and|you\ must|you\ should|i\ want\ you\ to|i\ need\ you\ to|can\ you|could\ you
        |would\ you|will\ you|help\ me)[\s,]++){0,4}
    (?:explain|describe|write|rewrite|compose|draft|generate|create|design|implement|code|program|list|name|outline
      |summari[sz]e|translate|compare|contrast|discuss|elaborate|justify|prove|show|derive|suggest|recommend|paraphrase
      |argue|brainstorm|improve|refactor|debug|fix|edit|proofread|make|build|develop|sketch|draw|plot|graph
      |tell\ me\ (?:about|why|how|more)
      |give\ (?:me\ )?(?:an?\ |some\ |your\ |the\ )?(?:\w+\ )?
        (?:reasons?|explanations?|examples?|overview|summary|list|steps|details))
    \b(?!\s*:)""",
    re.VERBOSE,
)
# One of these stands in everything that is found.
OPEN_WORDS = word_set(
    """explain describe write rewrite compose draft generate create design implement code program list name outline
    summarise summarize translate compare contrast discuss elaborate justify prove show derive suggest recommend
    paraphrase argue brainstorm improve refactor debug fix edit proofread make build develop sketch draw plot graph tell
    give"""
)
REASONS = Phrases(
    Phrase(
        ("explain",),
        r"""(?:^|[.!?:;,\n]|\band|\bthen|\balso|\bplease)\s*(?:briefly\s)?explain\b
        |\bexplain\ (?:your|briefly|each\ step)""",
        needs=("explain andexplain thenexplain alsoexplain pleaseexplain",),
    ),
    Phrase(
        ("explanation", "justification", "reason"),
        r"""\b(?:provide|give|include|add|with)\b[^.\n]{0,30}\b(?:explanation|justification|reasoning|reasons?)\b
        |\byour\ reasoning\b""",
        reach=15,
        before=40,
        needs=("explanation justification reasoning reason reasons", "provide give include add with your"),
    ),
    Phrase(
        ("show ",),
        r"""\bshow\ (?:your|all|the|each|every)(?:\ \w+)?
        \ (?:work|working|steps?|reasoning|calculations?)\b""",
        needs=("show", "work working step steps reasoning calculation calculations"),
    ),
    Phrase(
        ("step by", "step-by", "justify", "why", "in detail"),
        r"""\bstep[- ]by[- ]step\b|\bjustify\b|\b(?:and|or)\ why\b|\bwhy\ (?:or\ why\ not|not)\b|\bin\ detail\b""",
        needs=("step justify why detail",),
    ),
    Phrase(
        ("write ",),
        r"""\bwrite\ (?:an?|some|me)\ (?:\w+\ ){0,2}
        (?:function|program|script|code|essay|poem|story|paragraph|email)\b""",
        needs=("write", "function program script code essay poem story paragraph email"),
    ),
)
CODE = (
    Phrase(
        ("```", "def ", "class ", "#include", "console.log", "</"),
        r"```|\bdef\ \w{1,60}\(|\bclass\ \w{1,60}[:(]|\#include|\bconsole\.log|</\w+>",
    ),
    Phrase(("select",), r"\bselect\b.{1,200}\bfrom\b", reach=240),
)

POLES = Phrase(
    ("yes", "true"),
    r"""["'`]?\b(?:yes["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?no|no["'`]?\s?(?:/|\ or\ )\s?["'`]?yes
    |true["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?false|false["'`]?\s?(?:/|\ or\ )\s?["'`]?true)\b
    (?!["'`]?\s*(?:questions?|items?|test|exam))""",
)
SAYING = re.compile(
    r"\b(?:answer|reply|respond|say|state|decide|determine|judge|output|return|tell|whether|only|just)\b",
)
AUXILIARY = re.compile(
    r"(?:question\s*:\s*)?(?:is|are|was|were|do|does|did|has|have|had|isn't|aren't|wasn't|doesn't|didn't)\s",
)
# Who says these asks for help, an offer or a way, not for a bare yes.
PERSONAL = re.compile(
    r"""\b(?:i|i'm|i've|i'd|me|my|mine|we|us|our|you|your|yours|u|any|anyone|anything|anyway|somewhere|something|there|this
    |these|that|possible|please|help|tips?|recommend\w*|suggest\w*|how|why|what|or|an?\ option|services?|fees?
    |charges?|cost|cards?)\b""",
    re.VERBOSE,
)

_THINGS = "label category intent class value name word date total city topic company amount sentiment language country"
_THING = f"(?:{_THINGS.replace(' ', '|')})"
LABEL = Phrases(
    Phrase(
        ("classif", "categori", "label"),
        r"""(?:^|[.!?:;\n])\s*(?:please\ )?(?:classify|categori[sz]e|label)\b
        |\b(?:classify|categori[sz]e)\b[^\n]{1,80}\b(?:into|as)\b""",
        reach=120,
        needs=("classify categorise categorize label",),
    ),
    Phrase(
        ("intent", "categor", "label", "topic", "sentiment", "department"),
        r"""\bwhich\ (?:of\ (?:these|the\ following)\ )?
          (?:intents?|categor(?:y|ies)|labels?|topics?|sentiment|department)\b
        |\b(?:what\ is|what's|identify|determine|detect|predict|choose|pick|select)\ (?:the\ |an?\ |its\ |their\ )?
          (?:\w+\ )?(?:intent|category|label|topic|sentiment)\b""",
        needs=(
            "intent intents category categories label labels topic topics sentiment department",
            "which what identify determine detect predict choose pick select",
        ),
    ),
    Phrase(
        ("positive", "negative", "neutral"),
        r"""\b(?:positive|negative|neutral)["']?(?:,|\ or|,\ or|/)\s?["']?(?:positive|negative|neutral)\b""",
        needs=("positive negative neutral",),
    ),
    Phrase(
        ("spam", "fraud"),
        r"\b(?:spam\ or\ (?:not\ spam|ham)|fraud\ or\ (?:not|legitimate|genuine))\b",
        needs=("spam fraud", "or"),
    ),
    Phrase(
        ("one of",),
        r"""\bone\ of\ (?:(?:these|the\ following|the)\ )?(?:\w+\ )?
        (?:intents?|categories|classes|labels|topics|values|words)\b""",
        needs=("intent intents categories classes labels topics values words", "one"),
    ),
    Phrase(
        ("only", "just", "nothing but"),
        rf"""\b(?:answer|reply|respond|output|return|give)\b[^.\n]{{0,20}}\b(?:only|just|nothing\ but)\b
          [^.\n]{{0,20}}\b{_THING}\b
        |\b{_THING}\ only\b""",
        needs=("only just nothing", _THINGS),
    ),
    Phrase(
        ("answer with", "reply with", "respond with"),
        rf"""\b(?:answer|reply|respond)\ with\ (?:the\ |one\ |an?\ |its\ )?(?:single\ )?(?:\w+\ )?{_THING}\b""",
        needs=("answer reply respond", _THINGS),
    ),
)
EXTRACT = re.compile(
    r"""\b(?:extract|what\ is|find|what\ was|give)\ the\ (?:\w+\ ){0,3}
      (?:date|company|address|name|number|city|time|total|amount|price)\b(?!\ of\ (?:all|each|every))
    |\bwhich\ (?:company|shop|store|date|city|person|country)\b""",
    re.VERBOSE,
)
AMOUNT = re.compile(r"\b(?:total|amount|price|how much)\b")
GIVEN_TEXT = re.compile(
    r"\b(?:text|receipt|invoice|email|message|passage|document|sentence|review|article)\b", re.IGNORECASE
)
SEVERAL = re.compile(
    r"""\b(?:all(?:\ of)?\ the|all\ (?:dates|names|numbers|amounts|labels)|that\ apply|each\ of|every|json
    |a\ table|one\ or\ more|as\ many)\b""",
    re.VERBOSE,
)

ASKS_HOW_MUCH = re.compile(
    r"\bhow (?:many|much|old|far|long|tall|fast|heavy|big|large|wide|deep|high)\b", re.IGNORECASE
)
ASKS_WHAT = re.compile(
    r"""\b(?:what(?:'s|\ is|\ was|\ are|\ were|\ will\ be|\ would\ be|\ percent(?:age)?|\ fraction|\ number|\ amount
      |\ total)?
    |at\ what\ \w+|find|calculate|compute|determine|evaluate|work\ out)\b""",
    re.VERBOSE,
)
# One of these stands in everything that one of the two above finds.
ASKING_WORDS = word_set("how what find calculate compute determine evaluate work")
MEASURED = re.compile(
    r"""\b(?:total|sum|difference|product|quotient|average|mean|median|area|perimeter|volume|costs?|price|profit
    |number|age
    |percent(?:age)?|speed|rate|distance|value|remainder|amount|length|width|height|weight|revenue|bill|salary
    |probability
    |ratio|term|radius|score|time|capacity|discount|income|change|grade|temperature|population|balance|digit)\b""",
    re.VERBOSE,
)
MEASURE = re.compile(
    r"""\bhow\ (?:long|far|fast|heavy|tall|wide|deep|high|large|big)\b
    |\bwhat\b.{0,60}\b(?:speed|distance|length|width|height|weight|time|duration|area|volume|perimeter|capacity
      |temperature)\b
    |\bhow\ much\ (?:does|do|did|will|would)\ .{1,60}\ weigh\b""",
    re.VERBOSE,
)
_UNIT_NAMES = "|".join(map(re.escape, filter(str.isalpha, UNITS)))
IN_UNITS = re.compile(rf"\bhow many\b|\bnumber of\b|\bin (?:whole |full |total |square |cubic )?(?:{_UNIT_NAMES})\b")
BARE = re.compile(r"\b(?:number|integer|numeric|numerical|decimal|fraction|digits?|units?)\b")
ARITHMETIC = re.compile(
    r"""(?:what(?:'s|\ is)|calculate|compute|evaluate|work\ out|how\ much\ is|find|solve)?
    [\s:$]*+[-(]*+[$€£]?\d[\d.,]*+[\s)%]*+
    (?:(?:\*\*|[-+*/x÷^]|plus|minus|times|divided\ by|multiplied\ by|percent\ of|of|mod)
      [\s(]*+-?[$€£]?\d[\d.,]*+[\s)%]*+)+[?.=$\s]*+$""",
    re.VERBOSE,
)
AS_NUMBER = Phrases(
    Phrase(
        ("number", "integer", "digits", "numeric"),
        r"""\b(?:answer|reply|respond|output|return|give)\b[^.\n]{0,40}\b(?:only|just|as|with|in)\b[^.\n]{0,25}
        \b(?:numbers?|integers?|digits|numeric\ value)\b
        |\bnumber\ only\b""",
        reach=100,
        needs=("number numbers integer integers digits numeric", "only just as with in"),
    )
)
# These end in an expression, a tuple or several values.
EXPRESSION = Phrases(
    Phrase(
        (
            *("th term", "in terms of", "as a", "express", "inverse", "equation of", "coordinates", "interval"),
            *("factor", "expand", "all ", "solve for", "matrix", "vector", "polynomial", "ordered", "domain"),
            *("range of", "simplest radical", "exact value", "complex number", "separated by", "sqrt"),
        ),
        r"""\b(?:[a-z]'?th\ term
        |in\ terms\ of|as\ an?\ (?:function|expression|ordered|interval)|express|inverse|equation\ of|coordinates
        |intervals?
        |factor|expand|all\ (?:real|possible|complex|solutions|values|ordered)|solve\ for|matrix|vectors?
        |polynomial
        |ordered|domain|range\ of|simplest\ radical|exact\ value|complex\ number|separated\ by|sqrt)\b""",
        reach=40,
        needs=(
            "term terms function expression ordered interval intervals express inverse equation coordinates factor all "
            "expand solve matrix vector vectors polynomial domain range radical exact complex separated sqrt",
        ),
    ),
    Phrase(
        ("pi", "cos", "sin", "tan", "log", "ln", "theta"),
        r"\b(?:pi|cos|sin|tan|log|ln|theta)\b[\s(]*[\dxyz^_({\\]",
        reach=40,
        needs=("pi cos sin tan log ln theta",),
    ),
)
# The same, without whole words to tell them by.
SIMPLIFIED = (
    Phrase(("simplif",), r"\bsimplif\w+\b", reach=40),
    Phrase(("\\",), r"\\(?:sqrt|pi|cos|sin|tan|log|theta|begin)", reach=40),
)
VAGUE = re.compile(
    r"\b(?:dozens?|half|twice|thrice|doubled?|tripled?|thirds?|quarters?|each|every|per|percent|nickels|dimes|pennies)\b",
)
OWN_AFFAIRS = re.compile(r"\b(?:i|my|you|your)\b")
SENTENCE_END = re.compile(r"[.!?\n](?:(?<=\n)\n*|(?<!\n)\s+)")
ABBREVIATIONS = ("mr.", "mrs.", "ms.", "dr.", "st.", "vs.")
# Whole words of which one stands in every piece of code, but for what is told by a sign.
CODE_WORDS = word_set("def class console select")
POLE_WORDS = word_set("yes no true false")
# All whole words that matter here.
TELLING = CODE_WORDS.union(
    POLE_WORDS, OPEN_WORDS, ASKING_WORDS, *(group.words for group in (REASONS, LABEL, AS_NUMBER, EXPRESSION))
)
