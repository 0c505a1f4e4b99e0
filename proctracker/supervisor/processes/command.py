"""Finds the file of a command, as execvp(3) does, and what keeps it from starting."""

from __future__ import annotations

import errno
import os
import stat

from proctracker.runtimes.base import PASSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.runtimes.base import Launch

NOT_FOUND, NOT_EXECUTABLE, NOT_STARTED = 127, 126, 125
FULL = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Errors that say that the system is short of something now."""


class StartFailed(Exception):
    """A start that will never work: (exit status as a shell's, reason)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class StartLater(Exception):
    """Tells that processes, memory or descriptors are not to be had now."""


def find(command: str, search: str | None, directory: str) -> str:
    """Find the file a command names by the job's PATH, or raise StartFailed(127 or 126)."""
    if "/" in command:
        _executable(command, command if command[0] == "/" else os.path.join(directory, command))
        return command
    refused = None
    for folder in (search if search is not None else "/usr/local/bin:/usr/bin:/bin").split(":"):
        path = f"{folder}/{command}" if folder[:1] == "/" else os.path.join(directory, folder, command)
        try:
            _executable(command, path)
            return path
        except StartFailed as failed:
            if failed.status == NOT_EXECUTABLE:
                refused = failed
    raise refused or StartFailed(NOT_FOUND, f"{command}: command not found{_shell_hint(command)}")


def _executable(command: str, path: str) -> None:
    """Raise StartFailed if this file cannot be executed by us."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise StartFailed(NOT_FOUND, f"{command}: no such file{_shell_hint(command)}") from None
        raise StartFailed(NOT_EXECUTABLE, f"{command}: {os.strerror(error.errno or 0)}") from None
    if stat.S_ISDIR(mode):
        raise StartFailed(NOT_EXECUTABLE, f"{command}: is a directory")
    if not os.access(path, os.X_OK, effective_ids=True):
        raise StartFailed(NOT_EXECUTABLE, f"{command}: not executable (chmod +x it, or name its interpreter)")


def _shell_hint(command: str) -> str:
    """What to try where somebody wrote a shell command as one word."""
    if any(c in command for c in " |&;<>()$`*?"):
        return " (it holds shell characters: try sh -c '…')"
    return ""


def apart(launch: Launch) -> None:
    """Raise StartFailed(125) if the input is also an output, which nobody checks before for held jobs."""
    if launch.stdin in (None, PASSED, os.devnull):
        return
    source = os.path.realpath(str(launch.stdin))
    if source in [os.path.realpath(path) for path in (launch.stdout, launch.stderr) if path]:
        raise StartFailed(NOT_STARTED, f"{launch.stdin}: input and output are the same file")
