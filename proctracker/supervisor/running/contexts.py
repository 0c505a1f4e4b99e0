"""Holds submitters' surroundings: environment, umask, limits, nice, affinity, groups."""

from __future__ import annotations

import json

from proctracker.model.marks import JOB_VARIABLES
from proctracker.supervisor.processes import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from proctracker.store import Store

KEPT = 64
"""Contexts kept parsed."""


class Context:
    """Made once of what a client sent, used for every job that was submitted with it."""

    __slots__ = ("_encoded", "_whole", "differs", "job_env", "surroundings")

    def __init__(self, text: str, mine: spawn.Own) -> None:
        values = json.loads(text)
        self.job_env: dict[str, str] = _without_ours(values.get("job_env") or {})
        self._whole = {**_without_ours(values.get("env") or {}), **self.job_env}
        self._encoded = spawn.encode(self._whole)
        self.surroundings = spawn.Surroundings(
            *map(values.get, ("umask", "limits", "nice", "affinity", "groups", "oom_score_adj"))
        )
        self.differs = spawn.differs(mine, self.surroundings)
        """What of them is not the supervisor's own."""

    def environment(self, ours: Mapping[str, str], containers: bool) -> dict[str, str]:
        """Return the job's environment, with the caller's unless a container's, and its ids."""
        return {**(self.job_env if containers else self._whole), **ours}

    def encoded(self, ours: Mapping[str, str]) -> dict[bytes, bytes]:
        """``environment`` of a process, as bytes."""
        return {**self._encoded, **spawn.encode(ours)}


class Contexts:
    """Reads contexts by their keys, and keeps those used last."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Context] = {}
        self.own = spawn.own()

    def get(self, key: str) -> Context | None:
        """Return a context, or None once it was dropped."""
        found = self._known.get(key)
        if found is None:
            text = self._store.context(key)
            if text is None:
                return None
            if len(self._known) >= KEPT:
                self._known.clear()
            found = self._known[key] = self.made(text)
        return found

    def made(self, text: str) -> Context:
        """Parse one. Raises ValueError, TypeError or AttributeError for what is none."""
        return Context(text, self.own)

    def forget(self) -> None:
        """Drop all, as some may be gone from the store."""
        self._known.clear()


def _without_ours(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in JOB_VARIABLES}
