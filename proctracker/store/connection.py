"""Opens one SQLite file, with its errors as ours and bytes that are not UTF-8 kept."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import time
from collections.abc import Sequence
from operator import length_hint

from proctracker.errors import (
    DeniedByDrmsException,
    Drmaa2Exception,
    DrmCommunicationException,
    InternalException,
    InvalidArgumentException,
    OutOfResourceException,
    TryLaterException,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    from proctracker.store.held import Held

    T = TypeVar("T")

BUSY = 5.0
"""Seconds a statement waits for another process' transaction over the same file."""

_MOVE = "move it away; `proctracker adopt` finds containers again"
LEAST = 512
"""Bytes of the smallest page SQLite writes.

A file with fewer was cut off, and SQLite would take that, or none, for a new one.
"""

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~")


class Database:
    """Opens a connection whose methods raise Drmaa2Exception only.

    ``options`` are those of SQLite's file URIs.

    ``held``: the directories of which the file's is one. It is opened by way of that, as are log and journal later,
    so they stay open as long as the connection. ``path`` is its name for people; one with fewer bytes than ``least`` is refused.
    """

    def __init__(self, path: str, options: str = "mode=rw", held: Held | None = None, least: int = LEAST) -> None:
        self.path = path
        place = _looked_at(path, held, least) if held else path
        name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(place))
        self._db = self._translated(
            lambda: sqlite3.connect(
                f"file:{name}?{options}",
                uri=True,
                timeout=BUSY,
                isolation_level=None,
                cached_statements=256,
                check_same_thread=False,
            )
        )
        self._held = held

    def run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement."""
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        except UnicodeEncodeError:
            return self._translated(lambda: self._db.execute(*_as_bytes(statement, values)))

    def many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement once for each row of values."""
        left = iter(rows)
        try:
            self._db.executemany(statement, left)
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        except UnicodeEncodeError:
            for row in rows[len(rows) - length_hint(left) - 1 :]:
                self.run(statement, row)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute a query and fetch all it gives."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise said(error, self.path) from None
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        except UnicodeEncodeError:
            statement, values = self._translated(lambda: _as_bytes(statement, values))
        return self._odd_rows(statement, values)

    def _odd_rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As ``rows``, slower, for text that need not be UTF-8."""
        self._db.text_factory = _text
        try:
            return self._translated(lambda: self._db.execute(statement, values).fetchall())
        finally:
            self._db.text_factory = str

    def patiently(self, statement: str) -> str:
        """Run a PRAGMA that needs the file for itself, and return its answer as text."""
        until = time.monotonic() + BUSY
        while True:
            try:
                return str((self.rows(statement) or [("",)])[0][0])
            except TryLaterException:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._db.in_transaction

    def close(self) -> None:
        """Close the file."""
        self._translated(self._db.close)

    def _translated(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        except UnicodeEncodeError as error:
            raise InvalidArgumentException(f"{error.object!r} is no text: {error.reason}") from None


def _looked_at(path: str, held: Held, least: int) -> str:
    """Open a file's way through held directories, or raise for a link, another user's, a missing or cut off one."""
    try:
        place = held.at(path)
        found = os.stat(place, follow_symlinks=False)
    except OSError as error:
        raise DrmCommunicationException(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise DeniedByDrmsException(f"{path} is not a file of your own: move it away")
    if found.st_size < least:
        raise DrmCommunicationException(f"{path}: cut off, {found.st_size} bytes are left: {_MOVE}")
    return place


def said(error: sqlite3.Error, path: str) -> Drmaa2Exception:
    """Translate SQLite's words: a full disk is OutOfResource, a lock that is kept TryLater."""
    text, folder = str(error), os.path.dirname(path)
    if "disk I/O" in text and resource.getrlimit(resource.RLIMIT_FSIZE)[1] != resource.RLIM_INFINITY:
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[1] // 1024
        return OutOfResourceException(f"{path}: {text}: no file here may have more than {most} KiB (ulimit -Hf)")
    if "full" in text or "disk I/O" in text:
        return OutOfResourceException(f"{path}: {text}: disk full, over quota or failing: make room in {folder}")
    if "locked" in text:
        return TryLaterException(f"{path}: {text} for {BUSY:g} s: another process is writing; try again")
    if "malformed" in text or "not a database" in text:
        return DrmCommunicationException(f"{path}: {text}: {_MOVE}")
    if "no such" in text:
        return DrmCommunicationException(f"{path}: {text}: it is no store of this proctracker: {_MOVE}")
    if isinstance(error, sqlite3.OperationalError):
        return DrmCommunicationException(f"{path}: {text}: make {folder} readable and writable for you")
    return InternalException(f"{path}: {text}")


def _text(raw: bytes) -> str:
    """Text as it was given, bytes that are no UTF-8 as surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def _as_bytes(statement: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """A statement and its values with text that is not UTF-8 passed as the bytes it stands for."""
    pieces = statement.split("?")
    marks, found = [], []
    for value in values:
        try:
            if isinstance(value, str):
                value.encode()
            marks.append("?")
        except UnicodeEncodeError:
            value = value.encode("utf-8", "surrogateescape")
            marks.append("CAST(? AS TEXT)")
        found.append(value)
    marks.append("")
    return "".join(piece + mark for piece, mark in zip(pieces, marks)), found
