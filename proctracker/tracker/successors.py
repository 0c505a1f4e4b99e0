"""Leads dependencies among jobs that are submitted again to the new ones."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.tracker.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

_KINDS = ("after", "after_any")
_TOLD = 3
"""Ids told of many."""


class Successors:
    """Knows the jobs named in one call, their successors, and dependencies of the others."""

    def __init__(
        self,
        place: Place,
        named: Sequence[JobRow],
        after: Sequence[str] = (),
        after_any: Sequence[str] = (),
    ) -> None:
        self._place = place
        self._named = {row.id: row for row in named}
        self._given = {"after": list(after), "after_any": list(after_any)}
        self._new: dict[str, str] = {}

    def add(self, rows: Sequence[JobRow], found: str) -> None:
        """These jobs, or tasks of one array, were submitted again under this id."""
        self._new.update({row.id: found if row.task is None else f"{found}_{row.task}" for row in rows})

    def dependencies(self, spec: Mapping[str, Any], row: JobRow) -> dict[str, list[str]]:
        """``after`` and ``after_any`` of a job that is submitted again.

        One that was itself submitted again is followed by its successor, one that was named and fits stays. Raises
        InvalidArgumentException for any other, unless dependencies were given for all.
        """
        found: dict[str, list[str]] = {}
        given = any(self._given.values())
        for kind in _KINDS:
            kept: list[str] = []
            for name in spec.get(kind) or ():
                others = [each for each in self._jobs(name) if not self._settled(each, kind)]
                if others and not given:
                    raise InvalidArgumentException(_refusal(row.id, name, others, kind))
                kept += [] if others else self._followed(name)
            found[kind] = [*dict.fromkeys([*kept, *self._given[kind]])]
        return found

    def _settled(self, name: str, kind: str) -> bool:
        """Whether a job was submitted again, or was named and is what a dependency waits for."""
        row = self._named.get(name)
        return name in self._new or bool(row and row.ended and (kind == "after_any" or row.state == JobState.DONE))

    def _followed(self, name: str) -> list[str]:
        """What stands for a job, or an array of which some tasks were submitted again."""
        jobs = self._jobs(name)
        new = [self._new[each] for each in jobs if each in self._new]
        if jobs != [name] and new:
            return [new[0].partition("_")[0]] if len({each.partition("_")[0] for each in new}) == 1 else new
        return new or [name]

    def _jobs(self, name: str) -> list[str]:
        """A dependency's jobs: itself, or the tasks of an array."""
        array = self._place.hosts.array(name)
        return [f"{name}_{task}" for task in array[0].indices] if array else [name]


def _refusal(job_id: str, name: str, others: Sequence[str], kind: str) -> str:
    more = f" ({' '.join(others[:_TOLD])}{' …' if len(others) > _TOLD else ''})" if [name] != list(others) else ""
    return (
        f"job {job_id} followed on {name}{more}, which is not submitted again with it:"
        f" name that too, or say {kind} {name}"
    )
