"""Spawns a process with its directory, streams, umask, limits, nice, affinity, groups."""

from __future__ import annotations

import errno
import os
import resource
import signal

from proctracker.linux import netfs, oomscore, procfs, softlimits
from proctracker.records import NamedTuple
from proctracker.runtimes.base import Launch
from proctracker.supervisor.base.journal import Opening
from proctracker.supervisor.processes import jobgroups
from proctracker.supervisor.processes.command import (
    FULL,
    NOT_EXECUTABLE,
    NOT_FOUND,
    NOT_STARTED,
    StartFailed,
    StartLater,
    find,
)
from proctracker.supervisor.processes.streams import USUAL_UMASK, open_streams, take_umask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

__all__ = ["FULL", "NOT_EXECUTABLE", "NOT_FOUND", "NOT_STARTED", "StartFailed", "StartLater", "find", "posix", "spawn"]

SIGNALS = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP)]
_NONE: Mapping[str | None, int] = {}
_LIMITS = {name[7:]: getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}


_HINTS = {
    errno.ENOENT: " (its interpreter, the first line's, is missing)",
    errno.ENOEXEC: " (no #! line: name its interpreter)",
    errno.E2BIG: " (one argument may have 128 KiB, all with the environment a quarter of the stack limit)",
}


class Surroundings(NamedTuple):
    """Holds what a process inherits, None being as the supervisor has it."""

    umask: int | None = None
    limits: Mapping[str, Sequence[int]] | None = None
    nice: int | None = None
    affinity: Sequence[int] | None = None
    groups: Sequence[int] | None = None
    oom: int | None = None
    cgroup: str | None = None


class Program(NamedTuple):
    """What is executed: ``path`` with words and environment, in a directory, with three open streams."""

    path: bytes
    argv: list[bytes]
    env: dict[bytes, bytes]
    directory: str
    streams: tuple[int, int, int]


class Own(NamedTuple):
    """The supervisor's own surroundings, read once."""

    limits: Mapping[str, tuple[int, int]]
    nice: int
    affinity: frozenset[int]
    groups: frozenset[int]
    oom: int | None = None


def own() -> Own:
    """Read them."""
    limits = {name: resource.getrlimit(number) for name, number in _LIMITS.items()}
    return Own(
        limits,
        os.getpriority(os.PRIO_PROCESS, 0),
        frozenset(os.sched_getaffinity(0)),
        frozenset(os.getgroups()),
        oomscore.read(),
    )


def differs(mine: Own, wanted: Surroundings) -> Surroundings | None:
    """Return what has to be set in the child, or None where it is the umask alone."""
    limits = {
        name: tuple(pair)
        for name, pair in (wanted.limits or {}).items()
        if name in mine.limits and mine.limits[name] != tuple(pair)
    }
    nice = wanted.nice if wanted.nice not in (None, mine.nice) else None
    affinity = wanted.affinity if wanted.affinity and frozenset(wanted.affinity) != mine.affinity else None
    groups = wanted.groups if wanted.groups is not None and frozenset(wanted.groups) != mine.groups else None
    oom = wanted.oom if wanted.oom not in (None, mine.oom) else None
    if not limits and nice is None and affinity is None and groups is None and oom is None:
        return None
    return Surroundings(wanted.umask, limits, nice, affinity, groups, oom)


def spawn(
    launch: Launch,
    env: Mapping[str, str],
    umask: int | None,
    more: Surroundings | None,
    given: Mapping[str | None, int] = _NONE,
    encoded: dict[bytes, bytes] | None = None,
    opening: Opening | None = None,
) -> int:
    """Spawn a command as leader of a session with three descriptors, and return its pid.

    ``more``: what ``differs`` found. ``given``: descriptors of streams that are open already, by path; ``encoded``: the
    environment once more, as bytes; ``opening``: put down around the fork. Raises StartFailed with 125 (streams, directory),
    126 or 127 (command), StartLater where the system is short of something.
    """
    argv, command = [os.fsencode(word) for word in launch.argv], launch.argv[0]
    environment = encode(env) if encoded is None else encoded
    plain = command[:1] == "/"
    path = os.fsencode(command if plain else find(command, env.get("PATH"), launch.directory))
    streams = open_streams(launch, umask, given)
    program = Program(path, argv, environment, launch.directory, streams)
    opening = opening or Opening()
    try:
        if more is None or (
            more == Surroundings(more.umask, more.limits) and softlimits.can_be_lent(more.limits, max(streams))
        ):
            with opening, softlimits.lent(more.limits if more else None):  # the journal is written with our own
                opening.pid = posix(program, umask)
        else:
            with opening, oomscore.lent(more.oom):
                opening.pid = _fork(program, more, umask)
        return opening.pid
    except StartFailed as failed:
        if plain and failed.status != NOT_STARTED:
            find(command, None, launch.directory)  # says more of what is wrong with the file
        raise
    finally:
        for fd in {*streams}.difference(given.values()):
            netfs.let_go(fd)


