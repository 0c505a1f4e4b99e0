"""Is the table of a job's life: phases, events, and what each event writes of the row."""

from __future__ import annotations

import functools

from proctracker.records import NamedTuple
from proctracker.supervisor import log
from proctracker.supervisor.base.jobs import Job, Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    F = TypeVar("F", bound=Callable[..., None])


class Event(NamedTuple):
    """Names the phases that an event is expected in and leads to, and the columns it writes."""

    at: tuple[Phase, ...]
    to: tuple[Phase, ...]
    writes: str


W, S, R, E = Phase.WAITING, Phase.STARTING, Phase.RUNNING, Phase.ENDED
_AGAIN = (
    "pid ticks kill_at attempt container container_id dispatched boot exit_status signal cpu max_rss ran due annotation"
)
_END = "state sub_state finished annotation exit_status signal"

LIFE: dict[str, Event] = {
    "claimed": Event((W,), (), "dispatched"),
    "unclaimed": Event((W,), (), "dispatched"),
    "held": Event((W,), (), "state"),
    "released": Event((W, R), (), "state"),
    "starting": Event((W,), (S,), ""),
    "postponed": Event((S,), (W,), "dispatched annotation"),
    "opened": Event((S,), (), "container boot dispatched annotation"),
    "called": Event((S,), (), "pid ticks"),
    "start_lost": Event((S, R), (W,), "pid ticks container container_id dispatched"),
    "spawned": Event((S,), (R,), "pid ticks boot annotation rss_floor dispatched state sub_state"),
    "replayed": Event((W,), (S, R), "pid ticks boot dispatched container annotation state sub_state"),
    "contained": Event((S, R), (R,), "pid ticks container_id boot annotation dispatched ran state sub_state"),
    "ran": Event((S, R), (R,), "pid ticks container_id dispatched state sub_state"),
    "settled": Event((R,), (), "state sub_state dispatched"),
    "suspended": Event((R,), (), "state sub_state"),
    "resumed": Event((R,), (), "state sub_state"),
    "noted": Event((W, S, R), (), "annotation"),
    "ending": Event((S, R), (), "kill_at sub_state"),
    "caught_up": Event((R,), (), "kill_at"),
    "inherited": Event((W, S, R), (), "kill_at"),
    "handed_over": Event((S,), (), "container container_id boot dispatched annotation"),
    "taken": Event((S,), (R,), "container_id annotation"),
    "rejoined": Event((W, S, R), (S, R), "boot since"),
    "observed": Event((R,), (), "container_id nodes queue pid rss_floor annotation dispatched state sub_state"),
    "ran_elsewhere": Event((S, R), (R,), "dispatched state sub_state ran running_since since"),
    "exited": Event((R,), (W, E), f"{_AGAIN} {_END}"),
    "lost": Event((W, S, R), (W, E), f"unseen running_since since {_AGAIN} {_END}"),
    "broken": Event((W, S, R), (E,), f"unseen running_since since {_END}"),
    "followed": Event((S, R), (W,), _AGAIN),
    "not_started": Event((W, S, R), (E,), f"pid ticks container container_id {_END}"),
    "refused": Event((W, S, R), (E,), f"pid ticks {_END}"),
    "given_up": Event((S,), (E,), f"pid ticks container container_id {_END}"),
    "left": Event((W, S, R), (E,), "container state sub_state finished"),
}
"""An event, a method of ``Lifecycle`` -> what it does (drawn in docs/design.md)."""


def event(method: F) -> F:
    """Make a method of ``Lifecycle`` an event, ignored after the end."""
    rule = LIFE[method.__name__]

    @functools.wraps(method)
    def happens(self: Any, job: Job, *args: Any, **more: Any) -> None:
        if job.phase not in rule.at:
            if job.phase is E:
                return
            log.say(f"job {job.row.id}: {method.__name__} while {job.phase.name.lower()}")
        if len(rule.to) == 1:
            job.phase = rule.to[0]
        method(self, job, *args, **more)

    return happens  # type: ignore[return-value]
