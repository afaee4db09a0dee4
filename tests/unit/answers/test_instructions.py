import pytest

from rung.answers.instructions import bind

FREE = [
    "",
    "You are a helpful assistant.",
    "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2023-10\nCurrent date: 2026-11-30",
    "You are a helpful, respectful and honest assistant. Be polite and accurate.",
    "Be concise.",
    "Answer the user's questions concisely.",
    "You are MathBot, an expert in mathematics. Solve the user's problem.",
    "Think step by step.",
    "You are a helpful assistant. Answer the following question as accurately as possible.",
    "You are an assistant made to help people. Provide helpful answers to users. Answer in one word.",
    "Answer with the number only.",
    "Give only the final answer, without explanation.",
    "No explanation.",
    "Assistant is a large language model trained by OpenAI.",
    "Do not explain. If you don't know, say so.",
    "You are Bob, who works at ACME's help desk.",
    # of common applications and evaluation harnesses
    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024",
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible, while being safe. "
    "Your answers should not include any harmful, unethical, racist, sexist, toxic, dangerous, or illegal content. "
    "Please ensure that your responses are socially unbiased and positive in nature.\n\nIf a question does not make "
    "any sense, or is not factually coherent, explain why instead of answering something not correct. If you don't "
    "know the answer to a question, please don't share false information.",
    "Use the following pieces of context to answer the user's question. \nIf you don't know the answer, just say that "
    "you don't know, don't try to make up an answer.\n----------------\nTom has 3 apples.",
    "The following is a friendly conversation between a human and an AI. The AI is talkative and provides lots of "
    "specific details from its context. If the AI does not know the answer to a question, it truthfully says it does "
    "not know.",
    "Answer the following questions as best you can.",
    "Answer the question with only the letter of the correct option. Do not include any other text.",
    "Answer the following question with a single letter.",
    "Only output the final numeric answer, no other text.",
]
BINDING = [
    "All numbers are in hexadecimal.",
    'You are a calculator. Reply in JSON: {"answer": ...}',
    "Always answer in French.",
    "Round all results to 2 decimals.",
    "You are a maths tutor: never give the answer, only hints.",
    "Please reason step by step, and put your final answer within \\boxed{}.",
    "Respond like Shakespeare.",
    "Only answer questions about baking.",
    "You don\u2019t do sums.",
    "If you don't know the answer, say so, and reply in French.",
    "In this game + is multiplication.",
    "Let x = 5 and y = 3.",
    "You rewrite the user's text.",
    "Summarize the user's message.",
    "Give wrong answers.",
    "Answer the question with the letter of the correct option in brackets.",
    "Assume base 8.",
    "Wrap it in <answer> tags",
    "Du bist ein hilfreicher Assistent.",
    "Responde en francés, no uses números.",
    "De assistent is kort en antwoordt in het Frans.",
    "Gib die Antwort an den Nutzer als Wort.",
    "You are a helpful assistant. " * 200,
]


@pytest.mark.parametrize("instructions", FREE)
def test_a_role_and_a_wish_for_short_answers_bind_nothing(instructions: str) -> None:
    assert not bind(instructions)


@pytest.mark.parametrize("instructions", BINDING)
def test_a_form_and_what_questions_mean_bind(instructions: str) -> None:
    assert bind(instructions)


@pytest.mark.timeout(1)
@pytest.mark.parametrize(
    "piece", ["answer ", "you ", ". ", "\n", " ", "*", "be concise and ", "if you don't know, say "]
)
def test_instructions_take_no_time(piece: str) -> None:
    for start in range(20):
        bind(f"{start} you {piece * (3900 // len(piece))}x")
