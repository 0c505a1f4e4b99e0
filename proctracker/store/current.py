"""Keeps a connection, to read, to the file that is a home's database at the moment."""

from __future__ import annotations

import os
from _thread import allocate_lock  # threading, which says the same, is 140 kB of a supervisor

from proctracker.errors import Drmaa2Exception
from proctracker.store import schema
from proctracker.store.connection import Database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from proctracker.store.held import Held
    from proctracker.store.paths import Home

_inherited: list[Database] = []
"""Connections of the parent process, whose locks there closing them here would end."""


class Current:
    """Reads the present file, which may not be there, from any thread.

    Opens with the first question, and again in a forked child or when the file was replaced: ``opened`` is called then.
    """

    def __init__(self, home: Home, opened: Callable[[], object]) -> None:
        self._home, self._opened = home, opened
        self._db: Database | None = None
        self._file: tuple[str, int, int] | None = None
        self._pid = os.getpid()
        self._lock = allocate_lock()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return what a statement finds, nothing without a file."""
        if self._pid != os.getpid():
            self._forked()
        with self._lock:
            db = self._open()
            return db.rows(statement, values) if db is not None else []

    def mark(self) -> tuple[Any, ...]:
        """Return a value that changes with every commit, within microseconds."""
        return (self.rows("PRAGMA data_version"), self._file, id(self._db))

    def close(self) -> None:
        """Close the file, which the next question opens again."""
        with self._lock:
            self._drop()

    def _forked(self) -> None:
        """In a child: leave the parent's connection and lock alone."""
        if self._db is not None:
            _inherited.append(self._db)
        self._db, self._lock, self._pid = None, allocate_lock(), os.getpid()

    def _open(self) -> Database | None:
        """Return the connection to the present file, or None where there is none."""
        file = _found(self._home.snapshot) or _found(self._home.database)
        if file is None or self._db is None or file != self._file:
            self._drop()
            if not self._home.check() or file is None:
                return None
            db = _connect(file[0], file[0] == self._home.snapshot, self._home.held)
            if db is None:
                return None
            self._db, self._file = db, file
            self._opened()
        return self._db

    def _drop(self) -> None:
        """Close the file, if it is open."""
        if self._db is not None:
            self._db.close()
        self._db = None


def _connect(path: str, snapshot: bool, held: Held) -> Database | None:
    """Open to read, or return None where there are no tables yet."""
    # A reader of a log needs to write the memory it shares with the writer, so not mode=ro; query_only does the rest.
    db = Database(path, "mode=ro&immutable=1" if snapshot else "mode=rw", held)
    try:
        found = schema.version(db)
    except Drmaa2Exception:
        db.close()
        if snapshot or _size(held.at(f"{path}-wal")):
            raise
        # That memory could not be made (disk full, read-only), but with no log the file is all there is.
        db = Database(path, "mode=ro&immutable=1", held)
        found = schema.version(db)
    try:
        schema.refuse_newer(found, path)
    except Drmaa2Exception:
        db.close()
        raise
    if not found:
        db.close()
        return None
    lacks = schema.lacking(db)
    if lacks or found < schema.VERSION:
        schema.read_older(db, lacks)
    db.rows("PRAGMA query_only=ON")
    return db


def _found(path: str) -> tuple[str, int, int] | None:
    """Return what tells one file from the next under the same name, or None."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return path, found.st_dev, found.st_ino


def _size(path: str) -> int:
    """Return a file's size, 0 where it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
