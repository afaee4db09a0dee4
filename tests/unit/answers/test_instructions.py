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
    "Do not explain. If you don't know, say so.",
    "You are Bob, who works at ACME's help desk.",
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
    "Assume base 8.",
    "Wrap it in <answer> tags",
    "Du bist ein hilfreicher Assistent.",
    "You are a helpful assistant. " * 200,
]


@pytest.mark.parametrize("instructions", FREE)
def test_a_role_and_a_wish_for_short_answers_bind_nothing(instructions: str) -> None:
    assert not bind(instructions)


@pytest.mark.parametrize("instructions", BINDING)
def test_a_form_and_what_questions_mean_bind(instructions: str) -> None:
    assert bind(instructions)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["answer ", "you ", ". ", "\n", "*", "be concise and ", "if you don't know, say "])
def test_instructions_take_no_time(piece: str) -> None:
    for start in range(20):
        bind(f"{start} you {piece * (3900 // len(piece))}")
