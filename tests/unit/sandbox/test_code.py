"""Real code in its jail: what comes of honest code, and what becomes of attacks."""

import asyncio
import errno
import os
import struct
import sys
import tempfile
from pathlib import Path

import pytest

from rung.errors import Unavailable
from rung.sandbox import code as rooms
from rung.sandbox import jail as jail_file
from rung.sandbox.code import MOST_CODE_BYTES, Bounds, Isolation, Jail, Tried

SUCCESSOR = "def successor(x):\n    return x + 1"


@pytest.fixture
def jail() -> Jail:
    return Jail(Bounds(wall_s=20.0))


@pytest.fixture
async def closed(jail: Jail) -> Jail:
    """Where the system allows it; attacks need not be tried elsewhere, since nothing is run there."""
    isolation = await jail.isolation()
    if not isolation.whole:
        pytest.skip(f"this system cannot isolate code: {isolation}")
    return jail


@pytest.fixture
def gapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that allows neither namespaces nor seccomp."""
    text = jail_file.__loader__.get_source(jail_file.__name__)
    (tmp_path / "jail.py").write_text(text.replace('sys.platform != "linux"', "True"))
    monkeypatch.setattr(rooms, "JAIL", tmp_path / "jail.py")


async def test_each_test_has_its_own_result(closed: Jail) -> None:
    tests = ["assert successor(1) == 2", "assert successor(1) == 3", "successor('a')", "assert successor(-1) == 0"]
    tried = await closed.run(SUCCESSOR, tests)
    assert (tried.wrong, tried.ended, tried.passed) == ("", "", 2)
    assert [bool(one) for one in tried.tests] == [False, True, True, False]
    assert tried.tests[1] == "AssertionError: successor(1) gave 2"
    assert str(tried.tests[2]).startswith("TypeError: ")


async def test_code_that_does_not_load_says_why(closed: Jail) -> None:
    tried = await closed.run("def f(:\n  pass", ["assert True"])
    assert tried.wrong.startswith("SyntaxError")
    assert tried.tests == (None,)
    tried = await closed.run("1 / 0", ["assert True"])
    assert tried.wrong == "ZeroDivisionError: division by zero"


async def test_the_library_of_python_is_there(closed: Jail) -> None:
    modules = "re json math cmath collections itertools functools heapq bisect random datetime decimal fractions string"
    modules += " statistics operator typing dataclasses enum copy textwrap hashlib zlib struct array uuid calendar"
    tried = await closed.run("\n".join(f"import {name}" for name in modules.split()), ["assert math.sqrt(4) == 2"])
    assert (tried.wrong, tried.tests) == ("", ("",))


async def test_files_can_be_written_in_the_scratch_folder(closed: Jail) -> None:
    code = "import tempfile\nf = tempfile.TemporaryFile('w+')\nf.write('hi')\nf.seek(0)\ntext = f.read()"
    assert (await closed.run(code, ["assert text == 'hi'"])).tests == ("",)


@pytest.mark.parametrize(
    "attack",
    [
        "import os\nos.fork()",
        "import os\nwhile True:\n    os.fork()",
        "import subprocess\nsubprocess.run(['/bin/ls'])",
        "import os\nos.execv('/bin/ls', ['ls'])",
        "import os\nos.posix_spawn('/bin/ls', ['ls'], {})",
        "import threading\nthreading.Thread(target=print).start()",
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nos.kill(-1, 9)",
        "import os\nos.killpg(0, 9)",
        "import os\nos.setsid()",
        "import os\nos.setuid(1)",
        "import socket\nsocket.socket()",
        "import socket\nsocket.socketpair()",
        "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1')",
        "import asyncio\nasyncio.run(asyncio.sleep(0))",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "open('/proc/1/environ').read()",
        "import os\nos.listdir('/home')",
        "open('/dev/mem')",
        "import os\nopen(os.__file__, 'a')",
        "import os\nos.remove(os.__file__)",
        "import os\nos.mount",
        "import os\nos.chroot('/')",
        "import os\nos.symlink('/etc/passwd', '/tmp/x')",
        "import os\nos.ptrace",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "import fcntl\nfcntl.fcntl(0, 8, 1)",
        "import fcntl\nfcntl.ioctl(0, 0x5412, b'x')",
        "import mmap\nmmap.mmap(-1, 1 << 40)",
        "x = 'a' * (4 << 30)",
        "x = []\nwhile True:\n    x.append(x * 2)",
        "open('/tmp/a', 'wb').write(bytes(64 << 20))",
        "import os\nfor i in range(10 ** 5):\n    open(f'/tmp/{i}', 'w').close()",
        "files = [open('/tmp/a', 'w') for _ in range(10 ** 4)]",
        "import sys\nsys.exit(0)",
        "raise KeyboardInterrupt",
    ],
)
async def test_an_attack_fails(closed: Jail, attack: str) -> None:
    tried = await closed.run("", [attack, "assert True"])
    assert tried.tests[0], tried
    assert tried.tests[1] == "", "and the next test is run"


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("unshare", "0x10000000"),
        ("mount", "b'tmpfs', b'/tmp', b'tmpfs', 0, b''"),
        ("prctl", "22, 0, 0, 0, 0"),
        ("ptrace", "0, 0, 0, 0"),
        ("socket", "2, 1, 0"),
        ("fork", ""),
        ("kill", "1, 9"),
        ("setns", "0, 0"),
        ("memfd_create", "b'x', 0"),
        ("keyctl", "0, 0, 0, 0"),
    ],
)
async def test_nor_does_one_through_the_c_library(closed: Jail, call: str, arguments: str) -> None:
    code = f"import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nmade = libc.{call}({arguments})"
    tried = await closed.run("", [code, f"assert (made, ctypes.get_errno()) == (-1, {errno.EPERM})"])
    assert tried.tests == ("", "") or "undefined symbol" in str(tried.tests[0])


async def test_nothing_of_ours_can_be_read(closed: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "hunter2")
    (tmp_path / "key").write_text("hunter2")
    tried = await closed.run(
        "import gc, os, sys",
        [
            "assert 'SECRET_OF_OURS' not in os.environ",
            f"open({str(tmp_path / 'key')!r})",
            f"assert not os.path.exists({str(Path.home())!r} + '/.ssh')",
            "assert not [f for _, _, files in os.walk('/') for f in files if f == 'key']",
            f"assert not os.path.exists({str(Path(rooms.__file__).parent)!r})",
            "assert not [at for at, inner, files in os.walk('/') if at.endswith('-packages') and inner + files]",
            "import resource_that_is_not_there",
        ],
    )
    assert [bool(one) for one in tried.tests] == [False, True, False, False, False, False, True]


async def test_what_hangs_is_ended_and_what_was_seen_is_told() -> None:
    jail = Jail(Bounds(wall_s=3.0))
    if not (await jail.isolation()).whole:
        pytest.skip("this system cannot isolate code")
    tried = await jail.run(SUCCESSOR, ["assert successor(1) == 2", "while True: pass", "assert True"])
    assert tried.ended == "time"
    assert tried.tests == ("", None, None)
    assert (await jail.run("import time\ntime.sleep(60)", ["assert True"])).wrong == "it takes too long"


async def test_what_dies_is_told(closed: Jail) -> None:
    tried = await closed.run("import os", ["assert True", "os._exit(0)", "assert True"])
    assert (tried.tests, tried.ended) == (("", None, None), "died")
    tried = await closed.run("import ctypes", ["ctypes.string_at(0)", "assert True"])
    assert (tried.tests, tried.ended) == ((None, None), "died")
    tried = await closed.run("import os\nos._exit(0)", ["assert True"])
    assert (tried.wrong, tried.ended, tried.tests) == ("it ends the process", "died", (None,))


MUTE = """
class Mute(Exception):
    def __str__(self):
        raise ValueError

