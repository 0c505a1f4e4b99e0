"""Finds the command, reads its options, and turns every error into a line and an exit code."""

from __future__ import annotations

import gc
import os
import sys

from proctracker.cli import formats
from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS, GLOBAL, Command
from proctracker.cli.options import OptionReader, UsageError, nearest_word, parse_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.cli.options import Values

USAGE = 2
INTERRUPTED = 130
CLOSED_PIPE = 141
"""What a shell would tell of a program that SIGPIPE ended."""

_MANY = 50_000
"""Objects made, less those gone, from which a longer program collects garbage."""

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""The locales PEP 538 has the interpreter try."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, with one line on stderr for what goes wrong."""
    if argv is not None:
        return _run(list(argv))
    # Most commands end before there is garbage: the collector's walks over code just imported would be a tenth of them.
    gc.set_threshold(_MANY)
    _uncoerce()
    code = _run(sys.argv[1:])
    gc.freeze()
    return code


def _uncoerce() -> None:
    """Give jobs the LC_CTYPE we were started with, not the interpreter's for C (PEP 538)."""
    if os.environ.get("LC_CTYPE") not in _COERCED:
        return
    try:
        with open("/proc/self/environ", "rb") as file:
            given = [each for each in file.read().split(b"\0") if each.startswith(b"LC_CTYPE=")]
    except OSError:
        return
    if given:
        os.environb[b"LC_CTYPE"] = given[-1].partition(b"=")[2]
    else:
        del os.environ["LC_CTYPE"]


def _run(words: list[str]) -> int:
    failure, usage = 1, USAGE
    try:
        _mend_streams()
        command, rest, values = _choose(words)
        code = 0
        if command is not None:
            failure = command.failure
            usage = USAGE if failure == 1 else failure
            call = _read(command, rest, values)
            code = _carry_out(call) if call is not None else 0
        sys.stdout.flush()
        return code
    except BaseException as error:
        return _failed(error, failure, usage)


def _mend_streams() -> None:
    """Open whatever of 0, 1, 2 is closed on /dev/null, lest a socket of ours gets that number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        # A test's replacement may not know reconfigure.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")


def _choose(words: list[str]) -> tuple[Command | None, list[str], Values]:
    """Return the command, its words and the options before it, or None after printing help."""
    values: Values = {}
    rest = OptionReader(parse_table(GLOBAL + "--version\n")).read(words, values, mixed=False)
    if values.get("version"):
        rest = ["version"]
    if values.get("help") or rest[:1] == ["help"]:
        from proctracker.cli.manual import help_of, overview

        named = [word for word in rest if word in COMMANDS]
        formats.write(help_of(COMMANDS[named[0]]) if named else overview())
        return None, [], values
    if not rest:
        raise UsageError("no command; `proctracker --help` lists them")
    command = COMMANDS.get(rest[0])
    if command is None:
        from proctracker.cli import synonyms

        near = synonyms.command(rest[0]) or nearest_word(rest[0], COMMANDS)
        raise UsageError(f"no command {rest[0]!r}{near}; `proctracker --help` lists them")
    return command, rest[1:], values


def _read(command: Command, words: list[str], values: Values) -> Call | None:
    """Return the command's options and words, or None after printing its help."""
    own: Values = {}
    reader = OptionReader(parse_table(command.options + GLOBAL))
    try:
        rest = reader.read(words, own, mixed=not command.job)
        if command.name == "array" and "over" not in own and rest:
            # RANGE may stand before the options or after them.
            rest = [rest[0], *reader.read(rest[1:], own, mixed=False)]
            if "over" in own:
                raise UsageError(f"{rest[0]!r} or --over, not both, says which tasks")
    except UsageError as error:
        raise UsageError(f"{command.name}: {error}; `proctracker {command.name} --help` lists the options") from None
    if own.get("help"):
        from proctracker.cli.manual import help_of

        formats.write(help_of(command))
        return None
    values.update(own)
    if values.get("debug"):
        os.environ["PROCTRACKER_DEBUG"] = "1"
    call = Call(command, values, rest)
    if os.environ.get("PROCTRACKER_DEBUG"):
        _log(call)
    return call


def _carry_out(call: Call) -> int:
    """Run the command, and leave nothing open."""
    if call.command.job and call.words:
        from proctracker.cli.hasten import hasten

        hasten()
    try:
        return _function(call.command)(call)
    finally:
        for access in list(call.open):
            access.close()


def _function(command: Command) -> Callable[[Call], int]:
    """Return the function of a command, importing its own module only."""
    module = __import__(f"proctracker.cli.verbs.{command.module}", fromlist=[command.function])
    found: Callable[[Call], int] = getattr(module, command.function)
    return found


def _failed(error: BaseException, failure: int, usage: int) -> int:
    """Say what went wrong in one line, and return the exit code."""
    if isinstance(error, SystemExit):
        raise error
    if isinstance(error, KeyboardInterrupt):
        return _leave(getattr(error, "code", INTERRUPTED))
    if isinstance(error, BrokenPipeError):
        return _leave(CLOSED_PIPE)
    if os.environ.get("PROCTRACKER_DEBUG"):
        import traceback

        traceback.print_exception(type(error), error, error.__traceback__)
    formats.say(f"error: {_told(error)}")
    return _leave(usage if isinstance(error, UsageError) else failure)


def _told(error: BaseException) -> str:
    """An error in one line."""
    from proctracker.errors import Drmaa2Exception

    if isinstance(error, UsageError):
        return str(error)
    if isinstance(error, Drmaa2Exception):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{os.fsdecode(error.filename) if error.filename else 'standard output'}: {error.strerror}"
    return f"of ours: {type(error).__name__}: {error} (PROCTRACKER_DEBUG=1 tells where)"


def _leave(code: int) -> int:
    """See to it that the interpreter does not stumble over a stdout that takes no more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def _log(call: Call) -> None:
    """Send the debug log to stderr, with every question to a supervisor or an engine."""
    import logging

    from proctracker.client.link import Link
    from proctracker.store.paths import home_path
    from proctracker.version import __version__

    logging.basicConfig(level=logging.DEBUG, format="proctracker: %(relativeCreated)d ms %(name)s: %(message)s")
    log = logging.getLogger("proctracker").debug
    log("%s: version %s, Python %s", call.command.name, __version__, sys.version.split()[0])
    log("state directory %s, session %s, contact %s", home_path(os.environ), call.session or "-", call.contact or "-")
    Link.trace = staticmethod(log)
