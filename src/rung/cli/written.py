"""The text of the rung.yaml that `rung init` writes."""

import json
from collections.abc import Sequence
from itertools import groupby

from rung.cli.offers import Offer

_HEAD = """\
# Rung's ladder, written by `rung init` on {day}. Each request is answered on the lowest rung that gets it right.
# Edits take effect while Rung serves; `rung validate` checks this file. Everything that may stand here is described in
# docs/reference/config.md.

reasoners:
  # Exact mathematics from plain words. Costs nothing, and is silent unless it understood the whole question.
  calc: {{kind: symbolic}}

  # One small model on this machine, asked in five ways: for the final answer only, as the question came, for a short
  # program that is then run, to reason first, and several times with the answers compared.
  brief: {{kind: brief, of: fast}}
  fast: {{kind: local, model: qwen2.5-coder-1.5b-instruct}}
  program: {{kind: program, of: fast}}
  think: {{kind: think, of: fast}}
  vote: {{kind: vote, of: fast, samples: 3}}
"""
_NOTHING_FOUND = """
  # No API key and no Ollama was found. A stronger rung makes the ladder better; any server that speaks OpenAI's chat
  # completions will do:
  # cloud:
  #   kind: endpoint
  #   base_url: https://api.openai.com/v1
  #   model: gpt-4.1-mini
  #   api_key: ${OPENAI_API_KEY}
  #   price: {input_usd_per_mtok: 0.40, output_usd_per_mtok: 1.60}  # noted 2026-05; check it
"""
_TAIL = """
# What an hour of this machine is worth while a local model holds it: about what two cores and 4 GB cost to rent.
machine: {usd_per_hour: 0.05}

# server: {host: 127.0.0.1, port: 8080, preset: balanced}  # preset: economy, balanced or best
# ledger: {text: false}                                    # true keeps prompts and answers, for evaluation
# cache: {exact: {max_mb: 256}}                            # 0 turns it off
"""


def config_text(offers: Sequence[Offer], day: str) -> str:
    """`day` is when it is written."""
    entries = ""
    for provider, of_one in groupby(offers, lambda offer: offer.provider):
        entries += f"\n  # {provider}\n" + "".join(_entry(offer) for offer in of_one)
    return _HEAD.format(day=day) + (entries or _NOTHING_FOUND) + _TAIL


def _entry(offer: Offer) -> str:
    lines = [
        f"{offer.name}:",
        "  kind: endpoint",
        f"  base_url: {offer.base_url}",
        f"  model: {json.dumps(offer.model)}",
    ]
    if offer.variable:
        lines += [
            f"  api_key: ${{{offer.variable}}}",
            f"  # USD for a million tokens, as read in {offer.noted}. Prices change: check {offer.page}",
            f"  price: {{input_usd_per_mtok: {offer.input_usd_per_mtok:g},"
            f" output_usd_per_mtok: {offer.output_usd_per_mtok:g}}}",
        ]
    else:
        lines.append("  # It costs nothing by the token, but it does hold this machine.")
    lines += [
        "  # Share of ordinary questions it is guessed to get right; write your own figure if you know better.",
        f"  strength: {offer.strength:g}",
        *(f"  {flag}" for flag in offer.flags),
    ]
    return "".join(f"  {line}\n" for line in lines)
