"""The resource limits a job asked for, over those of its caller."""

from __future__ import annotations

import resource

from proctracker.supervisor.processes.spawn import Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_WARNING = 5
"""Seconds between SIGXCPU and SIGKILL, so that a job ends by the signal that says why."""


def over(asked: Mapping[str, int], caller: Surroundings, differs: Surroundings | None) -> Surroundings | None:
    """Put the limits asked for over ``differs``, hard ones too.

    They are RLIMIT's name -> value, -1 being as much as the caller may have.
    """
    if not asked:
        return differs
    limits = dict((differs.limits if differs else None) or {})
    for name, value in asked.items():
        most = _most(name, caller)
        if value == resource.RLIM_INFINITY:
            limits[name] = (most, most)
        elif name == "CPU" and (most == resource.RLIM_INFINITY or value + _WARNING <= most):
            limits[name] = (value, value + _WARNING)
        else:
            limits[name] = (value, value)
    return (differs or Surroundings(caller.umask))._replace(limits=limits)


def _most(name: str, caller: Surroundings) -> int:
    """The caller's hard limit."""
    known = (caller.limits or {}).get(name)
    return known[1] if known else resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