def encode(env: Mapping[str, str]) -> dict[bytes, bytes]:
    """An environment as execve(2) takes it."""
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def posix(program: Program, umask: int | None) -> int:
    """Spawn by posix_spawn(3), lending our directory and umask in our only thread.

    Raises StartFailed and StartLater.
    """
    path, argv, env, directory, streams = program
    actions: list[tuple[int, int, int]] = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(streams)]
    try:
        take_umask(umask)
        _chdir(directory)
        return os.posix_spawn(path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=SIGNALS)
    except OSError as error:
        if error.errno in FULL:
            raise StartLater(softlimits.named(error)) from None
        raise _exec_failed(argv[0], error) from None
    finally:
        os.chdir("/")
        if umask is not None and umask & 0o700:
            take_umask(USUAL_UMASK)


def _chdir(directory: str) -> None:
    """Change the directory, or raise StartFailed(125)."""
    try:
        os.chdir(directory)
    except OSError as error:
        raise StartFailed(NOT_STARTED, f"working directory {directory}: {error.strerror}") from None


def _exec_failed(command: bytes, error: OSError) -> StartFailed:
    """What execve(2) said, as a shell puts it."""
    status = NOT_FOUND if error.errno in (errno.ENOENT, errno.ENOTDIR) else NOT_EXECUTABLE
    return StartFailed(status, f"{os.fsdecode(command)}: {error.strerror}{_HINTS.get(error.errno or 0, '')}")


def _fork(program: Program, more: Surroundings, umask: int | None) -> int:
    """Fork, set what posix_spawn cannot, and execute, errors coming through a pipe."""
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    # A signal that is sent to the child waits until it has default handlers, as ours would tell us of it.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        pid = os.fork()
        if not pid:
            _child(program, more, umask, write_end)
    except OSError as error:
        os.close(read_end)
        os.close(write_end)
        raise StartLater(softlimits.named(error)) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    os.close(write_end)
    said = os.read(read_end, 8192)
    os.close(read_end)
    if not said:
        return pid
    os.waitpid(pid, 0)
    step, number, text = said.decode("utf-8", "surrogateescape").split("\0", 2)
    if step == "exec":
        raise _exec_failed(program.argv[0], OSError(int(number), text))
    if int(number) in FULL:
        raise StartLater(f"{step}: {text}")
    raise StartFailed(NOT_STARTED, f"{step}: {text}")


def _child(program: Program, more: Surroundings, umask: int | None, report: int) -> None:
    """Run between fork and exec, and never return."""
    path, argv, env, directory, streams = program
    step = "control group"
    try:
        if more.cgroup is not None:
            jobgroups.enter(more.cgroup)
        os.setsid()
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        step = "groups"
        if more.groups is not None:
            os.setgroups(list(more.groups))
        step = f"working directory {directory}"
        os.chdir(directory)
        if umask is not None:
            os.umask(umask)
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
        step = "affinity"
        if more.affinity:
            os.sched_setaffinity(0, more.affinity)
        step = "nice"
        if more.nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, more.nice)
        for name, pair in (more.limits or {}).items():
            step = f"limit-{name}"
            resource.setrlimit(_LIMITS[name], (pair[0], pair[1]))
        step = "exec"
        os.execve(path, argv, env)
    except OSError as error:
        os.write(report, f"{step}\0{error.errno}\0{error.strerror}".encode("utf-8", "surrogateescape"))
    except BaseException as error:
        os.write(report, f"{step}\0{errno.EINVAL}\0{error}".encode("utf-8", "surrogateescape"))
    os._exit(NOT_STARTED)


def peak() -> int:
    """Return our own peak in KiB, which exec hands on to a child."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def ticks(pid: int) -> int:
    """Return when a child started, in clock ticks since boot: it is there until we reap it."""
    return found.ticks if (found := procfs.stat(pid)) else 0
