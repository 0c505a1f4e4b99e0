"""Where a user's state lies, and that nobody else can touch it."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator, Mapping

from proctracker.errors import (
    DeniedByDrmsException,
    DrmCommunicationException,
    InvalidArgumentException,
    OutOfResourceException,
)
from proctracker.linux.trusted import FULL, expanded
from proctracker.store.held import Held

_TAKEN = ("ids", "uuid", "records")
"""Names in a home that no host's directory can have."""

NO_LINK = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def home_path(environ: Mapping[str, str]) -> str:
    """Return $PROCTRACKER_HOME, or its default below $XDG_STATE_HOME or ~/.local/state.

    Raises InvalidArgumentException for a relative one, and where nobody knows what ~ is, DrmCommunicationException
    for one that is relative to a directory that was removed.
    """
    given = environ.get("PROCTRACKER_HOME")
    if not given:
        state = environ.get("XDG_STATE_HOME", "")
        given = os.path.join(state if os.path.isabs(state) else "~/.local/state", "proctracker")
    path = expanded(given, environ, "PROCTRACKER_HOME")
    if not os.path.isabs(path):
        try:
            there = os.path.abspath(path)
        except OSError as error:
            raise trouble(path, error) from None
        raise InvalidArgumentException(
            f"PROCTRACKER_HOME: {path!r} is relative, so every directory would have jobs of its own: name {there}"
        )
    return os.path.normpath(path)


