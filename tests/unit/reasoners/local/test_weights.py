import errno
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rung.clock import RealClock
from rung.errors import WeightsError
from rung.reasoners.local import weights
from rung.reasoners.local.catalogue import FILES, File, Model
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Progress, Watch, unwatched
from rung.reasoners.local.weights import Source, fetch, find, named, own_file


def gives(content: bytes, *, breaks_at: int | None = None) -> tuple[Source, list[int]]:
    """A source that goes on where the partial ends; and where it was asked to go on from."""
    asked: list[int] = []

    def pour(partial: Partial) -> None:
        asked.append(partial.size_bytes)
        end = len(content) if breaks_at is None else breaks_at
        for at in range(partial.size_bytes, end, 100):
            partial.add(content[at : min(at + 100, end)])
        if breaks_at is not None:
            raise WeightsError("the line broke")

    return Source("test", pour), asked


def test_a_whole_file_gets_its_name_and_is_found_again(
    content: bytes, model: Model, tmp_path: Path, watch: Watch, told: list[Progress]
) -> None:
    source, asked = gives(content)
    path = fetch(model, tmp_path / "new", watch, [source])
    assert path == tmp_path / "new" / "tiny.gguf"
    assert path.read_bytes() == content
    assert told[-1].done_bytes == told[-1].total_bytes == len(content)
    assert fetch(model, tmp_path / "new", watch, [source]) == path
    assert asked == [0]


def test_a_wrong_file_is_never_kept_and_the_next_source_is_asked(
    content: bytes, model: Model, tmp_path: Path, watch: Watch
) -> None:
    wrong, _ = gives(content[:-1] + b"?")
    right, asked = gives(content)
    assert fetch(model, tmp_path, watch, [wrong, right]).read_bytes() == content
    assert asked == [0]


def test_when_no_source_has_it_the_message_says_what_to_do(
    content: bytes, model: Model, tmp_path: Path, watch: Watch
) -> None:
    wrong, _ = gives(content[:-1] + b"?")
    short, _ = gives(content, breaks_at=100)
    with pytest.raises(WeightsError, match=r"not the pinned one.*the line broke.*rung models get tiny"):
        fetch(model, tmp_path, watch, [wrong, short])
    assert not (tmp_path / "tiny.gguf").exists()


def test_what_one_source_began_another_goes_on_with(content: bytes, model: Model, tmp_path: Path, watch: Watch) -> None:
    broken, _ = gives(content, breaks_at=1500)
    whole, asked = gives(content)
    assert fetch(model, tmp_path, watch, [broken, whole]).read_bytes() == content
    assert asked == [1500]


@pytest.mark.parametrize("left", [b"x" * 700, b"x" * 10_000])
def test_a_wrong_beginning_costs_one_more_round(
    left: bytes, content: bytes, model: Model, tmp_path: Path, watch: Watch
) -> None:
    (tmp_path / "tiny.gguf.partial").write_bytes(left)
    source, asked = gives(content)
    assert fetch(model, tmp_path, watch, [source]).read_bytes() == content
    assert asked == ([700, 0] if len(left) < len(content) else [0])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(breaks=st.lists(st.integers(0, 2303), max_size=5))
def test_however_often_it_breaks_off_the_file_is_right(
    breaks: list[int], content: bytes, model: Model, tmp_path_factory: pytest.TempPathFactory, watch: Watch
) -> None:
    folder = tmp_path_factory.mktemp("breaks")
    sources = [gives(content, breaks_at=at)[0] for at in breaks]
    assert fetch(model, folder, watch, [*sources, gives(content)[0]]).read_bytes() == content


def test_a_wrong_file_under_the_right_name_is_fetched_anew(
    content: bytes, model: Model, tmp_path: Path, watch: Watch
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"?" * len(content))
    assert find(model, tmp_path, watch) is None
    assert fetch(model, tmp_path, watch, [gives(content)[0]]).read_bytes() == content