def fail(error):
    raise error
"""


async def test_an_error_that_cannot_be_told_is_one_test_that_failed(closed: Jail) -> None:
    tried = await closed.run(
        MUTE, ["fail(Mute())", "assert False, Mute()", r"fail(ValueError('\ud800'))", "assert True"]
    )
    assert tried.tests == (*["an error that does not say which"] * 2, r"ValueError: \ud800", "")


EVERYWHERE = """
import os
for fd in range(3, 32):
    try:
        os.write(fd, {})
    except OSError:
        pass
"""


async def test_output_is_nobodys_and_too_much_on_our_pipe_ends_the_run(closed: Jail) -> None:
    tried = await closed.run("print('x' * 10 ** 7)", ["import sys; sys.stderr.write('x' * 10 ** 7)"])
    assert (tried.wrong, tried.tests) == ("", ("",))
    tried = await closed.run("", [EVERYWHERE.format("b'x' * 10 ** 6"), "assert True"])
    assert (tried.ended, tried.tests) == ("output", (None, None))


async def test_lines_out_of_turn_end_the_reading(closed: Jail) -> None:
    """Code that knows the pipe can write to it; what it writes out of turn passes no test that comes after."""
    forged = EVERYWHERE.format("""b'{"test": 7, "wrong": ""}\\n'""").replace("{{", "{")
    tried = await closed.run("", [forged, "assert False"])
    assert tried.tests == (None, None)


async def test_too_much_code_is_not_begun(jail: Jail) -> None:
    tried = await jail.run("#" * MOST_CODE_BYTES, ["assert True"])
    assert "bytes" in tried.wrong
    assert tried.tests == (None,)


async def test_a_run_that_is_left_ends_its_process(closed: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    end = rooms._end

    async def spied(process: asyncio.subprocess.Process) -> None:
        seen.append(process.pid)
        await end(process)

    monkeypatch.setattr(rooms, "_end", spied)
    task = asyncio.ensure_future(closed.run("while True: pass", []))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(seen) == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(seen[0], 0)


async def test_no_folder_is_left_behind(closed: Jail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await closed.run("open('/tmp/a', 'w').write('x')", ["assert True"])
    assert os.listdir(tmp_path) == []


async def test_where_no_folder_can_be_had_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="folder"):
        await Jail().run("x = 1", [])
    assert "folder" in (await Jail().isolation()).namespaces


async def test_what_is_allowed_is_found_out_however_little_time_code_has() -> None:
    assert "took too long" not in str(await Jail(Bounds(wall_s=0.001)).isolation())


@pytest.mark.usefixtures("gapped")
async def test_where_code_cannot_be_isolated_it_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    write = f"open({str(mark)!r}, 'w')"
    with pytest.raises(Unavailable, match="allow_unisolated"):
        await Jail(Bounds(wall_s=20.0)).run(write, [])
    assert not mark.exists()
    isolation = await Jail().isolation()
    assert not isolation.whole
    assert "has none" in str(isolation)


@pytest.mark.usefixtures("gapped")
async def test_where_it_is_allowed_code_runs_within_bounds_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "hunter2")
    jail = Jail(Bounds(wall_s=20.0, unisolated=True))
    tests = [
        "assert successor(1) == 2",
        "assert 'SECRET_OF_OURS' not in os.environ",
        "open('a', 'wb').write(bytes(64 << 20))",
    ]
    tried = await jail.run(f"import os\n{SUCCESSOR}", tests)
    assert tried.tests[:2] == ("", "")
    assert "OSError" in str(tried.tests[2])
    assert tried.isolation
    assert not tried.isolation.whole


@pytest.mark.usefixtures("gapped")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not enforce RLIMIT_AS")
async def test_memory_is_bounded_without_isolation_too() -> None:
    jail = Jail(Bounds(wall_s=20.0, unisolated=True))
    assert str((await jail.run("", ["x = bytes(4 << 30)"])).tests[0]).startswith("MemoryError")


def allowed(lines: bytes, audited: int, number: int, second: int = 0) -> int:
    """What the filter says to a system call: a machine for the few instructions that it is made of."""
    data = {jail_file.AT_NUMBER: number, jail_file.AT_MACHINE: audited, jail_file.AT_SECOND: second}
    program = list(struct.iter_unpack("HBBI", lines))
    at = loaded = 0
    while True:
        code, then, otherwise, k = program[at]
        at += 1
        if code == jail_file.BPF_LOAD:
            loaded = data[k]
        elif code == jail_file.BPF_RETURN:
            return int(k)
        else:
            holds = loaded == k if code == jail_file.BPF_IF_EQUAL else loaded >= k
            at += then if holds else otherwise


@pytest.mark.parametrize("machine", jail_file.MACHINES)
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str) -> None:
    lines = jail_file.filter_of(machine)
    audited, column, ioctl, fcntl, _ = jail_file.MACHINES[machine]
    listed = {entry[column] for entry in jail_file.SYSCALLS} - {None}
    for number in range(600):
        said = allowed(lines, audited, number, second=9)
        if number in listed:
            assert said == jail_file.ALLOW
        else:
            assert said & 0xFFFF0000 == jail_file.REFUSE
    assert allowed(lines, audited, ioctl) == jail_file.REFUSE | errno.ENOTTY
    assert {c for c in range(2000) if allowed(lines, audited, fcntl, c) == jail_file.ALLOW} == set(jail_file.FCNTLS)
    assert allowed(lines, audited, 0x40000000) == jail_file.KILL
    assert allowed(lines, 0x40000003, 0) == jail_file.KILL, "another machine's numbers mean other things"


def test_what_isolation_says_of_itself() -> None:
    assert Isolation().whole
    gap = Isolation(seccomp="it is not built in")
    assert not gap.whole
    assert str(gap) == "namespaces: in use; seccomp: it is not built in"
    assert Tried(tests=("", "x", None)).passed == 1
    assert [Tried(tests=tests).whole for tests in (("", ""), ("", "x"), ("", None))] == [True, False, False]
    assert not Tried(wrong="NameError").whole
