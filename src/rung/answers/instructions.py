"""Whether instructions to a conversation bind how it is to be answered.

Recall before precision: who computes, or answers in a word, reads no instructions. One that is passed over is broken;
one that is heeded in vain costs no more than that a language model is asked.
"""

import re
from functools import lru_cache

from rung.answers.phrases import Phrase, word_set, words_in

# Of longer ones nobody can say that they bind nothing.
_READ_CHARS = 4000
_SENTENCE = re.compile(r"[.!?;](?=\s)|\n")
# Words of which one stands in any few English sentences, and that are none of another language: others are not read.
_ENGLISH = word_set(
    "you your the and this that with from language be answer answers respond reply think solve help today current "
    "explain explanation explanations"
)
_BINDING = word_set(
    """json xml yaml yml csv html latex boxed format formats formatted formatting table tables list lists bullet bullets
    template schema sentence sentences word words character characters paragraph paragraphs line lines emoji emojis
    capitals uppercase lowercase rhyme rhymes rhyming haiku haikus poem poems tone style accent
    spanish french german italian portuguese dutch russian chinese japanese korean arabic hindi polish turkish latin
    translate translated translation hint hints explain explaining explanation explanations step steps example examples
    round rounded rounding decimal decimals digit digits significant fraction fractions percent percentage percentages
    unit units metric imperial base binary hex hexadecimal octal roman notation currency currencies assume assuming
    treat interpret mean means denotes stands always never must should only every each instead unless except refuse
    decline not cannot whenever rewrite rephrase paraphrase repeat summarize summarise proofread classify extract title
    score rate pretend wrong mistakes plus minus"""
)
_MANNER = re.compile(
    r"\b(?:answer|respond|reply|output|return|write|speak|talk|say|give|present|phrase|provide|show|use|end|start|begin"
    r"|put)\w*\b.{0,60}\b(?:in|with|like|as|using)\b|[{}<>=\\]|[-+*/^%]\s(?:is|are)\b|\bfrom now on\b|n't\b"
)
_SHORTLY = (
    r"(?:concise|brief|short|succinct|direct|polite|helpful|honest|accurate|friendly|kind|clear|truthful|correct"
    r"|precise|careful)(?:ly)?"
)
_SHORTLY += rf"(?:(?:,|,? and) {_SHORTLY}){{0,3}}"
_GIVE = r"(?:answer|respond|reply|output|return|give|provide)"
# A bare answer keeps to these.
_KEPT = re.compile(
    rf"""(?:please\ )?(?:
      (?:always\ )?(?:be|stay|remain|keep\ (?:it|(?:your\ )?(?:answers?|responses?|replies)))
        (?:\ as)?\ {_SHORTLY}(?:\ as\ possible)?
      |(?:always\ )?(?:answer|respond|reply)(?:\ to)?(?:\ (?:the|each|any|every|all))?(?:\ following|\ users?'?s?)?
        (?:\ questions?)?(?:\ as)?(?:\ {_SHORTLY})?(?:\ as\ possible|\ as\ best\ (?:as\ )?you\ can)?
        (?:,\ while\ being\ safe)?
      |(?:only\ )?{_GIVE}(?:\ the(?:\ following)?\ questions?)?(?:\ with|\ in)?(?:\ (?:only|just))?
        (?:\ (?:the|a|one|your))?(?:\ (?:single|final|correct|short|numeric|numerical))*
        \ (?:letter|number|answer|label|word|option|result|value|choice)
        (?:\ of\ the\ (?:correct|right|best)\ (?:option|answer|choice))?
        (?:\ (?:only|alone|and\ nothing\ else))?
        (?:,?\ (?:without|no)\ (?:an\ |any\ )?(?:explanations?|reasoning|working|other\ text))?
      |(?:do\ not|don't|never)\ (?:explain|apologi[sz]e|guess|lie|hallucinate|make\ (?:things|facts|anything)\ up
        |(?:use|add|include|give|show)\ (?:any\ |an\ )?(?:markdown|latex|emojis?|explanations?|reasoning|working
          |(?:other|additional|extra)\ text))
      |no\ (?:explanations?|preamble|markdown|reasoning|emojis?)
      |(?:let's\ )?think\ (?:carefully|hard|step[ -]by[ -]step)(?:\ before\ (?:you\ )?answer(?:ing)?)?
      |if\ (?:you|the\ ai)\ (?:do\ not|don't|does\ not|are\ not|aren't)\ (?:know|sure)[^,]{{0,40}}
        (?:,\ (?:(?:just\ )?(?:say|tell)|it\ truthfully\ says)\b[^,]{{0,60}})?
        (?:,\ (?:please\ )?(?:do\ not|don't)\ (?:try\ to\ make\ up\ an\ answer|share\ false\ information))?
      # of Llama 2's own
      |your\ (?:answers|responses)\ should\ not\ include\ any\ harmful\b.{{0,100}}
      |if\ a\ question\ does\ not\ make\ any\ sense,\ or\ is\ not\ factually\ coherent,\ explain\ why\b.{{0,60}}
    )""",
    re.VERBOSE,
)


# A wish that is to hold from then on.
_STANDING = Phrase(
    (
        *("from now", "henceforth", "from here", "rest of", "always", "whenever", "conversation"),
        *("answer", "repl", "respon", "question", "number", "result"),
    ),
    r"""\b(?:from\ now\ on|henceforth|from\ here\ on|for\ the\ rest\ of|in\ (?:this|our)\ conversation
    |whenever\ (?:i|you)
    |always\ (?:add|answer|assume|be|begin|convert|end|explain|express|format|give|include|keep|output|put|reply|respond
      |return|round|say|show|speak|start|talk|tell|translate|treat|use|write)
    |(?:all|each|every)\ (?:of\ )?(?:your\ |my\ |the\ )?
      (?:answers?|repl(?:y|ies)|responses?|numbers?|results?|(?<=my\ )questions?)
    |answer\ (?:all|each|every)\ (?:of\ )?(?:the\ )?questions?)\b""",
    reach=20,
)
_WISH_CHARS = 2000


def stands(wish: str) -> bool:
    """Whether a user's message says how answers are to be given from then on. Asked of every message of a long
    conversation, before each answer."""
    return bool(_STANDING.search(wish[:_WISH_CHARS].lower()))


def bind(instructions: str) -> bool:
    """Whether they name a form of answers, or say what is meant by questions. A role, a wish for short answers and the
    like bind nothing; what is too long to be read, or no English, is taken to."""
    return len(instructions) > _READ_CHARS or _bind(instructions)


# Those of an application come with each of its requests.
@lru_cache(maxsize=256)
def _bind(instructions: str) -> bool:
    text = instructions.strip().lower().replace("\u2019", "'")
    if not text:
        return False
    if _ENGLISH.isdisjoint(words_in(text)):
        return True
    sentences = (part.lstrip(" \t*#>\"'`-").rstrip(" \t*.!?\"'`") for part in _SENTENCE.split(text))
    return any(_binds(sentence) and not _KEPT.fullmatch(sentence) for sentence in sentences)


def _binds(sentence: str) -> bool:
    return not _BINDING.isdisjoint(words_in(sentence)) or bool(_MANNER.search(sentence))
