"""Which jobs a word means: ids, ``43_[1-5]`` as ``ps`` shows them, and names."""

from __future__ import annotations

import re

from proctracker.errors import InvalidArgumentException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Sequence

    from proctracker.model import JobRow
    from proctracker.store.reader import Reader

_DIGITS = 10
"""Those of the largest number a job can have."""

_MOST = 20
"""Ids shown of many."""


def is_number(word: str) -> bool:
    """Whether it may be a job's or an array's number."""
    return word.isascii() and word.isdigit() and len(word) <= _DIGITS


def ids(word: str) -> Iterator[str]:
    """The ids of a word: itself, or those of ``43_[1-5]``."""
    array, bracket, rest = word.partition("_[")
    if not bracket or not rest.endswith("]") or not array.isdigit():
        yield word
        return
    from proctracker.templates.quantities import indices

    for index in indices(rest[:-1]):
        yield f"{array}_{index}"


def called(reader: Reader, word: str, session: str | None) -> list[JobRow]:
    """Return the job of a name, or an array's tasks.

    Raises InvalidArgumentException that lists them if there are several, or none.
    """
    rows = reader.jobs(session=session, name=word) if word else []
    several = list(dict.fromkeys(_id(row) for row in rows))
    if len(several) > 1:
        raise InvalidArgumentException(f"{len(several)} jobs are called {word!r}: {listed(several, _MOST)}")
    if not rows:
        raise InvalidArgumentException(f"no job {word}: `proctracker ps -a` lists those there are")
    return rows


def as_ids(reader: Reader, words: Sequence[str], session: str | None) -> list[str]:
    """Return words as ids of jobs and arrays, names resolved."""
    return [word if re.fullmatch(r"\d+(_\d+)?", word) else _id(called(reader, word, session)[0]) for word in words]


def _id(row: JobRow) -> str:
    return row.id if row.task is None else str(row.num)


def listed(ids: Sequence[str], most: int = 0) -> str:
    """List ids in a line, only so many of them."""
    if not most or len(ids) <= most:
        return " ".join(ids)
    return f"{' '.join(ids[:most])} and {len(ids) - most} more"
