"""The supervisor's connection to the store: opening it, and transactions."""

from __future__ import annotations

import os
from collections.abc import Sequence

from proctracker.errors import Drmaa2Exception, OutOfResourceException, TryLaterException
from proctracker.linux import netfs, procfs
from proctracker.model import JobRow
from proctracker.store import schema
from proctracker.store.connection import BUSY, Database
from proctracker.store.paths import NO_LINK, Home, trouble
from proctracker.store.renewed import Renewed
from proctracker.store.reserve import Reserve
from proctracker.store.rows import ALL
from proctracker.store.snapshot import Opener, Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

CHECKPOINT = 4000
"""Pages of the log (16 MB) after which a commit moves it into the database."""


class Transactions:
    """A connection for one process and thread, whose batches are committed or undone as a whole."""

    def __init__(self, home: Home, durability: str = "process", boot: str = "") -> None:
        """Create, open or migrate.

        ``durability`` ``power`` outlives a loss of power, at an fsync(2) a commit.

        ``boot`` is the boot's id; default: the kernel's. Raises DrmCommunicationException, naming both versions and
        the path, for the file of a newer proctracker; where locks do not work, also if another process has it open.
        """
        home.prepare()
        self.home, self.path, self._held = home, home.database, home.held
        self._place = self._held.at(self.path)
        self._boot = boot or procfs.boot_id()
        self._network = netfs.file_system(self._held.at(home.here)) is not None
        self._opener: Opener | None = None
        self._snapshot: Snapshot | None = None
        try:
            if self._network and not netfs.locks_work(self._held.at(home.here)):
                self._opener, self._snapshot = Opener(home), Snapshot(home)
                self._opener.take()
            elif os.path.lexists(self._held.at(home.snapshot)):
                os.unlink(self._held.at(home.snapshot))
            self._make()
        except OSError as error:
            raise trouble(self.path, error) from None
        self._sync = "FULL" if durability == "power" else "NORMAL"
        self._updates: dict[tuple[str, ...], tuple[str, Callable[[JobRow], Any]]] = {}
        self._free = self._free_at_begin = range(0)
        self._taken: range | None = None
        self._spare: range | None = None
        self.forgotten = True
        """What was deleted may still stand in the log: what our predecessor deleted, for one."""
        log = "" if self._network else f"{self._place}-wal"
        self._reserve = Reserve(self._held.at(os.path.join(home.here, "reserve")), log)
        try:
            self._db = self._opened()
            self._reserve.keep()
        except BaseException:
            if self._opener:
                self._opener.leave()
            raise

    def _opened(self) -> Renewed:
        """Open the file, on a full disk by giving up the reserve."""
        try:
            return Renewed(self._open)
        except OutOfResourceException:
            if not self._reserve.relieve():
                raise
            return Renewed(self._open)

    def relieve(self) -> bool:
        """Make room on a full disk, and return whether there was a reserve for that."""
        return self._reserve.relieve()

    def keep_reserve(self) -> None:
        """Make the reserve again if there is room, in idle moments."""
        self._reserve.keep()

    def refuse_new(self) -> None:
        """Raise OutOfResourceException where there is no room for new jobs."""
        self._reserve.refuse_new(self.path)

    def _make(self) -> None:
        """Make a file with its tables in it from the start, as an empty one means a lost store."""
        try:
            os.stat(self._place, follow_symlinks=False)
        except FileNotFoundError:
            fresh = f"{self.path}.{os.getpid()}.{os.urandom(4).hex()}"
            place = self._held.at(fresh)
            os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            try:
                made = Database(fresh, "mode=rw&nolock=1", self._held, least=0)
                made.rows("PRAGMA journal_mode=OFF")
                schema.bring_up(made)
                made.close()
                _named(place, self._place)
            finally:
                _unlinked(place)

    def _open(self) -> Database:
        db = Database(self.path, "mode=rw&nolock=1" if self._opener else "mode=rw", self._held)
        try:
            if self._opener:
                db.rows("PRAGMA locking_mode=EXCLUSIVE")  # without it a file in WAL mode would want shared memory
            schema.refuse_newer(schema.version(db), self.path)
            mode = "delete" if self._network else "wal"
            if db.patiently("PRAGMA journal_mode") != mode:
                db.patiently(f"PRAGMA journal_mode={mode}")
            settings = (
                f"synchronous={self._sync}",
                "secure_delete=ON",
                f"wal_autocheckpoint={CHECKPOINT}",
                "cache_size=-512",
            )
            for pragma in settings:
                db.rows(f"PRAGMA {pragma}")
            schema.bring_up(db)
        except BaseException:
            db.close()
            raise
        return db

    def begin(self) -> None:
        """Begin a transaction with the write lock, so that what is read in it stays true."""
        self._db.run("BEGIN IMMEDIATE")
        self._free_at_begin = self._free

    def commit(self) -> None:
        """Make the transaction durable."""
        try:
            self._db.run("COMMIT")
        except Drmaa2Exception:
            self._free_at_begin = range(0)
            raise
        self._taken = None
        if self._snapshot:
            self._snapshot.committed()

    def rollback(self) -> None:
        """Undo the transaction, whose job numbers are given out again."""
        self._free = self._free_at_begin
        self._taken, self._spare = None, self._taken or self._spare
        self._db.rollback()

    def renew(self) -> None:
        """Read and write by a new connection from now on, which sees the file as it is."""
        self._db.renew()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._db.in_transaction

    @property
    def publish_due(self) -> float | None:
        """Return the time.monotonic() at which ``publish`` is due, or None where locks work."""
        return self._snapshot.due if self._snapshot else None

    def publish(self) -> None:
        """Give readers a copy of what was committed, where locks do not work."""
        if self._snapshot and self._snapshot.due is not None:
            self._snapshot.publish()

    def checkpoint(self) -> None:
        """Move a long log into the database in an idle moment, so that no commit has to.

        A short one stays: the first commit into a new log costs an fsync(2), and the end of a job may wait for it. Unless
        what it says was deleted since, environments for one (``forgotten``): then nothing of it stays, as soon as nobody reads.
        """
        if self.forgotten:
            self._truncate()
        try:
            size = 0 if self._network else os.stat(f"{self._place}-wal").st_size
        except FileNotFoundError:
            return  # somebody removed the state directory
        if size > CHECKPOINT * 1024:
            self._db.rows("PRAGMA wal_checkpoint(PASSIVE)")

    def _truncate(self) -> None:
        """Empty the log, without waiting for readers."""
        if self._network:
            self.forgotten = False
            return
        self._db.rows("PRAGMA busy_timeout=0")
        try:
            [busy, *_], *_ = self._db.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        except TryLaterException:
            return
        finally:
            self._db.rows(f"PRAGMA busy_timeout={BUSY * 1000:.0f}")
        self.forgotten = bool(busy)

    def close(self) -> None:
        """Close the file and return unused job numbers."""
        if self._free:
            try:
                free = (self._free.start, self._boot, self._free.stop)
                self._db.run("UPDATE blocks SET next=? WHERE boot=? AND next=?", free)
            except Drmaa2Exception:
                pass  # they stay unused
        try:
            self.checkpoint()  # the last one who closes it removes the log, but a reader may be there
        except Drmaa2Exception:
            pass  # the next supervisor does it
        self._db.close()
        self.publish()
        if self._opener:
            self._opener.leave()

    def _jobs(self, where: str, values: Sequence[Any]) -> list[JobRow]:
        return [JobRow(*row) for row in self._db.rows(f"SELECT {ALL} FROM jobs {where}", values)]


def _named(fresh: str, place: str) -> None:
    """Give a file its name, unless another process has given it to one of its own."""
    try:
        os.link(fresh, place)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        if not os.path.lexists(place):
            os.rename(fresh, place)


def _unlinked(path: str) -> None:
    """Have no file of that name."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
