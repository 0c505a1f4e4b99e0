"""Makes short CLI calls and returns what they printed, as the only user of ``sh``."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import warnings

from proctracker.errors import Drmaa2Exception
from proctracker.model import Completed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Iterator, Protocol, Sequence, TypeVar

    from proctracker.runtimes.base import Argv, Dialog, Engine

    T = TypeVar("T")
else:
    Protocol = object

TIMED_OUT, NOT_FOUND, NOT_STARTED = -1, 127, 126
"""Return codes of calls that were cut off, named no command, or could not be started."""

CHUNK, CHUNKS = 65536, 1024
"""Output is kept in pieces of so many bytes, the last so many pieces: 64 MiB of each stream."""

_CODES = tuple(range(-64, 256))


class Caller(Protocol):
    """What makes calls: a Runner, or a fake of it (``proctracker.testing.ReplayRunner``)."""

    def run(self, *argvs: Argv) -> list[Completed]:
        """Make these calls side by side."""

    def converse(self, dialog: Dialog[T]) -> T:
        """Carry a dialog through."""


class Runner:
    """Makes calls of one engine's CLI, with the environment that names the engine.

    An exit status is data, never an exception. A call that took longer than ``timeout`` seconds is ended with all it
    started and returns -1; a command that is not there 127; one that cannot be started 126; ``stderr`` says so. Text
    that is not UTF-8 passes as surrogate escapes. May be used from any thread. ``until``: a moment of the monotonic clock at
    which all its calls are over.
    """

    def __init__(self, engine: Engine, timeout: float = 15.0, until: float = math.inf) -> None:
        self.engine, self.timeout, self.until = engine, timeout, until

    def run(self, *argvs: Argv) -> list[Completed]:
        """Make these calls side by side, and return what each gave back, in order."""
        return _run_all([(self, argv) for argv in argvs])

    def converse(self, dialog: Dialog[T]) -> T:
        """Carry a dialog through, and return or raise what it does."""
        return converse(self, dialog)

    def copy(self, argv: Argv, stdout: IO[bytes], stderr: IO[bytes]) -> int:
        """Make one call that writes into files without limits, and return its exit code."""
        call = Call(self, argv, stdout, stderr)
        return call.finish(None).returncode

    def begin(self, argv: Argv, stdout: IO[bytes], stderr: IO[bytes]) -> Call:
        """Begin one call that writes into files, until its end or ``Call.stop``."""
        return Call(self, argv, stdout, stderr)


def find(command: str, path: str) -> str | None:
    """Find the file a command names, by a PATH as execvp(3) reads it, or return None."""
    folders = [""] if "/" in command else path.split(os.pathsep)
    for folder in folders:
        file = os.path.join(folder or os.curdir, command)
        if os.access(file, os.X_OK, effective_ids=True) and not os.path.isdir(file):
            return file
    return None


def converse(caller: Caller, dialog: Dialog[T]) -> T:
    """Carry a dialog through with any caller."""
    try:
        argvs = next(dialog)
        while True:
            argvs = dialog.send(caller.run(*argvs))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def converse_all(pairs: Sequence[tuple[Runner, Dialog[Any]]]) -> list[Any | Drmaa2Exception]:
    """Carry several engines' dialogs through, their calls side by side.

    An answer for each, in order; the DRMAA2 exception of a dialog that raised one stands in its place.
    """
    answers: list[Any] = [None] * len(pairs)
    wanted: dict[int, Sequence[Argv]] = {}
    for place, (_, dialog) in enumerate(pairs):
        _step(dialog, None, place, wanted, answers)
    while wanted:
        asked, wanted = wanted, {}
        done = _run_all([(pairs[place][0], argv) for place, argvs in asked.items() for argv in argvs])
        for place, argvs in asked.items():
            mine, done = done[: len(argvs)], done[len(argvs) :]
            _step(pairs[place][1], mine, place, wanted, answers)
    return answers


def _step(dialog: Dialog[Any], said: Any, place: int, wanted: dict[int, Sequence[Argv]], answers: list[Any]) -> None:
    """One turn of a dialog: puts down what it wants to be called next, or its answer."""
    try:
        wanted[place] = dialog.send(said)
    except StopIteration as done:
        answers[place] = done.value
    except Drmaa2Exception as error:
        answers[place] = error


def _run_all(calls: Sequence[tuple[Runner, Argv]]) -> list[Completed]:
    now = time.monotonic()
    started = [(Call(runner, argv), min(now + runner.timeout, runner.until)) for runner, argv in calls]
    return [call.finish(end) for call, end in started]


class Call:
    """Represents one call under way.

    Its threads are those of ``sh``, and one more ends it when its time is over.
    """

    def __init__(self, runner: Runner, argv: Argv, stdout: Any = None, stderr: Any = None) -> None:
        self._runner, self._argv = runner, tuple(argv)
        self._lock = threading.Lock()
        self._over = self._cut = False
        self._process: Any = None
        self._failed: Completed | None = None
        environ = dict(runner.engine.env)
        path = find(self._argv[0], environ.get("PATH", os.defpath))
        if path is None:
            self._failed = Completed(self._argv, NOT_FOUND, "", f"{self._argv[0]}: command not found")
            return
        try:
            self._process = _start(path, self._argv[1:], environ, stdout, stderr)
        except OSError as error:
            self._failed = Completed(self._argv, NOT_STARTED, "", f"{self._argv[0]}: {error.strerror}")

    def finish(self, until: float | None) -> Completed:
        """Wait for the end, at most until a moment of the monotonic clock."""
        if self._failed is not None:
            return self._failed
        timer = None
        if until is not None:
            timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut_off)
            timer.daemon = True
            timer.start()
        import sh

        try:
            # ``sh`` before 2.3 calls a death by signal an error, whichever codes it was told to take.
            with contextlib.suppress(sh.ErrorReturnCode):
                self._process.wait()
        except BaseException:
            self._cut_off()
            raise
        finally:
            with self._lock:
                self._over = True
            if timer is not None:
                timer.cancel()
        return self._completed()

    def stop(self) -> None:
        """End the call, and what it started, if it still goes on."""
        if self._failed is None:
            self._cut_off()
            self.finish(None)

    def _completed(self) -> Completed:
        out, err = (_text(part) for part in (self._process.process.stdout, self._process.process.stderr))
        if self._cut:
            return Completed(self._argv, TIMED_OUT, out, f"{err}no answer within {self._runner.timeout:g} s")
        return Completed(self._argv, int(self._process.process.exit_code), out, err)

    def _cut_off(self) -> None:
        """End the call and what it started: it has a session of its own."""
        with self._lock:
            if self._over or self._process.process.exit_code is not None:
                return
            self._cut = True
            try:
                os.killpg(self._process.pid, 9)
            except ProcessLookupError:
                pass


def _start(path: str, args: Sequence[str], environ: dict[str, str], stdout: Any, stderr: Any) -> Any:
    """Start a command through ``sh``, every byte mapped to a character."""
    import sh

    _quieten()
    streams: dict[str, Any] = {
        "_tty_out": False,
        "_out_bufsize": CHUNK,
        "_err_bufsize": CHUNK,
        "_internal_bufsize": CHUNKS,
    }
    if stdout is not None:
        # A file, pipe or terminal is the command's own descriptor: `sh` makes no terminal then, and wants no word of it.
        streams = {"_out": stdout, "_err": stderr}
    with open(os.devnull, "rb") as null, _as_os_error(sh.ForkException):
        return sh.Command(path)(
            *(os.fsencode(arg).decode("latin-1") for arg in args),
            _in=null,
            _env=environ,
            _encoding="latin-1",
            _bg=True,
            _bg_exc=False,
            _return_cmd=True,
            _new_session=True,
            _ok_code=_CODES,
            **streams,
        )


@contextlib.contextmanager
def _as_os_error(refused: type[Exception]) -> Iterator[None]:
    """Return what ``sh`` makes of an exec that failed as the OSError it was."""
    try:
        yield
    except refused as error:
        raise OSError(0, str(error).strip().rpartition("\n")[2].strip()) from None


def _quieten() -> None:
    """Keep users of threads from the warning about ``sh``'s fork (Python 3.12 and later).

    Put back if filters were reset.
    """
    if not any(
        each[0] == "ignore" and each[2] is DeprecationWarning and "fork" in str(each[1]) for each in warnings.filters
    ):
        warnings.filterwarnings("ignore", message=r".*use of fork\(\)", category=DeprecationWarning)


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "surrogateescape")
