"""What clients can ask for: a request's name -> what is done."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException
from proctracker.supervisor.base import settings
from proctracker.supervisor.serving import adoption
from proctracker.supervisor.serving.intake import own_limit
from proctracker.supervisor.serving.waits import values
from proctracker.version import __version__
from proctracker.wire import confinement, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from proctracker.supervisor.service import Core
    from proctracker.supervisor.serving.server import Connection

    Operation = Callable[[Core, Connection, int, dict[str, Any]], Any]


def _later() -> object:
    from proctracker.supervisor.serving.server import LATER

    return LATER


def hello(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Say who we are, and take the client's settings. A client of a newer release has us go on as that release."""
    if settings.tell(core.home, core.key, core.settings, message.get("settings") or {}):
        core.queue.limits_changed()
    core.notices.greeted(connection, bool(message.get("notices")))
    connection.columns = message.get("columns") or connection.columns
    caller = message.get("caller")
    core.notices.located()
    gives_way = caller is not None and core.stands_in
    if gives_way:
        core.loop.soon(core.give_way)
    return {
        "pid": os.getpid(),
        "package": __version__,
        "version": protocol.VERSION,
        "fits": not gives_way and (caller is None or confinement.fits(core.me, caller, core.key)),
        "leaves": gives_way,
    }


def submit(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Accept jobs."""
    core.notices.submitted(connection)
    found = core.intake.submit(connection, number, message)
    return _later() if found is None else found


def status(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """What there is to tell of this supervisor."""
    return {
        "pid": os.getpid(),
        "keeper": core.seat.keeper,
        "package": __version__,
        "version": protocol.VERSION,
        "live": len(core.jobs),
        "queued": sum(1 for job in core.jobs if job.row.dispatched is None),
        "paused": core.paused,
        "clients": len(core.server.connections),
    }


def start(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Let queued jobs go on that a reboot or a double death left."""
    return {"queued": core.housekeeping.unpause()}


def wait(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Push the rows of these jobs as each of them fits."""
    core.waits.add(connection, number, message["ids"], message["kind"], bool(message.get("all")))
    core.notices.awaited(connection, message["ids"])
    return True


def follow(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Push state changes: those after a sequence number, or from now on."""
    return {"seq": core.followers.add(connection, number, message.get("session"), message.get("since"))}


def cancel(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Push no more."""
    core.waits.cancel(connection, message["push"])
    core.followers.cancel(connection, message["push"])
    return True


def control(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Suspend, resume, hold, release, terminate."""
    core.controls.control(
        message["ids"],
        message["action"],
        message.get("signal") or "SIGTERM",
        10.0 if message.get("grace") is None else float(message["grace"]),
        lambda outcome: connection.answer(number, outcome),
        bool(message.get("again")),
    )
    return _later()


def reap(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Forget ended jobs."""
    core.reaping.reap(message["ids"], lambda outcome: connection.answer(number, outcome))
    return _later()


def look(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Somebody saw a container in another state than ours."""
    core.containers.look([name for name in message["ids"] if core.jobs.find(name)])
    return True


def refresh(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Answer once schedulers have been looked at, or just were: why they could not be, and the rows of other hosts' jobs."""
    ids, answered = message["ids"], False
    core.guests.take([name for name in ids if core.jobs.find(name) is None])
    guests = [job for job in map(core.guests.find, ids) if job is not None]
    watches = [core.batch] * (len(guests) < len(ids)) + [core.guests.watch] * bool(guests)

    def answer(wrong: str | None) -> None:
        nonlocal answered
        if not answered:
            answered = True
            rows = [values(job.row) for job in guests]
            core.ledger.then(lambda: connection.answer(number, {"wrong": wrong, "rows": rows}))

    def looked(wrong: str | None) -> None:
        watches.pop()
        if wrong or not watches:
            answer(wrong)

    for watch in [*watches]:
        watch.look(looked)
    late = f"no answer yet from the scheduler after {core.settings['cli_timeout']:g} s; this is what was known before"
    core.loop.after(float(core.settings["cli_timeout"]), lambda: answer(late))
    return _later()


def reported(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Somebody was told how these ended."""
    core.store.mark_reported(message["ids"])
    return True


def stdin(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Take a descriptor once more, for a job whose former supervisor had it."""
    job = core.jobs.find(message["id"])
    if job is not None and job.stdin is None and job.row.dispatched is None:
        job.stdin, connection.stdin = connection.stdin, None
        core.queue.kick()
    return True


def session_create(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """A new session."""
    core.store.add_session(message["name"], message["contact"], own_limit(message))
    return True


def session_ensure(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """A session, new or not."""
    if core.store.session(message["name"]) is None:
        core.store.add_session(message["name"], message["contact"], own_limit(message))
    return True


def session_set(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Change max_running."""
    _known(core, message["name"])
    core.store.set_session(message["name"], int(message["max_running"]))
    core.queue.limits_changed(message["name"])
    return True


def session_destroy(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Forget a session and its jobs."""
    _known(core, message["name"])
    live = message.get("live") or "refuse"
    core.reaping.destroy(
        message["name"],
        live,
        lambda found: connection.answer(number, found),
        lambda error: connection.refuse(number, error),
    )
    return _later()


def session_leave(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Leave this supervisor's jobs of a session that another one is about to destroy."""
    _known(core, message["name"])
    core.reaping.leave(message["name"])
    return True


def _known(core: Core, name: str) -> None:
    if core.store.session(name) is None:
        raise InvalidArgumentException(f"no session {name!r}")


def adopt(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Take in containers whose jobs the store does not know."""
    return {"ids": adoption.adopt(core, message["contact"], message["found"])}


def upgrade(core: Core, connection: Connection, number: int, message: dict[str, Any]) -> Any:
    """Let another release of the package go on in our place."""
    core.upgrade([os.fsencode(word) for word in message["command"]])
    return True


OPERATIONS: dict[str, Operation] = {
    function.__name__: function
    for function in (
        hello,
        submit,
        status,
        start,
        wait,
        follow,
        cancel,
        control,
        reap,
        look,
        refresh,
        reported,
        stdin,
        session_create,
        session_ensure,
        session_set,
        session_destroy,
        session_leave,
        adopt,
        upgrade,
    )
}
