"""The process that runs real code: `python -I -S -B jail.py`, with no environment, in a session of its own.

It reads an order as JSON from standard input, closes itself in, runs the code and its tests, and writes what it has to
tell, an object a line, to what was standard output. It stands alone, without even the package around it, so that it
starts in milliseconds and holds nothing worth having.

Closed in, on Linux: namespaces of its own, in which there is no network, no other process, and no file but Python's own
library (read-only) and a scratch folder in memory; and a filter of system calls (seccomp) that knows no new processes,
threads, programs, sockets or signals to others. Everywhere: bounds of processor time, memory, file sizes and open
files. What it could not do it tells first; it then runs nothing, unless the order allows that.
"""

import ast
import contextlib
import ctypes
import errno
import json
import os
import platform
import resource
import signal
import struct
import sys
from collections.abc import Callable

SCRATCH = "/tmp"  # noqa: S108 - nobody else's: of its own root
SCRATCH_BYTES = 16 * 1024 * 1024
MOST_FILES = 32
MOST_SAID = 300
# C modules that need a shared library from outside: loaded while it can be reached.
PRELOADED = ("_decimal", "zlib")

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = 1024, 2048, 4096, 16384, 1 << 18, 1 << 21
MNT_DETACH = 2
# Flags of a mount that those who are not its owner must keep: (as statvfs tells them, as mount takes them).
KEPT = ((8, MS_NOEXEC), (1024, MS_NOATIME), (2048, MS_NODIRATIME), (4096, MS_RELATIME))
CAPABILITY_VERSION = 0x20080522

# Name, and number on x86_64 and aarch64; None where the system call does not exist.
SYSCALLS: tuple[tuple[str, int | None, int | None], ...] = (
    *(("read", 0, 63), ("readv", 19, 65), ("pread64", 17, 67), ("write", 1, 64), ("writev", 20, 66)),
    *(("pwrite64", 18, 68), ("lseek", 8, 62), ("open", 2, None), ("openat", 257, 56), ("close", 3, 57)),
    *(("fstat", 5, 80), ("stat", 4, None), ("lstat", 6, None), ("newfstatat", 262, 79), ("statx", 332, 291)),
    *(("access", 21, None), ("faccessat", 269, 48), ("faccessat2", 439, 439), ("readlink", 89, None)),
    *(("readlinkat", 267, 78), ("getdents64", 217, 61), ("getcwd", 79, 17), ("chdir", 80, 49), ("mkdir", 83, None)),
    *(("mkdirat", 258, 34), ("rmdir", 84, None), ("unlink", 87, None), ("unlinkat", 263, 35), ("rename", 82, None)),
    *(("renameat", 264, 38), ("renameat2", 316, 276), ("ftruncate", 77, 46), ("fsync", 74, 82), ("umask", 95, 166)),
    *(("dup", 32, 23), ("dup2", 33, None), ("dup3", 292, 24), ("pipe2", 293, 59), ("poll", 7, None)),
    *(("ppoll", 271, 73), ("select", 23, None), ("pselect6", 270, 72), ("mmap", 9, 222), ("mprotect", 10, 226)),
    *(("munmap", 11, 215), ("mremap", 25, 216), ("madvise", 28, 233), ("brk", 12, 214), ("rt_sigaction", 13, 134)),
    *(("rt_sigprocmask", 14, 135), ("rt_sigreturn", 15, 139), ("sigaltstack", 131, 132), ("futex", 202, 98)),
    *(("restart_syscall", 219, 128), ("getpid", 39, 172), ("gettid", 186, 178), ("getppid", 110, 173)),
    *(("getuid", 102, 174), ("geteuid", 107, 175), ("getgid", 104, 176), ("getegid", 108, 177), ("exit", 60, 93)),
    *(("exit_group", 231, 94), ("sched_yield", 24, 124), ("sched_getaffinity", 204, 123), ("getrandom", 318, 278)),
    *(("clock_gettime", 228, 113), ("clock_getres", 229, 114), ("clock_nanosleep", 230, 115), ("nanosleep", 35, 101)),
    *(("gettimeofday", 96, 169), ("time", 201, None), ("times", 100, 153), ("getrusage", 98, 165)),
    *(("sysinfo", 99, 179), ("uname", 63, 160), ("membarrier", 324, 283), ("rseq", 334, 293)),
)
# (AUDIT_ARCH_*, the column of SYSCALLS, and the numbers of ioctl, fcntl and pivot_root)
MACHINES = {"x86_64": (0xC000003E, 1, 16, 72, 155), "aarch64": (0xC00000B7, 2, 29, 25, 41)}
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: others can have signals sent.
FCNTLS = (0, 1, 2, 3, 4, 1030)
# The second numbering of x86_64, with the same meanings.
X32_BIT = 0x40000000

