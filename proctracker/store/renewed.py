"""Opens a connection anew after a failure, before the file is called damaged."""

from __future__ import annotations

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, OutOfResourceException

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any, Callable, Sequence, TypeVar

    from proctracker.store.connection import Database

    _T = TypeVar("_T")

_BREAKING = (OutOfResourceException, DrmCommunicationException)
"""Errors after which a connection's pages may differ from the file's.

NFS takes writes that a full disk refuses later.
"""


class Renewed:
    """One Database after the other over the same file. Every method raises Drmaa2Exception only.

    A statement within a transaction fails with it, and the next statement has a new connection. One outside of any is
    tried once more on a new connection.
    """

    def __init__(self, open_: Callable[[], Database]) -> None:
        self._open = open_
        self._db: Database | None = open_()
        self._broken = False

    def run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement."""
        return self._done(lambda db: db.run(statement, values))

    def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement once for each row of values."""
        try:
            self._sound().many(statement, rows)
        except _BREAKING:
            self._broken = True
            raise

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a query and fetch all it gives."""
        return self._done(lambda db: db.rows(statement, values))

    def _done(self, act: Callable[[Database], _T]) -> _T:
        db = self._sound()
        alone = not db.in_transaction
        try:
            return act(db)
        except _BREAKING:
            self._broken = True
            if not alone:
                raise
        return act(self._sound())

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._db is not None and self._db.in_transaction

    def rollback(self) -> None:
        """Undo the open transaction, if SQLite has not already."""
        if self._db is None or not self._db.in_transaction:
            return
        try:
            if not self._broken:
                self._db.run("ROLLBACK")
        except Drmaa2Exception:
            self._broken = True
        if self._broken:
            self.renew()

    def renew(self) -> None:
        """Close the connection, which undoes an open transaction: the next statement has a new one."""
        self._broken = False
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def close(self) -> None:
        """Close the file."""
        self.renew()

    def _sound(self) -> Database:
        """The connection, a new one after a failure unless a transaction is open."""
        if self._broken and not self.in_transaction:
            self.renew()
        if self._db is None:
            self._db = self._open()
        return self._db