def test_an_unchanged_file_is_read_once_and_a_changed_one_again(
    content: bytes, model: Model, tmp_path: Path, watch: Watch, told: list[Progress]
) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(content)
    assert find(model, tmp_path, watch) == path
    assert told.pop().doing == "checking"
    assert find(model, tmp_path, watch) == path
    assert not told
    path.write_bytes(b"?" * len(content))
    assert find(model, tmp_path, watch) is None
    assert told


@pytest.mark.parametrize("left", [None, b"\xff", b'{"size_bytes": 1, "mtime_ns": 1, "sha256": "\xff"}'])
def test_a_note_that_cannot_be_read_costs_only_reading_the_file_again(
    left: bytes | None, content: bytes, model: Model, tmp_path: Path, watch: Watch, told: list[Progress]
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(content)
    note = tmp_path / ".tiny.gguf.verified"
    if left is None:
        note.mkdir()
    else:
        note.write_bytes(left)
    assert find(model, tmp_path, watch) == tmp_path / "tiny.gguf"
    assert told[-1].doing == "checking"


def test_a_file_that_may_not_be_read_is_told(
    content: bytes, model: Model, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "tiny.gguf").write_bytes(content)
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(WeightsError, match=r"tiny\.gguf cannot be read: Permission denied"):
        find(model, tmp_path, watch)


def test_stopping_keeps_what_is_there(content: bytes, model: Model, tmp_path: Path) -> None:
    watch = Watch(RealClock(), lambda progress: watch.stop.set() if progress.done_bytes >= 500 else None)
    with pytest.raises(WeightsError, match="stopped"):
        fetch(model, tmp_path, watch, [gives(content)[0]])
    source, asked = gives(content)
    assert fetch(model, tmp_path, unwatched(), [source]).read_bytes() == content
    assert asked[0] >= 500


def test_only_one_fetches_and_the_other_waits_for_it(content: bytes, model: Model, tmp_path: Path) -> None:
    waiting = threading.Event()
    inner, asked = gives(content)

    def pour(partial: Partial) -> None:
        assert waiting.wait(10)
        inner.pour(partial)

    def see(progress: Progress) -> None:
        if progress.doing == "waiting":
            waiting.set()

    results: list[Path] = []
    work: Callable[[], None] = lambda: results.append(  # noqa: E731
        fetch(model, tmp_path, Watch(RealClock(), see), [Source("test", pour)])
    )
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [tmp_path / "tiny.gguf"] * 2
    assert asked == [0]


def test_a_full_disk_is_told_before_the_download(
    content: bytes, model: Model, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    source, asked = gives(content)
    with pytest.raises(WeightsError, match=r"make room.*models_dir"):
        fetch(model, tmp_path, watch, [source])
    assert asked == []


def test_a_folder_that_cannot_be_made_is_told(content: bytes, model: Model, tmp_path: Path, watch: Watch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="cannot be read: Not a directory"):
        fetch(model, tmp_path / "file" / "models", watch, [gives(content)[0]])


def test_own_files_are_looked_at(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be read.*path of a \.gguf file"):
        own_file(tmp_path / "none.gguf")
    (tmp_path / "other.gguf").write_bytes(b"PK other")
    with pytest.raises(WeightsError, match="no GGUF file"):
        own_file(tmp_path / "other.gguf")


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=r"no model `gpt`.*qwen2\.5-coder-1\.5b-instruct"):
        named("gpt")


@pytest.mark.parametrize("model", FILES.values(), ids=lambda m: m.name)
def test_the_catalogue_adds_up(model: File) -> None:
    assert (len(model.packages) - 1) * model.part_bytes < model.size_bytes <= len(model.packages) * model.part_bytes
    assert len(bytes.fromhex(model.sha256)) == 32


def test_progress_reads_as_a_sentence() -> None:
    progress = Progress(model="m", doing="downloading", done_bytes=312_000_000, total_bytes=1_117_320_768, left_s=40.2)
    assert str(progress) == "downloading m: 312 of 1117 MB, 40 s left"
