"""Where a user's state lies, and that nobody else can touch it."""

from __future__ import annotations

import os
import socket
import stat
import uuid
from typing import Mapping

from proctracker.errors import DeniedByDrmsException, DrmCommunicationException, OutOfResourceException


def home_path(environ: Mapping[str, str]) -> str:
    """$PROCTRACKER_HOME, else $XDG_STATE_HOME/proctracker, else ~/.local/state/proctracker; absolute."""
    given = environ.get("PROCTRACKER_HOME")
    if given:
        return os.path.abspath(given)
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return os.path.abspath(os.path.join(state, "proctracker"))


class Home:
    """One state directory, seen from one host. Hot state lies below ``here``, as pids and containers are a host's."""

    def __init__(self, path: str, host: str | None = None) -> None:
        self.path = os.path.abspath(path)
        self.host = host or socket.gethostname().split(".")[0] or "localhost"
        self.here = os.path.join(self.path, self.host)
        self.database = os.path.join(self.here, "jobs.db")
        self.run = os.path.join(self.here, "run")
        self.kept_dir = os.path.join(self.here, "output")
        self.starts = os.path.join(self.here, "starts")
        self._uuid: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Home) and (self.path, self.host) == (other.path, other.host)

    def __hash__(self) -> int:
        return hash((self.path, self.host))

    @property
    def uuid(self) -> str:
        """The home's UUID: what marks processes and containers as its own. DrmCommunicationException if not prepared."""
        if self._uuid is None:
            try:
                with open(os.path.join(self.path, "uuid"), encoding="ascii") as file:
                    self._uuid = file.read().strip()
            except OSError as error:
                raise DrmCommunicationException(f"no proctracker state in {self.path}: {error.strerror}") from None
        return self._uuid

    def prepare(self) -> None:
        """Make whatever is missing, private to us.

        Raises DeniedByDrmsException for a directory of someone else or writable by others, OutOfResourceException
        where there is no room, DrmCommunicationException for any other failure; each names the directory.
        """
        old = os.umask(0o077)
        try:
            os.makedirs(self.path, mode=0o700, exist_ok=True)
            _refuse_foreign(self.path)
            for folder in (self.here, self.run, self.kept_dir, self.starts, os.path.join(self.path, "ids")):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                _refuse_foreign(folder)
            self._make_uuid()
        except OSError as error:
            raise trouble(self.path, error) from None
        finally:
            os.umask(old)

    def check(self) -> bool:
        """Whether there is state to read; makes nothing. Raises DeniedByDrmsException where it is not safe."""
        try:
            _refuse_foreign(self.path)
            return os.path.exists(self.database)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise trouble(self.path, error) from None

    def _make_uuid(self) -> None:
        """Write the UUID once; of two writers at a time the first link(2) wins."""
        path = os.path.join(self.path, "uuid")
        if os.path.exists(path):
            return
        mine = f"{path}.{os.getpid()}"
        with open(mine, "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")
        try:
            os.link(mine, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(mine)

    def kept(self, job_id: str, attempt: int, stream: str, output_dir: str | None = None) -> str:
        """Where we keep a job's output that was given no path; ``stream`` is ``out`` or ``err``."""
        number = int(job_id.split("_")[0])
        return os.path.join(output_dir or self.kept_dir, str(number // 1000), f"{job_id}.{attempt}.{stream}")


def _refuse_foreign(folder: str) -> None:
    """Raise DeniedByDrmsException for a directory that is not ours alone to write, for root too."""
    found = os.stat(folder)
    if found.st_uid != os.geteuid():
        raise DeniedByDrmsException(
            f"{folder} belongs to uid {found.st_uid}, not to {os.geteuid()}: set PROCTRACKER_HOME to a directory of your own"
        )
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise DeniedByDrmsException(f"{folder} can be written by others: chmod go-w it, or set PROCTRACKER_HOME to another")


def trouble(path: str, error: OSError) -> DrmCommunicationException | OutOfResourceException:
    """What an OSError below the state directory means to a user."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfResourceException(f"{path}: {error.strerror}: free some room, or set PROCTRACKER_HOME elsewhere")
    return DrmCommunicationException(
        f"state directory {path}: {error.strerror}: make it usable, or set PROCTRACKER_HOME elsewhere"
    )
