"""Remembers for a while what requests have done, so that one that is sent again is not done twice."""

from __future__ import annotations

import time
from collections.abc import Iterable

from proctracker.store.transactions import Transactions

REPEATED = 3600.0
"""Seconds for which an answer outlives what it tells of, as clients repeat a request for a minute."""

_SESSION = 0
"""In place of a job's number: the request made a session."""


class Answers(Transactions):
    """Tells by a request's token, or by a number, what was done."""

    def submitted(self, token: str) -> str | None:
        """Return the id that a repeated submit's token was answered with, by a look at every spec."""
        found = self._db.rows(
            "SELECT jobs.num FROM specs JOIN jobs ON jobs.spec=specs.id WHERE specs.token=?1 "
            "UNION ALL SELECT num FROM tokens WHERE token=?1 LIMIT 1",
            (token,),
        )
        return str(found[0][0]) if found else None

    def adopted(self, token: str) -> list[str]:
        """Return the ids of the jobs that an adoption has made, by a look at every spec."""
        query = "SELECT jobs.id FROM specs JOIN jobs ON jobs.spec=specs.id WHERE specs.token=? ORDER BY jobs.key"
        return [row[0] for row in self._db.rows(query, (token,))]

    def made(self, token: str) -> bool:
        """Return whether a request has made its session, which may be destroyed by now."""
        return bool(self._db.rows("SELECT 1 FROM tokens WHERE token=? AND num=?", (token, _SESSION)))

    def removed(self, num: int) -> bool:
        """Return whether a job or task of that number was removed a short while ago."""
        return bool(self._db.rows("SELECT 1 FROM tokens WHERE num=? LIMIT 1", (num,)))

    def note_made(self, token: str) -> None:
        """Keep that a request has made its session."""
        self._db.run("INSERT OR REPLACE INTO tokens VALUES (?,?,?)", (token, _SESSION, time.time()))

    def _keep_tokens(self, specs: Iterable[tuple[int, int]]) -> None:
        """Keep what the submits of these specs were answered, for those that are yet to be repeated."""
        now = time.time()
        self._db.run("DELETE FROM tokens WHERE removed NOT BETWEEN ? AND ?", (now - REPEATED, now + REPEATED))
        self._db.many(
            "INSERT OR REPLACE INTO tokens SELECT token, ?, ? FROM specs WHERE id=? AND token IS NOT NULL",
            [(num, now, spec) for spec, num in specs],
        )