BPF_LOAD, BPF_IF_EQUAL, BPF_IF_AT_LEAST, BPF_RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000, 0x80000000
# Where the number, the machine and the second argument's lower half stand in `struct seccomp_data`.
AT_NUMBER, AT_MACHINE, AT_SECOND = 0, 4, 24


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def called(result: int, what: str) -> None:
    """Raises OSError, saying what it was, if a call of libc's failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


# seccomp


def filter_of(machine: str) -> bytes:
    """The filter as an array of `struct sock_filter`. Raises KeyError for a machine whose numbers are not known."""
    audited, column, ioctl, fcntl, _ = MACHINES[machine]
    lines = [(BPF_LOAD, 0, 0, AT_MACHINE), (BPF_IF_EQUAL, 1, 0, audited), (BPF_RETURN, 0, 0, KILL)]
    lines += [(BPF_LOAD, 0, 0, AT_NUMBER), (BPF_IF_AT_LEAST, 0, 1, X32_BIT), (BPF_RETURN, 0, 0, KILL)]
    for entry in SYSCALLS:
        number = entry[column]
        if number is not None:
            lines += [(BPF_IF_EQUAL, 0, 1, int(number)), (BPF_RETURN, 0, 0, ALLOW)]
    # Python asks every file whether it is a terminal
    lines += [(BPF_IF_EQUAL, 0, 1, ioctl), (BPF_RETURN, 0, 0, REFUSE | errno.ENOTTY)]
    lines += [(BPF_IF_EQUAL, 0, 2 * len(FCNTLS) + 1, fcntl), (BPF_LOAD, 0, 0, AT_SECOND)]
    for command in FCNTLS:
        lines += [(BPF_IF_EQUAL, 0, 1, command), (BPF_RETURN, 0, 0, ALLOW)]
    lines.append((BPF_RETURN, 0, 0, REFUSE | errno.EPERM))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def filter_calls() -> None:
    """From here on this process makes no system call that the filter does not know. Raises OSError, KeyError."""
    lines = filter_of(platform.machine())
    held = ctypes.create_string_buffer(lines, len(lines))
    program = struct.pack("HxxxxxxP", len(lines) // 8, ctypes.addressof(held))
    called(libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    called(libc().prctl(PR_SET_SECCOMP, 2, program, 0, 0), "seccomp")


# namespaces


def enter_namespaces() -> None:
    """Goes on as the only process of its own world; the one before waits for it and ends with it. Raises OSError."""
    user, group = os.getuid(), os.getgid()
    news = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    called(libc().unshare(news), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    child = 0

    def end(*_: object) -> None:
        if not child:
            os._exit(1)
        os.kill(child, signal.SIGKILL)  # and waits for it below: nobody else would

    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        os._exit(0)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    called(libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def close_files() -> None:
    """Leaves a scratch folder in memory as the root, and in it Python's library, read-only. Raises OSError."""
    root = os.getcwd()
    mount("", "/", "", MS_REC | MS_PRIVATE)
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, f"size={SCRATCH_BYTES},nr_inodes=1000,mode=700")
    for folder in libraries():
        place = root + folder
        os.makedirs(place)
        mount(folder, place, "", MS_BIND | MS_REC)
        flags = os.statvfs(place).f_flag
        kept = sum(taken for told, taken in KEPT if flags & told)
        mount("", place, "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept)
        for packages in ("site-packages", "dist-packages"):
            if os.path.isdir(f"{place}/{packages}"):
                mount("tmpfs", f"{place}/{packages}", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=1")
    os.makedirs(f"{root}{SCRATCH}", exist_ok=True)
    os.chdir(root)
    pivot_root = MACHINES[platform.machine()][4]
    called(libc().syscall(pivot_root, b".", b"."), "pivot_root")
    called(libc().umount2(b".", MNT_DETACH), "umount")
    os.chdir(SCRATCH)


def libraries() -> list[str]:
    """Where Python's own library lies; none within another."""
    folders = sorted({os.path.abspath(folder) for folder in sys.path if os.path.isdir(folder)})
    return [one for one in folders if not any(one != other and one.startswith(f"{other}/") for other in folders)]


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    arguments = source.encode(), target.encode(), kind.encode()
    called(libc().mount(*arguments, ctypes.c_ulong(flags), data.encode()), f"mount {kind or 'bind'}")


def drop_capabilities() -> None:
    """Whoever is root in a namespace of his own is nobody from here on. Raises OSError."""
    called(libc().capset(struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24)), "capset")


# one run


def limit(cpu_s: int, memory_bytes: int) -> None:
    """Bounds what the system lets us bound: macOS takes no bound of memory."""
    bounds = {
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_FSIZE: SCRATCH_BYTES,
        resource.RLIMIT_NOFILE: MOST_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for which, most in bounds.items():
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (most, most))


def close_in(cpu_s: int, memory_bytes: int) -> dict[str, str]:
    """Closes this process in as far as the system allows; for each means, why it could not be used, or nothing."""
    gaps = {"namespaces": _gap(_live_alone)}
    limit(cpu_s, memory_bytes)
    gaps["seccomp"] = _gap(filter_calls)
    return gaps


def _live_alone() -> None:
    enter_namespaces()
    close_files()
    drop_capabilities()


def _gap(means: Callable[[], None]) -> str:
    if sys.platform != "linux":
        return f"{sys.platform} has none"
    try:
        means()
    except OSError as refused:
        return str(refused.strerror)
    except KeyError:
        return f"not known for {platform.machine()}"
    return ""


def tried(source: str, space: dict[str, object]) -> str:
    """Runs it; what went wrong, or nothing."""
    try:
        exec(compile(source, "<code>", "exec"), space)  # noqa: S102 - what all of this is for
    except AssertionError as wrong:
        return cut(f"{said(wrong)}{gave(source, space)}")
    except BaseException as wrong:  # noqa: BLE001 - SystemExit is no way out of a test
        return cut(said(wrong))
    return ""


def said(wrong: BaseException) -> str:
    try:
        return f"{type(wrong).__name__}: {wrong}"
    except BaseException:  # noqa: BLE001 - its own words may fail too
        return "an error that does not say which"


def gave(source: str, space: dict[str, object]) -> str:
    """What the left side of `assert left == right` came to: the most useful thing to know about it."""
    match ast.parse(source).body:
        case [*_, ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()]))]:
            try:
                value = eval(compile(ast.Expression(left), "<code>", "eval"), space)  # noqa: S307
                return f"{ast.unparse(left)} gave {value!r}"
            except BaseException:  # noqa: BLE001 - a second time it may go another way
                return ""
    return ""


def cut(text: str) -> str:
    """Short, and without halves of characters, which no JSON may hold."""
    text = text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]}..."
    return text.encode(errors="backslashreplace").decode()


def main() -> None:
    order = json.load(sys.stdin.buffer)
    telling = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)

    def tell(**what: object) -> None:
        os.write(telling, json.dumps(what).encode("ascii") + b"\n")

    signal.setitimer(signal.ITIMER_REAL, order["wall_s"])  # should nobody be left who ends it
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            __import__(name)
    gaps = close_in(order["cpu_s"], order["memory_bytes"])
    tell(gaps=gaps)
    if order["unisolated"] or not any(gaps.values()):
        space: dict[str, object] = {"__name__": "solution"}  # what code does as a program of its own is left out
        wrong = tried(order["code"], space)
        tell(loaded=wrong)
        for at, test in enumerate(order["tests"] if not wrong else ()):
            tell(test=at, wrong=tried(test, space))
    os._exit(0)


if __name__ == "__main__":
    main()
