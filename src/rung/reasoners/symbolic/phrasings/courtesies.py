"""What says nothing about the question: being polite, wrapping it, asking for the form every answer has."""

from rung.reasoners.symbolic.phrasings.notation import Phrases

# Dropped wherever they stand.
FILLER: Phrases = (
    "please",
    "value of",
    "value/values of",
    "numerical value of",
    "result of",
    "answer to/for",
    "expression",
    "polynomial",
    "quadratic? equation/equations",
    "linear equation/equations",
    "system of equations?",
    "system",
    "system of linear equations",
    "simultaneous equations",
    "following expression/equation/equations/polynomial/system/numbers/values/list/integers?",
    "following system of equations",
    "function",
    "function f",
    "exactly",
)

# Dropped at the start of a sentence: being polite, or wrapping the question.
OPENING: Phrases = (
    "hi/hello/hey there?",
    "could/can/would/will you",
    "could/can/would/will you help me?",
    "can you help me to?",
    "help me to?",
    "i want/need/would you? to",
    "i want/need you to",
    "i would like you? to",
    "i would like to know",
    "i want/need to know",
    "do you know",
    "could/can/would/will you work/figure this/it out",
    "work/figure this/it out",
    "could/can/would/will you solve/answer/compute/calculate/do this/it one? for? me?",
    "solve/answer/compute/calculate/evaluate/do this/it one? for? me?",
    "could/can/would/will you solve/answer/do following/this question/problem/exercise/sum",
    "solve/answer/do following/this question/problem/exercise/sum",
    "help me? with following/this question/problem/exercise/sum?",
    "help me? with following/this",
    "could/can/would/will you help me? with following/this question/problem/exercise/sum?",
    "i have a/another quick? question/problem",
    "i am stuck on this/following question/problem/one?",
    "here is a/another/my question/problem/one",
    "a/another/first/next/my? quick? math/maths/homework/quiz? question/problem",
    "math/maths/homework/quiz question/problem/help?",
    "quick question/one/sum",
    "question/problem/exercise/task",
    "ok/okay/so/now/then/and",
    "thanks",
    "thank you",
    "how do i/you",
    "use/using calculus to?",
)

# Dropped at the end of a sentence.
CLOSING: Phrases = (
    "for me",
    "thanks",
    "thank you",
    "if you can/could",
)

# Whole sentences that ask for the form every answer has anyway.
ASIDES: Phrases = (
    "give/provide/write/return/state/output/tell/show me? only/just? your? final? answer/result/number/value? only?",
    "give/provide/write/return/state/tell/show me? only/just? your? final? answer/result/number/value? please",
    "answer/respond/reply with? only/just? your? final? number/answer/result/value/expression/letter? only? please?",
    "answer with only/just? a number",
    "only/just give/answer/state/output/write/tell me? your? final? answer/number/result/value please?",
    "only/just? final? answer/result/number/value only? please?",
    "i only/just need/want final? answer/result/number/value please?",
    "no explanation/explanations/words/working/steps/workings needed/required/necessary? please?",
    "without any? explanation/explanations/working/steps",
    "you do not? need to explain",
    "short answer please?",
    "keep it short/brief",
    "be brief/concise/precise/exact",
    "answer briefly/concisely/exactly",
    "your? final? answer",
    "answer/respond/reply true or false",
    "answer/respond/reply with true or false",
    "answer/respond/reply with? yes or no",
    "true or false",
    "yes or no",
    "thanks/cheers",
    "thank you so/very? much?",
    "thanks in advance",
    "thanks a lot",
    "many thanks",
)
