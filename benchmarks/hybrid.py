"""Is the whole better than any part? Real local models on a graded mix, one client at a time.

    hybrid.py record [--items dev|report] [--n 120]   each reasoner on each item, once; picks up where it stopped
                     [--beside 120]                   `think` on so many items, 16 if not said
    hybrid.py run [--items ...] [--presets ...]       `auto` live, `think` live beside it item by item; then figures
                  [--beside 16]                       `think` on so many items only, as a clock, where it is recorded
    hybrid.py figures                                 results and plot again, from what was recorded

`brief`, `calc` and up to three samples of `fast` are recorded under `recorded/`, and `vote` is derived from these. What
was recorded is put on the live run's clock by how much faster or slower `think` was then, on a few items. Figures are
set on the items of `--items dev`, never on those of `--items report` (see graded.py); what earlier runs on report items
gave away all the same is told in docs/experiments.md. `figures` writes the commit it is run at, not the live run's.
"""

import argparse
import asyncio
import hashlib
import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from graded import Item, sampled
from hybrid_figures import Row, publish, summary

from rung.answers import asked, extract, majority, options_of
from rung.reasoners.vote import TEMPERATURE

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
SEED = 3  # 2 was used by the runs told of in docs/experiments.md
MAX_TOKENS = 400
# In this order, so that a recording that is stopped is of most use: (reasoner, sample).
WANTED = (("think", 0), ("calc", 0), ("brief", 0), ("program", 0), ("fast", 0), ("fast", 1), ("fast", 2))
# `think` answers every item in the live run; what is recorded of it only tells how fast the machine was then.
PACED = 16
SAMPLES = 3

CONFIG = """
reasoners:
  calc: {kind: symbolic}
  brief: {kind: brief, of: fast}
  fast: {kind: local, model: qwen2.5-coder-1.5b-instruct}
  program: {kind: program, of: fast}
  think: {kind: think, of: fast}
  vote: {kind: vote, of: fast, samples: 3}
cache: {exact: {max_mb: 0}}
"""


