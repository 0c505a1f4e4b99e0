"""Finds jobs by id in the stores of all hosts that share a home."""

from __future__ import annotations

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, InvalidArgumentException
from proctracker.store import Home, Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence

    from proctracker.model import JobRow
    from proctracker.store import ArrayRow

_DIGITS = 18
"""Those of the largest id: more the store cannot look for."""


class Hosts:
    """Reads ``own``, this host's store, and those of the others."""

    def __init__(self, own: Reader) -> None:
        self.own = own
        self._others: dict[str, Reader] = {}

    def of(self, host: str | None) -> Reader:
        """Return the store of a host, by default of this one."""
        home = self.own.home
        if not host or host == home.host:
            return self.own
        if host not in self._others:
            self._others[host] = Reader(Home(home.path, host))
        return self._others[host]

    def others(self) -> Iterator[Reader]:
        """Yield the stores of all other hosts."""
        for home in self.own.home.others():
            yield self.of(home.host)

    def close(self) -> None:
        """Close the files, which the next question opens again."""
        for each in (self.own, *self._others.values()):
            each.close()

    def row(self, job_id: str) -> JobRow:
        """A job's row. Raises InvalidArgumentException for an id nobody knows."""
        return self.rows([job_id])[job_id]

    def rows(self, ids: Sequence[str]) -> dict[str, JobRow]:
        """Return rows by id, or raise InvalidArgumentException for the first id nobody knows."""
        found = {row.id: row for row in self.own.jobs(ids)}
        missing = [name for name in ids if name not in found]
        if missing:
            for other in self.others():
                found.update({row.id: row for row in other.jobs(missing)})
            for name in missing:
                if name not in found:
                    raise unknown(name)
        return found

    def spec(self, row: JobRow) -> dict[str, Any]:
        """Return what a job was to be, which is not to be changed."""
        return self.of(row.host).spec(row.spec)

    def array(self, array_id: str) -> tuple[ArrayRow, Reader] | None:
        """An array, and the store it is in."""
        if not (array_id.isascii() and array_id.isdigit()) or len(array_id) > _DIGITS:
            return None
        for reader in (self.own, *self.others()):
            found = reader.array(int(array_id))
            if found is not None:
                return found, reader
        return None

    def elsewhere(self, ids: Sequence[str], verb: str) -> Drmaa2Exception | None:
        """Say where ids are that this host does not know, or return None."""
        known = self.own.states(ids)
        for name in ids:
            if name in known:
                continue
            for other in self.others():
                if other.states([name]):
                    host = other.home.host
                    return DrmCommunicationException(f"job {name} is on {host}: ssh {host} proctracker {verb} {name}")
            return unknown(name)
        return None


def unknown(job_id: str) -> InvalidArgumentException:
    """What is said of an id nobody knows, or knows no longer."""
    return InvalidArgumentException(f"no job {job_id}: there was none, or it was reaped")
