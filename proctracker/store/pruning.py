"""Removes jobs with what only they needed, and the environments of ended jobs' callers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from proctracker.model import JobState
from proctracker.store.answers import Answers
from proctracker.store.rows import CHUNK, id_of, keys, marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_HELD = "finished IS NOT NULL AND container IS NOT NULL AND saved=0 AND sub_state IS NOT 'removed'"
"""Ended jobs whose container is still there."""

_NO_JOB = "NOT EXISTS (SELECT 1 FROM jobs WHERE key BETWEEN ? AND ?)"
_NEEDED = (
    "SELECT 1 FROM jobs JOIN specs ON specs.id=jobs.spec WHERE jobs.finished IS NULL AND specs.context=contexts.key"
)

_WAITING = """SELECT DISTINCT specs.id, specs.json FROM jobs JOIN specs ON specs.id=jobs.spec
  WHERE jobs.finished IS NULL AND specs.json LIKE '%"after%'"""
"""Specs of live jobs that wait for others, or did."""

_OUTCOME = "INSERT INTO outcomes VALUES (?,?,?) ON CONFLICT (spec, name) DO UPDATE SET done=min(done, excluded.done)"


class Pruning(Answers):
    """The removing half of the store."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove jobs with the transitions, specs, arrays and contexts that only they needed."""
        wanted = keys(ids)
        found: list[tuple[int, int]] = []
        for at in range(0, len(wanted), CHUNK):
            part = wanted[at : at + CHUNK]
            found += self._db.rows(f"SELECT key, spec FROM jobs WHERE key IN {marks(len(part))}", part)
        if not found:
            return
        self._remember([key for key, _ in found])
        self._keep_tokens({(spec, key >> 32) for key, spec in found})
        self.forgotten = True
        self._db.many("DELETE FROM jobs WHERE key=?", [(key,) for key, _ in found])
        self._delete_marked(
            "transitions", "seq", "DELETE FROM transitions WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE key=job)", [()]
        )
        ranges = {key >> 32: (key >> 32 << 32, key | 0xFFFFFFFF) for key, _ in found}
        arrays = [(num, *ranges[num]) for num in {key >> 32 for key, _ in found if key & 0xFFFFFFFF}]
        self._db.many(f"DELETE FROM arrays WHERE num=? AND {_NO_JOB}", arrays)
        specs = sorted({(spec, key >> 32) for key, spec in found})
        contexts = self._contexts([spec for spec, _ in specs])
        self._delete_marked(
            "specs", "id", f"DELETE FROM specs WHERE id=? AND {_NO_JOB}", [(spec, *ranges[num]) for spec, num in specs]
        )
        self._db.run("DELETE FROM outcomes WHERE NOT EXISTS (SELECT 1 FROM specs WHERE id=spec)")
        for table in ("contexts", "given"):
            self._db.many(
                f"DELETE FROM {table} WHERE key=?1 AND NOT EXISTS (SELECT 1 FROM specs WHERE context=?1)",
                [(each,) for each in contexts],
            )

    def _remember(self, numbers: Sequence[int]) -> None:
        """Keep how jobs ended that are about to be removed, for those that wait for them."""
        waiting: dict[str, list[int]] = {}
        for spec, text in self._db.rows(_WAITING):
            told = json.loads(text)
            for name in {*(told.get("after") or ()), *(told.get("after_any") or ())}:
                waiting.setdefault(name, []).append(spec)
        outcomes = []
        for at in range(0, len(numbers) if waiting else 0, CHUNK):
            part = numbers[at : at + CHUNK]
            for number, state in self._db.rows(f"SELECT key, state FROM jobs WHERE key IN {marks(len(part))}", part):
                for name in {id_of(number), str(number >> 32)}:
                    outcomes += [(spec, name, state == JobState.DONE) for spec in waiting.get(name, ())]
        self._db.many(_OUTCOME, outcomes)

    def outcome(self, spec: int, name: str) -> bool | None:
        """Return whether a removed job or all tasks of an array ended DONE, or None if none was removed."""
        found = self._db.rows("SELECT done FROM outcomes WHERE spec=? AND name=?", (spec, name))
        return bool(found[0][0]) if found else None

    def _contexts(self, specs: Sequence[int]) -> set[str]:
        """The contexts that specs name."""
        found: set[str] = set()
        for at in range(0, len(specs), CHUNK):
            part = specs[at : at + CHUNK]
            found |= {
                row[0] for row in self._db.rows(f"SELECT context FROM specs WHERE id IN {marks(len(part))}", part)
            }
        return found

    def _delete_marked(self, table: str, column: str, statement: str, values: Sequence[Sequence[int]]) -> None:
        """Delete rows, and keep the highest number from being used again."""
        highest = f"SELECT ifnull(max({column}), 0) FROM {table}"
        before = self._db.rows(highest)[0][0]
        self._db.many(statement, values)
        if self._db.rows(highest)[0][0] < before:
            self._db.run("UPDATE marks SET value=max(value, ?) WHERE name=?", (before, table))

    def drop_context_if_unused(self, contexts: Iterable[str]) -> None:
        """Drop the caller's environment from those of these contexts that no live job needs.

        What is left of them, the variables given to the job itself among it, is ``given`` until its jobs are reaped. The
        specs go on naming them. For idle moments and large batches: it looks at all live jobs.
        """
        for key in contexts:
            found = self._db.rows(f"SELECT json FROM contexts WHERE key=? AND NOT EXISTS ({_NEEDED})", (key,))
            values = _object(found[0][0]) if found else {"env": None}
            if values is None or values.pop("env", None):
                self.forgotten = True
                self._db.run("INSERT OR REPLACE INTO given VALUES (?,?)", (key, json.dumps(values or {})))
                self._db.run("DELETE FROM contexts WHERE key=?", (key,))

    def contexts(self) -> set[str]:
        """All that are kept in whole."""
        return {row[0] for row in self._db.rows("SELECT key FROM contexts")}

    def ended_beyond(
        self,
        keep: int | None = None,
        before_time: float | None = None,
        keeps: Callable[[str], bool] = lambda runtime: True,
    ) -> list[str]:
        """Ids of ended jobs to prune, the longest ended first.

        ``keep``: of each runtime those whose container is still there (a container, not ``saved``, not removed by
        hand) beyond the newest so many; their output is to be saved and the container removed, the record stays
        (``keep_ended``). ``keeps`` tells whether a runtime has any. ``before_time``: those that ended before that epoch second; they are to be reaped
        (``keep_days``). None: not asked for.
        """
        found: list[tuple[float, int]] = []
        if keep is not None:
            runtimes = [row[0] for row in self._db.rows(f"SELECT DISTINCT runtime FROM jobs WHERE {_HELD}")]
            for runtime in filter(keeps, runtimes):
                newest = f"SELECT finished, key FROM jobs WHERE {_HELD} AND runtime=? ORDER BY finished DESC, key DESC"
                found += self._db.rows(f"{newest} LIMIT -1 OFFSET ?", (runtime, max(0, keep)))
        if before_time is not None:
            found += self._db.rows("SELECT finished, key FROM jobs WHERE finished<?", (before_time,))
        return [id_of(key) for _, key in sorted(set(found))]


def _object(text: str) -> dict[str, Any] | None:
    """Parse a JSON object, or return None."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
