"""What short, checkable answer a question asks for.

Precision before recall: a question taken for a short one is answered without its reasons, so whatever may want an
explanation, a text, code or a list asks for none of them.
"""

import re

from rung.answers.layout import listed_labels, options_at
from rung.answers.numerals import NUMBER, WORD_NUMBER, plain
from rung.types import Short

# A question's demand stands at its beginning or its end; a long text in between is material.
HEAD, TAIL = 3000, 6000

_MARKS = re.IGNORECASE | re.VERBOSE
_OPEN = re.compile(
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
    _MARKS,
)
_REASONS = re.compile(
    r"""(?:^|[.!?:;,\n]|\band|\bthen|\balso|\bplease)\s*(?:briefly\s)?explain\b
    |\bexplain\ (?:your|briefly|each\ step)
    |\b(?:provide|give|include|add|with)\b[^.\n]{0,30}\b(?:explanation|justification|reasoning|reasons?)\b
    |\bshow\ (?:your|all|the|each|every)(?:\ \w+)?\ (?:work|working|steps?|reasoning|calculations?)\b
    |\bstep[- ]by[- ]step\b|\bjustify\b|\byour\ reasoning\b|\b(?:and|or)\ why\b
    |\bwhy\ (?:or\ why\ not|not)\b|\bin\ detail\b
    |\bwrite\ (?:an?|some|me)\ (?:\w+\ ){0,2}(?:function|program|script|code|essay|poem|story|paragraph|email)\b""",
    _MARKS,
)
_CODE = re.compile(
    r"```|\bdef \w{1,60}\(|\bclass \w{1,60}[:(]|#include|\bSELECT\b.{1,200}\bFROM\b|\bconsole\.log|</\w+>"
)

_POLES = re.compile(
    r"""["'`]?\b(?:yes["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?no|no["'`]?\s?(?:/|\ or\ )\s?["'`]?yes
    |true["'`]?\s?(?:,\s?|/|\ or\ )\s?["'`]?false|false["'`]?\s?(?:/|\ or\ )\s?["'`]?true)\b
    (?!["'`]?\s*(?:questions?|items?|test|exam))""",
    _MARKS,
)
_SAYING = re.compile(
    r"\b(?:answer|reply|respond|say|state|decide|determine|judge|output|return|tell|whether|only|just)\b",
    re.IGNORECASE,
)
_AUXILIARY = re.compile(
    r"(?:question\s*:\s*)?(?:is|are|was|were|do|does|did|has|have|had|isn't|aren't|wasn't|doesn't|didn't)\s",
    re.IGNORECASE,
)
# Who says these asks for help, an offer or a way, not for a bare yes.
_PERSONAL = re.compile(
    r"""\b(?:i|i'm|i've|i'd|me|my|mine|we|us|our|you|your|yours|u|any|anyone|anything|anyway|somewhere|something|there|this
    |these|that|possible|please|help|tips?|recommend\w*|suggest\w*|how|why|what|or|an?\ option|services?|fees?
    |charges?|cost|cards?)\b""",
    _MARKS,
)

