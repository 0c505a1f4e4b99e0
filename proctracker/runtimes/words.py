"""What the container CLIs say when something is wrong, and which exception that is."""

from __future__ import annotations

import re

from proctracker.errors import (
    Drmaa2Exception,
    DrmCommunicationException,
    ImplementationSpecificException,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.model import Completed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

UNKNOWN = r"no such (container|object)|no container with name or id .* found|container .* (not found|does not exist)"
"""The engine was asked and does not know the container."""

UNREACHABLE = (
    r"cannot connect to|is the docker daemon running|error while dialing|connection (refused|reset)|unable to connect"
    r"|cannot access (containerd )?socket|permission denied while trying to connect|transport is closing|code = unavailable"
    r"|unexpected eof|error during connect|failed to dial|dial unix|i/o timeout|context deadline exceeded|broken pipe"
)
"""The engine itself could not be asked (Linux, socket files and gRPC say this)."""

ERRORS: Sequence[tuple[str, type[Drmaa2Exception]]] = (
    (UNREACHABLE, DrmCommunicationException),
    (
        r"rootless|cgroups? not configured|does not have a cgroup|without a cgroup|toggle freezer",
        UnsupportedOperationException,
    ),
    (UNKNOWN, InvalidStateException),
    (
        r"not running|not paused|already paused|can only \w+ running|state improper|already finished|in state|is restarting"
        r"|no running task|is paused|process does not exist|not found|cannot (pause|resume) a ",
        InvalidStateException,
    ),
    (r"invalid signal|unknown signal|unknown flag", InvalidArgumentException),
)
"""Words of a failed control, the first that fits -> the exception."""

_STARTS: Sequence[tuple[str, int]] = (
    (
        r"executable file .*not found|executable file not found|exec:? .*: no such file|open executable: no such file",
        127,
    ),
    (r"exec:? .*: (permission denied|exec format error|is a directory)|open executable: permission denied", 126),
)
"""Words of runc and crun about a command -> its status in a shell, none for the engine's refusals."""
_LOOSER: Sequence[tuple[str, int]] = (
    (r"command .*not found|attempted to invoke a command that was not found", 127),
    (r"permission denied|exec format error|is a directory|not executable", 126),
)
"""Words of other runtimes, and of podman for any (libpod/oci_util.go)."""
_OTHER_THINGS = (
    r"mount|rlimit|cgroup|chdir|mkdir|work(ing )?dir|device|hook|\b(user|group)\b|namespace|keyring|apparmor|selinux"
)
_A_HELPERS = r'exec: "(nvidia-container-cli|newuidmap|newgidmap|runc|crun)"'
"""How a line begins that tells of a program which the CLI itself wanted."""

_LEADS = r"(?i)^(Error: |docker: |Error response from daemon: |ctr: |level=(fatal|error) msg=)+"
_LOGFMT = r'time="[^"]*" level=(\w+) msg="((?:[^"\\]|\\.)*)"'
_NOISE = r"See '|Run '|Usage:|Trying to pull|Unable to find image|time=\S+ level=(warning|info|debug)"


def made(text: str) -> bool:
    """Return whether a CLI says that it made a container without a process."""
    return "failed to create shim task" in text


def reason(text: str) -> str:
    """Return what a CLI said in one line, its last error without greetings and advice."""
    return errors(text).rpartition("\n")[2][:2000]


def errors(text: str) -> str:
    """The lines of a CLI's stderr that are errors, without what they begin with."""
    return "\n".join(filter(None, map(_plain, text.splitlines())))


def _plain(line: str) -> str:
    line = line.strip()
    log = re.match(_LOGFMT, line)
    if log:
        if log[1] in ("warning", "info", "debug"):
            return ""
        line = log[2].replace("\\n", " ").replace('\\"', '"').replace("\\\\", "\\")
    return "" if re.match(_NOISE, line, re.IGNORECASE) else re.sub(_LEADS, "", line).strip()


def warning(text: str) -> str:
    """Return the warnings among a CLI's words, in one line."""
    found = []
    for line in map(str.strip, text.splitlines()):
        log = re.match(_LOGFMT, line)
        if log and log[1] == "warning":
            found.append(log[2].replace('\\"', '"'))
        elif re.match(r"warn(ing)?\b", line, re.IGNORECASE):
            found.append(line)
    return "; ".join(dict.fromkeys(found))[:2000]


def warns(line: str) -> bool:
    """Whether a line is podman's own warning for sure, where it could be a job's as well."""
    return re.match(r'time="[^"]*" level=warning |WARNING: image platform ', line) is not None


def says(text: str, pattern: str) -> bool:
    """Return whether an engine's words contain this, with patterns compiled when first needed."""
    return re.search(pattern, text, re.IGNORECASE) is not None


def start_status(text: str, code: int = 125) -> int:
    """Return 127, 126 or 125 by an engine's words on a failed start, else the CLI's ``code``."""
    said = errors(text)
    if re.match(_A_HELPERS, said) or says(said, UNREACHABLE):
        return 125
    for pattern, status in _STARTS:
        if says(said, pattern):
            return status
    if says(said, _OTHER_THINGS):
        return 125
    return next((status for pattern, status in _LOOSER if says(said, pattern)), code if code in (126, 127) else 125)


def unanswered(done: Completed) -> bool:
    """The CLI was cut off, could not be started, or could not reach its engine."""
    return done.returncode < 0 or says(errors(done.stderr), UNREACHABLE) or (done.returncode == 127 and not done.stdout)


def expect(done: Completed) -> str:
    """Return the stdout of a call, or raise DrmCommunicationException with the CLI's reason."""
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
        if says(errors(done.stderr), pattern):
            return kind(told(done))
    return ImplementationSpecificException(told(done))
