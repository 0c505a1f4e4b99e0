"""Runs the first lines of keeper and supervisor: the claim, the socket, the roles."""

from __future__ import annotations

import gc
import os
import signal
import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, TryLaterException
from proctracker.linux import libc, pidfd, procfs, softlimits
from proctracker.store import Home, Reader
from proctracker.supervisor import keeper, log, recovery, service
from proctracker.supervisor.base.journal import Journal
from proctracker.supervisor.base.seat import Seat, unpack
from proctracker.supervisor.base.signals import be_patient
from proctracker.supervisor.serving import presence, server
from proctracker.wire import election, socketpath

LOG_LIMIT = 2**20

_NOT_DEFAULT = (signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ)
"""What cannot be set, and what Python ignores so that a write fails under ``ulimit -f``."""

PATIENCE = 5.0
"""Seconds in which somebody is expected to come for whom a supervisor was started."""


def main(argv: list[str]) -> None:
    """Be the keeper of a home.

    argv is its path, the host, the confinement's key and the descriptor to say ready on.
    """
    home, key, ready = Home(argv[0], argv[1]), argv[2], int(argv[3])
    try:
        _load()
        seat = _take_seat(home, key, ready)
    except BaseException as error:  # nobody else would ever hear of it: there is no log yet
        _say(ready, _told(home, error).encode("utf-8", "replace"))
        os._exit(1)
    _say(ready, b"ready")
    os.close(ready)
    _serve(home, key, seat)


def _take_seat(home: Home, key: str, ready: int) -> Seat:
    """Take claim and socket, exit where there is a supervisor, or raise OSError or Drmaa2Exception."""
    _clean(ready)
    forbidden = softlimits.forbidding()
    if forbidden:
        _say(ready, forbidden.encode("ascii"))
        os._exit(1)
    _log(home)
    if _lock_removed(home, key):
        time.sleep(2 * presence.SETTLE)
    claim = election.claim(home.at(home.run), key)
    if claim is None:
        _say(ready, b"busy")
        os._exit(0)
    listener = socketpath.listen(home.at(home.socket(key)))
    command = os.memfd_create("command", os.MFD_CLOEXEC)
    return Seat(listener.detach(), claim, Journal(), Journal(), command)


def _told(home: Home, error: BaseException) -> str:
    """Why no supervisor can be had, in a line."""
    if isinstance(error, Drmaa2Exception):
        return error.message
    if isinstance(error, OSError):
        return f"{home.run}: {softlimits.named(error)}"
    return f"{type(error).__name__}: {error}"


def _say(ready: int, word: bytes) -> None:
    """Tell who started us, who may have found that it needs no supervisor."""
    try:
        os.write(ready, word)
    except BrokenPipeError:
        pass


def _lock_removed(home: Home, key: str) -> bool:
    """Return whether a supervisor's lock is gone, which it is about to lock again if it lives."""
    if os.path.exists(election.lock_path(home.run, key)) or not os.path.exists(home.database):
        return False
    reader = Reader(home)
    try:
        return any(row.keeper == key for row in reader.jobs(live=True))
    except Drmaa2Exception:
        return False  # what is wrong with the store is told by whoever opens it to write
    finally:
        reader.close()


def take_over(argv: list[str]) -> None:
    """Be the supervisor again after an upgrade.

    argv is path, host, key and the seat's descriptors (``--probe``: none).
    """
    _load()
    if argv[3] == "--probe":
        return
    softlimits.raise_own()
    be_patient()  # the release before this one may not have been
    home, key, seat = Home(argv[0], argv[1]), argv[2], unpack(argv[3])
    _end(_supervise(home, key, seat), home, key, seat)


def _load() -> None:
    """Load all there is now: the package's files may be gone when they are needed."""
    for name in runtimes.names():
        runtimes.get(name)
    # Keeper and supervisor share these objects' pages as long as neither's collector writes into them.
    gc.freeze()
    gc.enable()  # it was off for the imports, which its walks would make a tenth longer


def _serve(home: Home, key: str, seat: Seat) -> None:
    """Keep, and end this process with whatever role it had last."""
    try:
        status = keeper.keep(seat, lambda it: _supervise(home, key, it))
    except BaseException:
        log.trace()
        status = 70
    _end(status, home, key, seat)


def _end(status: int, home: Home, key: str, seat: Seat) -> None:
    """End this process, or be the keeper, where it has gone, and fork a supervisor."""
    while status == service.ORPHANED:
        log.say(f"keeper {seat.keeper} has gone: this supervisor is the keeper now")
        # What was the supervisor's goes: its pages would be those of every later one too.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        orphans = set(procfs.children(os.getpid()))
        seat.turn += 1
        try:
            status = keeper.keep(seat, lambda it: _supervise(home, key, it), orphans)
        except BaseException:
            log.trace()
            status = 70
    os._exit(status)


def _supervise(home: Home, key: str, seat: Seat) -> int:
    """Be the supervisor, with a traceback in the log at a failure."""
    election.hold(seat.lock, [seat.keeper, os.getpid()])
    if not pidfd.available():
        keeper.become_subreaper()  # else orphans, as each conmon is one, go to the keeper: their exits tell of containers'
    try:
        try:
            made = service.Service(home, key, seat)
            made.keeper_notes.begin()
            recovery.recover(made)
        except TryLaterException:
            raise
        except Drmaa2Exception as error:
            return _unable(home, key, seat, error)
        try:
            return made.run()
        finally:
            made.close()
    except BaseException:
        log.trace()
        return 0 if _removed(home) else 70


def _unable(home: Home, key: str, seat: Seat, error: Drmaa2Exception) -> int:
    """Tell whoever waits for us that the store cannot be used.

    The first supervisor then leaves, as there is no job yet. A later one is followed by the next, which may find it
    mended.
    """
    log.say(f"{type(error).__name__}: {error.message}")
    first = seat.turn == 0
    server.refuse_all(seat.listener, error, PATIENCE if first else 0.0)
    if first:
        socketpath.unlink(home.at(home.socket(key)))
    return 0 if first or _removed(home) else 70


def _removed(home: Home) -> bool:
    """Return whether the state directory was removed, not just out of reach."""
    try:
        os.stat(home.here)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _clean(ready: int) -> None:
    """No descriptors, directory, signals, soft limits or core dumps of whoever started us."""
    os.chdir("/")
    for number in signal.valid_signals():
        if number not in _NOT_DEFAULT:
            signal.signal(number, signal.SIG_DFL)
    be_patient()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    softlimits.raise_own()
    # Core dumps would hold environments.
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != ready:
            try:
                os.close(int(name))
            except OSError:
                continue  # the descriptor listdir itself had
    os.set_inheritable(ready, False)


def _log(home: Home) -> None:
    """Open /dev/null as 0 and 1, the log as 2, which starts anew when it has grown.

    Where there can be no log, 2 takes nothing, so that each line goes to syslog.
    """
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    path = home.at(os.path.join(home.here, "supervisor.log"))
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        if os.path.exists(path) and os.path.getsize(path) > LOG_LIMIT:
            flags |= os.O_TRUNC
        fd = os.open(path, flags, 0o600)
    except OSError:
        fd = os.open(os.devnull, os.O_RDONLY)
    os.dup2(fd, log.FD)
    for each in {fd, null} - {0, 1, 2}:
        os.close(each)