class Home:
    """Represents one state directory, seen from one host.

    Hot state lies below ``here``, as pids and containers are a host's.

    ``host`` is the kernel's node name in full: two clusters may both have a ``login1`` over one shared home.
    """

    def __init__(self, path: str, host: str | None = None) -> None:
        self.path = os.path.abspath(path)
        self.host = host or os.uname().nodename.replace("/", "_") or "localhost"
        self.ids = os.path.join(self.path, "ids")
        self.records = os.path.join(self.path, "records")
        """Records of jobs on other machines, for every host that shares the home."""
        self.here = os.path.join(self.path, self.host + ("_" if self.host in _TAKEN else ""))
        self.database = os.path.join(self.here, "jobs.db")
        self.snapshot = os.path.join(self.here, "jobs.snapshot")
        self.run = os.path.join(self.here, "run")
        self.kept_dir = os.path.join(self.here, "output")
        self.starts = os.path.join(self.here, "starts")
        self.calls = os.path.join(self.here, "calls")
        self._folders = (self.here, self.ids, self.run, self.kept_dir, self.starts)
        self._uuid: str | None = None
        self._held: Held | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return (Home, (self.path, self.host))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Home) and (self.path, self.host) == (other.path, other.host)

    def __hash__(self) -> int:
        return hash((self.path, self.host))

    def __repr__(self) -> str:
        return f"Home({self.path!r}, {self.host!r})"

    @property
    def uuid(self) -> str:
        """Return the home's UUID, which marks processes and containers as its own.

        Raises DrmCommunicationException if it was not prepared.
        """
        if self._uuid is None:
            try:
                self._uuid = self._read_uuid()
            except OSError as error:
                raise DrmCommunicationException(f"no proctracker state in {self.path}: {error.strerror}") from None
        return self._uuid

    def socket(self, key: str) -> str:
        """Where the supervisor of a confinement listens."""
        return os.path.join(self.run, f"{key}.sock")

    def prepare(self) -> None:
        """Make whatever is missing, private to us, also beside other processes.

        Raises DeniedByDrmsException for a directory, or one above it, of someone else or writable by others,
        OutOfResourceException where there is no room, DrmCommunicationException for any other failure; each names it.
        """
        try:
            self._hold(make=True)
            self._make_uuid()
        except OSError as error:
            raise trouble(error.filename or self.path, error) from None

    def check(self) -> bool:
        """Return whether there is state of this host, and make nothing.

        Raises DeniedByDrmsException where it is not safe.
        """
        try:
            return os.path.exists(self._hold().at(self.database))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise trouble(self.path, error) from None

    @property
    def held(self) -> Held:
        """Our directories by descriptors, as they were when they were looked at. Raises as ``at``."""
        if self._held is None or not self._held.open():
            return self._hold()
        return self._held

    def at(self, path: str) -> str:
        """Return a path below one of our directories, by its held descriptor.

        Raises OSError where the directory is not there, DeniedByDrmsException where it is not safe.
        """
        held = self.held
        if path in self._folders:
            held.fd(path)
        return held.at(path)

    def release(self) -> None:
        """Let go of the directories, which are checked again when they are next needed."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _hold(self, make: bool = False) -> Held:
        """Check the way to the home and hold it.

        The same directories as before stay held, as names may depend on them.
        """
        found = Held(self.path, self._folders if make else (), make)
        if not make:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found.fd(self.here)
        if self._held is None or not (self._held.same(found) and self._held.open()):
            self._held = found
        return self._held

    def kept(self, job_id: str, attempt: int, stream: str, output_dir: str | None = None) -> str:
        """Return where a job's output without a path is kept, by ``out`` or ``err``."""
        number = int(job_id.partition("_")[0])
        return f"{output_dir or self.kept_dir}/{number // 1000}/{job_id}.{attempt}.{stream}"

    def keep_input(self, parts: Iterable[bytes]) -> str:
        """Write an input to a file of ours beside kept output, and return its path.

        Raises OutOfResourceException where not all of it has room, DrmCommunicationException where it cannot be written
        for another reason, and what ``parts`` raises.
        """
        from tempfile import mkstemp

        from proctracker.linux import netfs

        with _told(self.kept_dir):
            fd, place = mkstemp(prefix="in-", dir=self.at(self.kept_dir))
        path = os.path.join(self.kept_dir, os.path.basename(place))
        try:
            for part in parts:
                with _told(path):
                    _put(fd, part)
            with _told(path):
                netfs.arrived(fd)
        except BaseException:
            os.unlink(place)
            raise
        finally:
            netfs.let_go(fd)
        return path

    def call_folder(self) -> str:
        """Make a directory for the files of one Python call, and return its name below ``calls``."""
        self.held.fd(self.calls, make=True)
        name = os.urandom(12).hex()
        os.mkdir(self.at(os.path.join(self.calls, name)), 0o700)
        return name

    def drop_call(self, name: str) -> None:
        """Remove a call's directory, if it is there."""
        with contextlib.suppress(OSError, DeniedByDrmsException):
            folder = self.at(os.path.join(self.calls, os.path.basename(name)))
            for each in os.listdir(folder):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, each))
            os.rmdir(folder)

    def container(self, job_id: str, attempt: int) -> str:
        """The name of an attempt's container: the same whoever starts it, and looks for it."""
        return f"proctracker-{self.uuid[:8]}-{job_id}-{attempt}"

    def others(self) -> list[Home]:
        """The other hosts that have state in this home, by name."""
        try:
            names = set(os.listdir(self.path)) - set(_TAKEN)
        except OSError:
            return []
        hosts = sorted(name[:-1] if name[:-1] in _TAKEN else name for name in names)
        homes = [Home(self.path, host) for host in hosts if host != self.host]
        return [home for home in homes if os.path.exists(home.database)]

    def _read_uuid(self) -> str:
        """Read the UUID, waiting for one that is being written where there is no link(2)."""
        for _ in range(100):
            fd = os.open(self.at(os.path.join(self.path, "uuid")), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(fd, encoding="ascii") as file:
                found = file.read().strip()
            if found:
                break
            time.sleep(0.01)
        return found

    def _make_uuid(self) -> None:
        """Write the UUID once: of two writers at a time the first link(2) wins."""
        path = self.at(os.path.join(self.path, "uuid"))
        if os.path.lexists(path):
            return
        from uuid import uuid4

        mine, text = (f"{path}.{os.getpid()}.{uuid4().hex}", f"{uuid4()}\n".encode("ascii"))
        try:
            _write(mine, text)
            os.link(mine, path)
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in NO_LINK:
                raise
            with contextlib.suppress(FileExistsError):  # of whoever came first
                _write(path, text)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(mine)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Raise what an OSError means to a user."""
    try:
        yield
    except OSError as error:
        raise trouble(path, error) from None


def _put(fd: int, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _write(path: str, text: bytes) -> None:
    """Write a new file of ours, through to the disk, or raise FileExistsError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text)
        os.fsync(fd)
    finally:
        os.close(fd)


def trouble(path: str, error: OSError) -> DrmCommunicationException | OutOfResourceException:
    """What an OSError below the state directory means to a user."""
    if error.errno in FULL:
        return OutOfResourceException(f"{path}: {error.strerror}: free some room, or set PROCTRACKER_HOME elsewhere")
    if error.errno == errno.EFBIG:
        from resource import RLIMIT_FSIZE, getrlimit  # here: hardly anybody ever has such a limit

        most = getrlimit(RLIMIT_FSIZE)[0] // 1024
        return OutOfResourceException(
            f"{path}: {error.strerror}: no file may have more than {most} KiB here (ulimit -f)"
        )
    return DrmCommunicationException(
        f"state directory {path}: {error.strerror}: make it usable, or set PROCTRACKER_HOME elsewhere"
    )
