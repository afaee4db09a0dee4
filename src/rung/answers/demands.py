"""The phrases that tell what a question asks for. All read lower-cased text."""

import re

OPEN = re.compile(
    r"""(?:^|[.!?:;\n])[\s>*#"'-]*
    (?:(?:please|kindly|now|then|also|and|you\ must|you\ should|i\ want\ you\ to|i\ need\ you\ to|can\ you|could\ you
        |would\ you|will\ you|help\ me)[\s,]+){0,4}
    (?:explain|describe|write|rewrite|compose|draft|generate|create|design|implement|code|program|list|name|outline
      |summari[sz]e|translate|compare|contrast|discuss|elaborate|justify|prove|show|derive|suggest|recommend|paraphrase
      |argue|brainstorm|improve|refactor|debug|fix|edit|proofread|make|build|develop|sketch|draw|plot|graph
      |tell\ me\ (?:about|why|how|more)
      |give\ (?:me\ )?(?:an?\ |some\ |your\ |the\ )?(?:\w+\ )?
        (?:reasons?|explanations?|examples?|overview|summary|list|steps|details))
    \b(?!\s*:)""",
    re.VERBOSE,
)
REASONS = re.compile(
    r"""(?:^|[.!?:;,\n]|\band|\bthen|\balso|\bplease)\s*(?:briefly\s)?explain\b
    |\bexplain\ (?:your|briefly|each\ step)
    |\b(?:provide|give|include|add|with)\b[^.\n]{0,30}\b(?:explanation|justification|reasoning|reasons?)\b
    |\bshow\ (?:your|all|the|each|every)(?:\ \w+)?\ (?:work|working|steps?|reasoning|calculations?)\b
    |\bstep[- ]by[- ]step\b|\bjustify\b|\byour\ reasoning\b|\b(?:and|or)\ why\b
    |\bwhy\ (?:or\ why\ not|not)\b|\bin\ detail\b
    |\bwrite\ (?:an?|some|me)\ (?:\w+\ ){0,2}(?:function|program|script|code|essay|poem|story|paragraph|email)\b""",
    re.VERBOSE,
)
REASON_WORDS = ("expla", "justif", "reason", "show ", "step", "why", "detail", "write ")
CODE = re.compile(
    r"```|\bdef \w{1,60}\(|\bclass \w{1,60}[:(]|#include|\bselect\b.{1,200}\bfrom\b|\bconsole\.log|</\w+>"
)

POLES = re.compile(
    r"""["'`]?\b(?:yes["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?no|no["'`]?\s?(?:/|\ or\ )\s?["'`]?yes
    |true["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?false|false["'`]?\s?(?:/|\ or\ )\s?["'`]?true)\b
    (?!["'`]?\s*(?:questions?|items?|test|exam))""",
    re.VERBOSE,
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

THING = (
    r"(?:label|category|intent|class|value|name|word|date|total|city|topic|company|amount|sentiment|language|country)"
)
LABEL_WORDS = (
    "classif",
    "categor",
    "label",
    "intent",
    "topic",
    "sentiment",
    "department",
    "positive",
    "negative",
    "neutral",
    "spam",
    "fraud",
    "classes",
    "one of",
    "only",
    "just",
    "nothing but",
    "answer with",
    "reply with",
    "respond with",
)
LABEL = re.compile(
    rf"""(?:^|[.!?:;\n])\s*(?:please\ )?(?:classify|categori[sz]e|label)\b
    |\b(?:classify|categori[sz]e)\b[^\n]{{1,80}}\b(?:into|as)\b
    |\bwhich\ (?:of\ (?:these|the\ following)\ )?(?:intents?|categor(?:y|ies)|labels?|topics?|sentiment|department)\b
    |\b(?:what\ is|what's|identify|determine|detect|predict|choose|pick|select)\ (?:the\ |an?\ |its\ |their\ )?
      (?:\w+\ )?(?:intent|category|label|topic|sentiment)\b
    |\b(?:positive|negative|neutral)["']?(?:,|\ or|,\ or|/)\s?["']?(?:positive|negative|neutral)\b
    |\b(?:spam\ or\ (?:not\ spam|ham)|fraud\ or\ (?:not|legitimate|genuine))\b
    |\bone\ of\ (?:(?:these|the\ following|the)\ )?(?:\w+\ )?
      (?:intents?|categories|classes|labels|topics|values|words)\b
    |\b(?:answer|reply|respond|output|return|give)\b[^.\n]{{0,20}}\b(?:only|just|nothing\ but)\b
      [^.\n]{{0,20}}\b{THING}\b
    |\b(?:answer|reply|respond)\ with\ (?:the\ |one\ |an?\ |its\ )?(?:single\ )?(?:\w+\ )?{THING}\b
    |\b{THING}\ only\b""",
    re.VERBOSE,
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
MEASURED = re.compile(
    r"""\b(?:total|sum|difference|product|quotient|average|mean|median|area|perimeter|volume|costs?|price|profit
    |number|age
    |percent(?:age)?|speed|rate|distance|value|remainder|amount|length|width|height|weight|revenue|bill|salary
    |probability
    |ratio|term|radius|score|time|capacity|discount|income|change|grade|temperature|population|balance|digit)\b""",
    re.VERBOSE,
)
ARITHMETIC = re.compile(
    r"""(?:what(?:'s|\ is)|calculate|compute|evaluate|work\ out|how\ much\ is|find|solve)?
    [\s:$]*+[-(]*+[$€£]?\d[\d.,]*+[\s)%]*+
    (?:(?:\*\*|[-+*/x÷^]|plus|minus|times|divided\ by|multiplied\ by|percent\ of|of|mod)
      [\s(]*+-?[$€£]?\d[\d.,]*+[\s)%]*+)+[?.=$\s]*+$""",
    re.VERBOSE,
)
AS_NUMBER = re.compile(
    r"""\b(?:answer|reply|respond|output|return|give)\b[^.\n]{0,40}\b(?:only|just|as|with|in)\b[^.\n]{0,25}
    \b(?:numbers?|integers?|digits|numeric\ value)\b
    |\bnumber\ only\b""",
    re.VERBOSE,
)
# These end in an expression, a tuple or several values.
EXPRESSION = re.compile(
    r"""\b(?:[a-z]'?th\ term
    |in\ terms\ of|as\ an?\ (?:function|expression|ordered|interval)|express|inverse|equation\ of|coordinates
    |intervals?
    |simplif\w+|factor|expand|all\ (?:real|possible|complex|solutions|values|ordered)|solve\ for|matrix|vectors?
    |polynomial
    |ordered|domain|range\ of|simplest\ radical|exact\ value|complex\ number|separated\ by|sqrt)\b
    |\b(?:pi|cos|sin|tan|log|ln|theta)\b[\s(]*[\dxyz^_({\\]
    |\\(?:sqrt|pi|cos|sin|tan|log|theta|begin)""",
    re.VERBOSE,
)
VAGUE = re.compile(
    r"\b(?:dozens?|half|twice|thrice|doubled?|tripled?|thirds?|quarters?|each|every|per|percent|nickels|dimes|pennies)\b",
)
OWN_AFFAIRS = re.compile(r"\b(?:i|my|you|your)\b")
SENTENCE = re.compile(r"(?<=[.!?])(?<!mr\.)(?<!mrs\.)(?<!ms\.)(?<!dr\.)(?<!st\.)(?<!vs\.)\s+|\n+")