_THING = (
    r"(?:label|category|intent|class|value|name|word|date|total|city|topic|company|amount|sentiment|language|country)"
)
_LABEL = re.compile(
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
      [^.\n]{{0,20}}\b{_THING}\b
    |\b(?:answer|reply|respond)\ with\ (?:the\ |one\ |an?\ |its\ )?(?:single\ )?(?:\w+\ )?{_THING}\b
    |\b{_THING}\ only\b""",
    _MARKS,
)
_EXTRACT = re.compile(
    r"""\b(?:extract|what\ is|find|what\ was|give)\ the\ (?:\w+\ ){0,3}
      (?:date|company|address|name|number|city|time|total|amount|price)\b(?!\ of\ (?:all|each|every))
    |\bwhich\ (?:company|shop|store|date|city|person|country)\b""",
    _MARKS,
)
_AMOUNT = re.compile(r"\b(?:total|amount|price|how much)\b", re.IGNORECASE)
_GIVEN_TEXT = re.compile(
    r"\b(?:text|receipt|invoice|email|message|passage|document|sentence|review|article)\b", re.IGNORECASE
)
_SEVERAL = re.compile(
    r"""\b(?:all(?:\ of)?\ the|all\ (?:dates|names|numbers|amounts|labels)|that\ apply|each\ of|every|json
    |a\ table|one\ or\ more|as\ many)\b""",
    _MARKS,
)

_ASKS_HOW_MUCH = re.compile(
    r"\bhow (?:many|much|old|far|long|tall|fast|heavy|big|large|wide|deep|high)\b", re.IGNORECASE
)
_ASKS_WHAT = re.compile(
    r"""\b(?:what(?:'s|\ is|\ was|\ are|\ were|\ will\ be|\ would\ be|\ percent(?:age)?|\ fraction|\ number|\ amount
      |\ total)?
    |at\ what\ \w+|find|calculate|compute|determine|evaluate|work\ out)\b""",
    _MARKS,
)
_MEASURED = re.compile(
    r"""\b(?:total|sum|difference|product|quotient|average|mean|median|area|perimeter|volume|costs?|price|profit
    |number|age
    |percent(?:age)?|speed|rate|distance|value|remainder|amount|length|width|height|weight|revenue|bill|salary
    |probability
    |ratio|term|radius|score|time|capacity|discount|income|change|grade|temperature|population|balance|digit)\b""",
    _MARKS,
)
_ARITHMETIC = re.compile(
    r"""(?:what(?:'s|\ is)|calculate|compute|evaluate|work\ out|how\ much\ is|find|solve)?
    [\s:$]*+[-(]*+[$€£]?\d[\d.,]*+[\s)%]*+
    (?:(?:\*\*|[-+*/x÷^]|plus|minus|times|divided\ by|multiplied\ by|percent\ of|of|mod)
      [\s(]*+-?[$€£]?\d[\d.,]*+[\s)%]*+)+[?.=$\s]*+$""",
    _MARKS,
)
_AS_NUMBER = re.compile(
    r"""\b(?:answer|reply|respond|output|return|give)\b[^.\n]{0,40}\b(?:only|just|as|with|in)\b[^.\n]{0,25}
    \b(?:numbers?|integers?|digits|numeric\ value)\b
    |\bnumber\ only\b""",
    _MARKS,
)
# These end in an expression, a tuple or several values.
_EXPRESSION = re.compile(
    r"""\b(?:[a-z]'?th\ term
    |in\ terms\ of|as\ an?\ (?:function|expression|ordered|interval)|express|inverse|equation\ of|coordinates
    |intervals?
    |simplif\w+|factor|expand|all\ (?:real|possible|complex|solutions|values|ordered)|solve\ for|matrix|vectors?
    |polynomial
    |ordered|domain|range\ of|simplest\ radical|exact\ value|complex\ number|separated\ by|sqrt)\b
    |\b(?:pi|cos|sin|tan|log|ln|theta)\b[\s(]*[\dxyz^_({\\]
    |\\(?:sqrt|pi|cos|sin|tan|log|theta|begin)""",
    _MARKS,
)
_VAGUE = re.compile(
    r"\b(?:dozens?|half|twice|thrice|doubled?|tripled?|thirds?|quarters?|each|every|per|percent|nickels|dimes|pennies)\b",
    re.IGNORECASE,
)
_OWN_AFFAIRS = re.compile(r"\b(?:i|my|you|your)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])(?<!Mr\.)(?<!Mrs\.)(?<!Ms\.)(?<!Dr\.)(?<!St\.)(?<!vs\.)\s+|\n+")


def asked(question: str) -> Short:
    """The kind of short answer that `question` asks for, "" for anything else."""
    text = question.strip()
    text = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    if not text or _CODE.search(text):
        return ""
    around = text
    if marks := options_at(text):
        around = f"{text[: marks[0].start()]}\n{''.join(text[marks[-1].end() :].partition(chr(10))[1:])}"
    labels = () if marks else listed_labels(text)
    if _REASONS.search(around) or (not labels and _OPEN.search(around)):
        return ""
    if marks:
        return "choice"
    return _kind_of_list(labels) if labels else _kind(text)


def _kind(text: str) -> Short:
    if _asks_pole(text):
        return "yesno"
    if copied := _asks_copy(text):
        return copied
    if _asks_label(text):
        return "label"
    return "number" if _asks_number(text) else ""


def _kind_of_list(labels: tuple[str, ...]) -> Short:
    names = {label.lower() for label in labels}
    if names in ({"true", "false"}, {"yes", "no"}):
        return "yesno"
    numbered = all(re.fullmatch(r"(?:answer|option|solution|ending|choice)\s?\d", name) for name in names)
    return "choice" if numbered else "label"


def _sentences(text: str) -> list[str]:
    return [s.strip() for s in _SENTENCE.split(text) if s.strip()]


def _asks_pole(text: str) -> bool:
    sentences = _sentences(text)
    for sentence in sentences:
        if (poles := _POLES.search(sentence)) and (
            _SAYING.search(sentence) or not sentence[: poles.start()].strip(" (")
        ):
            return True
    last = sentences[-1]
    if (poles := _POLES.search(last)) and not last[poles.end() :].strip(" )?.\"'"):
        return True
    bare = _AUXILIARY.match(last) and last.endswith("?") and len(last) < 200 and len(sentences) <= 12
    # a passage may say "I"; a few sentences that do are someone's own affairs
    return bool(bare) and not _PERSONAL.search(last if len(text) > 400 else text)


def _asks_label(text: str) -> bool:
    if _SEVERAL.search(text[:400]) or _SEVERAL.search(text[-400:]):
        return False
    return bool(_LABEL.search(text))


def _asks_copy(text: str) -> Short:
    """A value to be read off a text that is given: its demand is the first or last thing said."""
    lines = [line for line in text.split("\n") if line.strip()]
    demand = next((line for line in (lines[0], *lines[:-3:-1]) if _EXTRACT.search(line)), "")
    if not demand or len(lines) < 3 or not _GIVEN_TEXT.search(text) or _SEVERAL.search(demand):
        return ""
    return "number" if _AMOUNT.search(demand) else "label"


def _asks_number(text: str) -> bool:
    if _AS_NUMBER.search(text) or _ARITHMETIC.match(plain(text)[:400]):
        return True
    sentences = _sentences(text)
    asking = [s for s in sentences[-2:] if _ASKS_HOW_MUCH.search(s) or (_ASKS_WHAT.search(s) and _MEASURED.search(s))]
    if not asking or _EXPRESSION.search(text) or (len(sentences) == 1 and _OWN_AFFAIRS.search(text)):
        return False
    figures = len(NUMBER.findall(text[:4000])) + len(WORD_NUMBER.findall(text[:4000]))
    return figures >= 2 or (figures == 1 and bool(_VAGUE.search(text)))
