"""What the container CLIs say when something is wrong, and which exception that is."""

from __future__ import annotations

import re
from typing import Sequence

from proctracker.errors import (
    Drmaa2Exception,
    DrmCommunicationException,
    ImplementationSpecificException,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.model import Completed

UNKNOWN = re.compile(
    r"no such (container|object)|no container with name or id .* found|container .* (not found|does not exist)",
    re.IGNORECASE,
)
"""The engine was asked and does not know the container."""

UNREACHABLE = re.compile(
    r"cannot connect to|is the docker daemon running|error while dialing|connection (refused|reset)|unable to connect"
    r"|cannot access (containerd )?socket|permission denied while trying to connect|transport is closing|code = unavailable"
    r"|unexpected eof|error during connect|failed to dial|dial unix|i/o timeout|context deadline exceeded|broken pipe",
    re.IGNORECASE,
)
"""The engine itself could not be asked (Linux, socket files and gRPC say this)."""

ERRORS: Sequence[tuple[str, type[Drmaa2Exception]]] = (
    (UNREACHABLE.pattern, DrmCommunicationException),
    (r"rootless|cgroups? not configured|does not have a cgroup|toggle freezer", UnsupportedOperationException),
    (UNKNOWN.pattern, InvalidStateException),
    (
        r"not running|not paused|already paused|can only \w+ running|state improper|already finished|in state|is restarting"
        r"|no running task|is paused|process does not exist|not found|cannot (pause|resume) a ",
        InvalidStateException,
    ),
    (r"invalid signal|unknown signal|unknown flag", InvalidArgumentException),
)
"""Words of a failed control, the first that fits -> the exception."""

_STARTS: Sequence[tuple[str, int]] = (
    (r"executable file not found|exec: .*: no such file or directory|exec .*: no such file|command .*not found", 127),
    (r"permission denied|exec format error|is a directory|not executable", 126),
)
"""Words of a failed start -> its status as a shell has it."""

_LEADS = re.compile(r"^(Error: |docker: |Error response from daemon: |ctr: |level=(fatal|error) msg=)+", re.IGNORECASE)
_LOGFMT = re.compile(r'^time="[^"]*" level=(\w+) msg="((?:[^"\\]|\\.)*)"')
_NOISE = re.compile(
    r"^(See '|Run '|Usage:|Trying to pull|Unable to find image|time=\S+ level=(warning|info|debug))", re.IGNORECASE
)


def reason(text: str) -> str:
    """What a CLI said, in one line: its last error, without greetings, warnings and advice; empty if it said nothing."""
    return errors(text).rpartition("\n")[2][:2000]


def errors(text: str) -> str:
    """The lines of a CLI's stderr that are errors, without what they begin with."""
    return "\n".join(filter(None, map(_plain, text.splitlines())))


def _plain(line: str) -> str:
    line = line.strip()
    log = _LOGFMT.match(line)
    if log:
        if log[1] in ("warning", "info", "debug"):
            return ""
        line = log[2].replace("\\n", " ").replace('\\"', '"').replace("\\\\", "\\")
    return "" if _NOISE.match(line) else _LEADS.sub("", line).strip()


def start_status(text: str) -> int:
    """127, 126 or 125 by what an engine says of a start that failed."""
    return next((status for pattern, status in _STARTS if re.search(pattern, text, re.IGNORECASE)), 125)


def unanswered(done: Completed) -> bool:
    """The CLI was cut off, could not be started, or could not reach its engine."""
    return (
        done.returncode < 0
        or bool(UNREACHABLE.search(errors(done.stderr)))
        or (done.returncode == 127 and not done.stdout)
    )


def expect(done: Completed) -> str:
    """The stdout of a call that returned 0; raises DrmCommunicationException with the CLI's reason."""
    if done.returncode:
        raise DrmCommunicationException(told(done))
    return done.stdout


def told(done: Completed) -> str:
    """The command's name and its reason, in one line."""
    return f"{done.argv[0]}: {reason(done.stderr) or f'ended with {done.returncode} and no word'}"


def failed(done: Completed) -> Drmaa2Exception:
    """The exception for a control that did not return 0."""
    if unanswered(done):
        return DrmCommunicationException(told(done))
    for pattern, kind in ERRORS:
        if re.search(pattern, errors(done.stderr), re.IGNORECASE):
            return kind(told(done))
    return ImplementationSpecificException(told(done))