class Recording:
    """Rows in a JSONL file, one for each item, reasoner, sample and prompt."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[Row] = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self._known = {_key(row) for row in self.rows}

    def has(self, item: Item, reasoner: str, sample: int) -> bool:
        return (item.id, reasoner, sample, prompt_key(item.prompt)) in self._known

    def add(self, row: Row) -> None:
        self._path.parent.mkdir(exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self.rows.append(row)
        self._known.add(_key(row))

    def of(self, items: Iterable[Item]) -> list[Row]:
        wanted = {(item.id, prompt_key(item.prompt)) for item in items}
        return [row for row in self.rows if (row["item"], row["prompt"]) in wanted]

    def taken(self, items: Iterable[Item]) -> list[Row]:
        """As `of`, where there must be some: exits if nothing is recorded of the items."""
        rows = self.of(items)
        if not rows:
            of, _, part = self._path.stem.partition("-")
            raise SystemExit(f"Nothing is recorded of {part} items; run {of}.py record --items {part} first.")
        return rows


def _key(row: Row) -> tuple[str, str, int, str]:
    return row["item"], row["reasoner"], row["sample"], row["prompt"]


def prompt_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Rung:
    """A running Rung, asked over its HTTP API by one client."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self._base_url = base_url
        self._session = session

    async def ask(self, item: Item, model: str, sample: int = 0, **put: Any) -> Row:
        """Asks once and says what came back; `put` are fields of the request, in place of those that are usual. Any
        error but an abstention ends the benchmark."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": item.prompt}],
            "max_tokens": MAX_TOKENS,
            "seed": 1000 + sample,
            "rung": {"cache": "off"},
        }
        if sample:
            body["temperature"] = TEMPERATURE
        body |= put
        began_s = time.perf_counter()
        async with self._session.post(
            f"{self._base_url}/v1/chat/completions", json=body, headers={"x-rung-debug": "true"}
        ) as response:
            reply = await response.json()
        seconds = time.perf_counter() - began_s
        row = {"item": item.id, "group": item.group, "family": item.family, "reasoner": model, "sample": sample}
        row |= {"prompt": prompt_key(item.prompt), "seconds": round(seconds, 4)}
        if response.status == 422 and reply["error"]["code"] == "abstained":
            return row | {"text": "", "finish": "abstained", "prompt_tokens": 0, "completion_tokens": 0}
        if response.status != 200:
            raise SystemExit(f"{model} on {item.id}: {response.status} {reply}")
        return row | _told(reply)

    async def word(self, question: str) -> dict[str, Any]:
        """The first token of `fast`'s answer: its likeliest alternatives, with log-probabilities."""
        body = {
            "model": "fast",
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": 10,
            "rung": {"cache": "off"},
        }
        async with self._session.post(f"{self._base_url}/v1/chat/completions", json=body) as response:
            reply = await response.json()
        if response.status != 200:
            raise SystemExit(f"{response.status} {reply}")
        tops = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        told = [{"token": top["token"], "logprob": round(top["logprob"], 4)} for top in tops]
        return {"tops": told, "prompt_tokens": reply["usage"]["prompt_tokens"]}

    async def ready(self) -> bool:
        try:
            async with self._session.get(f"{self._base_url}/health/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False


def _told(reply: dict[str, Any]) -> Row:
    message, decision = reply["choices"][0]["message"], reply["rung"]
    steps = [
        {
            "reasoner": step["reasoner"],
            "outcome": step["outcome"],
            "seconds": round(step["ended_s"] - step["started_s"], 4),
            "prompt_tokens": step["usage"]["prompt_tokens"],
            "completion_tokens": step["usage"]["completion_tokens"],
            "verdict": step["verdict"],
        }
        for step in decision["steps"]
    ]
    return {
        "text": message["content"],
        "reasoning": message.get("reasoning_content", ""),
        "finish": reply["choices"][0]["finish_reason"],
        "prompt_tokens": sum(step["prompt_tokens"] for step in steps),
        "completion_tokens": sum(step["completion_tokens"] for step in steps),
        "answered_by": decision["answered_by"],
        "right_prob": decision["right_prob"],
        "task": decision["features"]["task"],
        "short": decision["features"]["short"],
        "steps": steps,
    }


@asynccontextmanager
async def serving(url: str | None, ladder: str = CONFIG) -> AsyncIterator[Rung]:
    """The Rung at `url`, or one of our own on a free port with the benchmark's ladder."""
    timeout = aiohttp.ClientTimeout(total=900)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        if url is not None:
            yield Rung(url, session)
            return
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "rung.yaml"
            config.write_text(f"{ladder}ledger: {{path: {folder}/ledger.sqlite}}\n")
            port = _free_port()
            serve = [str(Path(sys.executable).parent / "rung"), "serve", "--config", str(config), "--port", str(port)]
            process = await asyncio.create_subprocess_exec(*serve)
            try:
                rung = Rung(f"http://127.0.0.1:{port}", session)
                await _until_ready(rung, process)
                yield rung
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _until_ready(rung: Rung, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(1800):
        while not await rung.ready():
            if process.returncode is not None:
                raise SystemExit(f"rung serve ended with {process.returncode}")
            await asyncio.sleep(0.5)


def _needed(item: Item, reasoner: str, sample: int, recording: Recording) -> bool:
    """Further samples of `fast` are there to vote: only where a vote is not decided without them."""
    if recording.has(item, reasoner, sample):
        return False
    if sample == 0:
        return True
    short = asked(item.prompt)
    earlier = [row["text"] for row in recording.of([item]) if row["reasoner"] == reasoner]
    found = [extract(text, short, options_of(item.prompt)) for text in earlier]
    return bool(short) and not majority(found, SAMPLES - sample).decided


async def record(args: argparse.Namespace) -> None:
    items = sampled(args.items, args.n, SEED)
    recording = Recording(RECORDED / f"hybrid-{args.items}.jsonl")
    async with serving(args.url) as rung:
        for reasoner, sample in WANTED:
            for at, item in enumerate(items[: args.beside or PACED] if reasoner == "think" else items):
                if _needed(item, reasoner, sample, recording):
                    recording.add(await rung.ask(item, reasoner, sample))
                    print(f"\r{reasoner} {sample}: {at + 1}/{len(items)} {item.id:<40}", end="", flush=True)
    print()
    print(summary(items, recording.of(items)))


async def run(args: argparse.Namespace) -> None:
    """Each item is asked of every preset and of `think` one after the other, in an order drawn for each item."""
    items = sampled(args.items, args.n, SEED)
    path = RECORDED / f"hybrid-{args.items}-live.jsonl"
    path.unlink(missing_ok=True)
    live = Recording(path)
    models = [*(f"auto:{preset}" for preset in args.presets), "think"]
    random_ = random.Random(SEED)
    async with serving(args.url) as rung:
        await rung.ask(items[0], "think")  # nothing is timed cold
        for at, item in enumerate(items):
            asked_now = models if at < (args.beside or len(items)) else models[:-1]
            for model in random_.sample(asked_now, len(asked_now)):
                live.add(await rung.ask(item, model))
            print(f"\r{at + 1}/{len(items)} {item.id:<40}", end="", flush=True)
    print()
    await figures(args)


async def figures(args: argparse.Namespace) -> None:
    items = sampled(args.items, args.n, SEED)
    recorded = Recording(RECORDED / f"hybrid-{args.items}.jsonl").of(items)
    live = Recording(RECORDED / f"hybrid-{args.items}-live.jsonl").of(items)
    publish(items, recorded, live, part=args.items, seed=SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["record", "run", "figures"])
    parser.add_argument("--items", choices=["dev", "report"], default="report")
    parser.add_argument("--n", type=int, default=120)
    parser.add_argument("--presets", nargs="+", default=["balanced"], choices=["economy", "balanced", "best"])
    parser.add_argument("--beside", type=int)
    parser.add_argument("--url", help="a running Rung, in place of one of the benchmark's own")
    args = parser.parse_args()
    asyncio.run({"record": record, "run": run, "figures": figures}[args.mode](args))


if __name__ == "__main__":
    main()
