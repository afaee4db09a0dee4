import asyncio

import pytest

from rung.bootstrap import Source, watch_config
from rung.config import load_config
from rung.errors import RungError

ENTRY = "reasoners:\n  {name}:\n    kind: endpoint\n    base_url: {url}\n    model: m\nledger:\n  path: {ledger}\n"


@pytest.fixture
async def watched(rung_of, upstream, tmp_path, monkeypatch):
    """A rung, what rewrites its file and asks for it to be read, and the task that watches."""
    rung, path, asked = await rung_of({"one": {}}), tmp_path / "rung.yaml", asyncio.Event()

    settled, apply = asyncio.Event(), rung.apply

    def read():
        try:
            return load_config(path)
        except RungError:
            settled.set()
            raise

    async def applied(config):
        try:
            await apply(config)
        finally:
            settled.set()

    async def write(text=None, *, name="one"):
        """Whether what was written serves, once that is settled."""
        path.write_text(text or ENTRY.format(name=name, url=upstream.base_url, ledger=tmp_path / "ledger.sqlite"))
        before = rung.config
        settled.clear()
        asked.set()
        async with asyncio.timeout(20):
            await settled.wait()
        return rung.config is not before

    monkeypatch.setattr(rung, "apply", applied)
    task = asyncio.create_task(watch_config(rung, Source(path, read), asked))
    yield rung, write, task
    task.cancel()
    await asyncio.wait([task])


async def test_a_file_that_changed_is_applied_when_asked(watched):
    rung, write, _ = watched
    assert await write(name="another")
    assert [info.name for info in rung.runtime.reasoners()] == ["another"]


async def test_what_is_wrong_or_cannot_start_is_told_and_the_next_is_still_applied(watched, broken, capsys):
    rung, write, task = watched
    assert not await write("reasoners: 3\n")
    assert not await write(name="broken")
    assert not task.done()
    said = capsys.readouterr().out
    assert said.count("config not applied, the old one stays") == 2
    assert "no socket is left" in said
    assert await write(name="another")
    assert [info.name for info in rung.runtime.reasoners()] == ["another"]
