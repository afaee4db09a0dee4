"""Draws a decision: the options in order of reserve, what was called, and how sure the answer was.

usage: rung chat --json "QUESTION" | decision_picture.py "QUESTION" > docs/img/decision.svg
"""

import json
import sys
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

WIDTH, ROW, TOP = 820, 46, 92
LEFT, RIGHT = 110, 560  # where 0% and 100% stand
INK, DIM, BAR, CALLED, ANSWER = "#1f2328", "#656d76", "#d0d7de", "#54aeff", "#1a7f37"
LEGEND = (
    "bar: the reserve, how sure an answer in hand must be for the call to be no longer worth it; dot: its own answer"
)


def x_of(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(max(share, 0.0), 1.0)


def text(x: float, y: float, said: str, *, color: str = INK, size: int = 14, **more: str) -> str:
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{color}" font-size="{size}"{attributes}>{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, color: str, dash: str = "") -> str:
    style = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{color}" stroke-width="2"{style}/>'


def axis(bottom: float) -> Iterator[str]:
    for percent in (0, 25, 50, 75, 100):
        x = x_of(percent / 100)
        yield line(x, TOP - 14, x, bottom, "#eaeef2")
        yield text(x, TOP - 20, f"{percent}%", color=DIM, size=11, text_anchor="middle")


def row(y: float, option: dict[str, Any], step: dict[str, Any] | None) -> Iterator[str]:
    middle = y + ROW / 2
    yield text(LEFT - 12, middle + 5, option["reasoner"], text_anchor="end", font_weight="600" if step else "400")
    if option["reserve"] is None:
        yield text(LEFT + 8, middle + 5, option["excluded"], color=DIM, size=12)
        return
    end = x_of(option["reserve"])
    color = CALLED if step else BAR
    yield f'<rect x="{LEFT}" y="{middle - 9:.0f}" width="{end - LEFT:.1f}" height="18" fill="{color}" rx="2"/>'
    # A short bar has its figure beside it.
    yield text(max(end - 6, LEFT + 34), middle + 4, f"{option['reserve']:.0%}", size=11, text_anchor="end")
    yield text(RIGHT + 24, middle + 5, happened(step), color=INK if step else DIM, size=13)
    if step and step["verdict"]:
        x = x_of(step["verdict"]["right_prob"])
        yield f'<circle cx="{x:.1f}" cy="{middle:.0f}" r="7" fill="{ANSWER}" stroke="white" stroke-width="2"/>'


def happened(step: dict[str, Any] | None) -> str:
    if step is None:
        return "not called"
    took_s = step["ended_s"] - step["started_s"]
    took = f"after {took_s:.1f} s" if took_s >= 1 else f"after {took_s * 1000:.0f} ms"
    if step["verdict"]:
        return f"answered {took}: {step['verdict']['right_prob']:.0%} sure"
    return f"{step['outcome']} {took}"


def picture(question: str, answer: str, decision: dict[str, Any]) -> str:
    options, steps = decision["options"], {step["reasoner"]: step for step in decision["steps"]}
    bottom = TOP + ROW * len(options)
    height = bottom + 54
    said = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        text(20, 30, question, size=15, font_weight="600"),
        text(20, 52, LEGEND, color=DIM, size=12),
        *axis(bottom),
    ]
    for at, option in enumerate(options):
        said += row(TOP + ROW * at, option, steps.get(option["reasoner"]))
    sure = decision["right_prob"]
    said.append(line(x_of(sure), TOP - 14, x_of(sure), bottom, ANSWER, "4 4"))
    end = f"“{answer.strip()}” by {decision['answered_by']}: {sure:.0%} sure, and no reserve left is higher."
    said.append(text(20, bottom + 34, end, color=ANSWER, size=14, font_weight="600"))
    return "\n".join([*said, "</svg>", ""])


def main(question: str) -> None:
    told = json.load(sys.stdin)
    sys.stdout.write(picture(question, told["answer"], told["decision"]))


if __name__ == "__main__":
    main(sys.argv[1])
