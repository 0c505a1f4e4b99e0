"""A submitter's surroundings as its jobs get them: environment, umask, limits, nice value, affinity, groups, oom."""

from __future__ import annotations

import json

from proctracker.model.marks import JOB_VARIABLES
from proctracker.supervisor.processes import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


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
        """The caller's environment (not for containers) and the job's, with what says which job it is."""
        return {**(self.job_env if containers else self._whole), **ours}

    def encoded(self, ours: Mapping[str, str]) -> dict[bytes, bytes]:
        """``environment`` of a process, as bytes."""
        return {**self._encoded, **spawn.encode(ours)}


def _without_ours(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in JOB_VARIABLES}
