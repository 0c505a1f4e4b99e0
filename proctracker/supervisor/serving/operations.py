"""Carries out what clients ask for: one method a request, whose name is the request's."""

from __future__ import annotations

import os

from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.supervisor.base import settings
from proctracker.supervisor.base.jobs import GRACE
from proctracker.supervisor.serving.intake import own_limit
from proctracker.supervisor.serving.waits import values
from proctracker.version import __version__
from proctracker.wire import confinement, protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Sized

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.ledger import Ledger
    from proctracker.supervisor.cleanup.forgetting import Forgetting
    from proctracker.supervisor.control.actions import Actions
    from proctracker.supervisor.control.guests import Guests
    from proctracker.supervisor.running.batchjobs import BatchJobs
    from proctracker.supervisor.running.containers import Containers
    from proctracker.supervisor.scheduling.queue import Queue
    from proctracker.supervisor.serving.adoption import Adoption
    from proctracker.supervisor.serving.connection import Connection
    from proctracker.supervisor.serving.followers import Followers
    from proctracker.supervisor.serving.intake import Intake
    from proctracker.supervisor.serving.notices import Notices
    from proctracker.supervisor.serving.waits import Waits

    Message = Dict[str, Any]
    Operation = Callable[[Connection, int, Message], Any]

LATER = object()
"""What an operation returns that will answer by itself."""


def by_name(*parts: object) -> dict[str, Operation]:
    """Return what is done for each request: the public methods of these parts."""
    return {name: getattr(part, name) for part in parts for name in vars(type(part)) if not name.startswith("_")}


class SupervisorRequests:
    """Answers what concerns the supervisor itself.

    ``give_way`` and ``upgrade`` end it for another, ``clients`` are the connections.
    """

    def __init__(
        self,
        here: Here,
        queue: Queue,
        notices: Notices,
        clients: Sized,
        give_way: Callable[[], None],
        upgrade: Callable[[list[bytes]], None],
    ) -> None:
        self._here, self._queue, self._notices, self._clients = here, queue, notices, clients
        self._give_way, self._upgrade = give_way, upgrade

    def hello(self, connection: Connection, number: int, message: Message) -> Any:
        """Say who we are, and take the client's settings, or its release."""
        here = self._here
        if settings.tell(here.home, here.key, here.settings, message.get("settings") or {}):
            self._queue.limits_changed()
        self._notices.greeted(connection, bool(message.get("notices")))
        connection.columns = message.get("columns") or connection.columns
        caller = message.get("caller")
        self._notices.located()
        gives_way = caller is not None and here.stands_in
        if gives_way:
            here.loop.soon(self._give_way)
        return {
            "pid": os.getpid(),
            "package": __version__,
            "version": protocol.VERSION,
            "level": protocol.LEVEL,
            "fits": not gives_way and (caller is None or confinement.fits(here.me, caller, here.key)),
            "leaves": gives_way,
        }

    def status(self, connection: Connection, number: int, message: Message) -> Any:
        """Return what there is to tell of this supervisor."""
        return {
            "pid": os.getpid(),
            "keeper": self._here.seat.keeper,
            "package": __version__,
            "version": protocol.VERSION,
            "live": len(self._here.jobs),
            "queued": sum(1 for job in self._here.jobs if job.waits),
            "paused": self._queue.paused,
            "clients": len(self._clients),
        }

    def start(self, connection: Connection, number: int, message: Message) -> Any:
        """Let queued jobs go on that a reboot or a double death left."""
        return {"queued": self._queue.resume()}

    def upgrade(self, connection: Connection, number: int, message: Message) -> Any:
        """Let another release of the package go on in our place."""
        self._upgrade([os.fsencode(word) for word in message["command"]])
        return True


class JobRequests:
    """Takes jobs in, acts on them, and forgets them."""

    def __init__(
        self, here: Here, intake: Intake, adoption: Adoption, actions: Actions, forgetting: Forgetting, notices: Notices
    ) -> None:
        self._here, self._intake, self._adoption = here, intake, adoption
        self._actions, self._forgetting, self._notices = actions, forgetting, notices

    def submit(self, connection: Connection, number: int, message: Message) -> Any:
        """Accept jobs."""
        self._notices.submitted(connection)
        found = self._intake.submit(connection, number, message)
        return LATER if found is None else found

    def stdin(self, connection: Connection, number: int, message: Message) -> Any:
        """Take a descriptor once more, for a job whose former supervisor had it."""
        self._intake.stdin(connection, message["id"])
        return True

    def adopt(self, connection: Connection, number: int, message: Message) -> Any:
        """Take in containers whose jobs the store does not know."""
        return {"ids": self._adoption.adopt(message["contact"], message["found"], message.get("token"))}

    def control(self, connection: Connection, number: int, message: Message) -> Any:
        """Suspend, resume, hold, release or terminate jobs."""
        self._actions.control(
            message["ids"],
            message["action"],
            message.get("signal") or "SIGTERM",
            GRACE if message.get("grace") is None else float(message["grace"]),
            lambda outcome: connection.answer(number, outcome),
            bool(message.get("again")),
        )
        return LATER

    def reap(self, connection: Connection, number: int, message: Message) -> Any:
        """Forget ended jobs."""
        again = bool(message.get("again"))
        self._forgetting.reap(message["ids"], lambda outcome: connection.answer(number, outcome), again)
        return LATER

    def reported(self, connection: Connection, number: int, message: Message) -> Any:
        """Note that somebody was told how these ended."""
        self._here.store.mark_reported(message["ids"])
        return True


PATIENCE = 5.0
"""Seconds a scheduler has for an answer before a client is told what was known."""

PATIENCE_DOWN = 1.0
"""The same where the last look has failed, from when the next one may begin."""


class SightRequests:
    """Looks again at jobs that somebody else runs: engines, and schedulers, other hosts' jobs too."""

    def __init__(self, here: Here, containers: Containers, batch: BatchJobs, guests: Guests) -> None:
        self._here, self._containers, self._batch, self._guests = here, containers, batch, guests

    def look(self, connection: Connection, number: int, message: Message) -> Any:
        """Look at containers that somebody saw in another state than ours."""
        self._containers.look([name for name in message["ids"] if self._here.jobs.find(name)])
        return True

    def refresh(self, connection: Connection, number: int, message: Message) -> Any:
        """Answer once schedulers were looked at, or say why they could not be, within seconds.

        ``late`` tells that they have not answered so far, so that nothing speaks against what was known.
        """
        here, ids, answered = self._here, message["ids"], False
        self._guests.take([name for name in ids if here.jobs.find(name) is None])
        guests = [job for job in map(self._guests.find, ids) if job is not None]
        watches = [self._batch] * (len(guests) < len(ids)) + [self._guests.watch] * bool(guests)

        down = next((watch.looks.wrong for watch in watches if watch.looks.wrong), None)
        rests = max((watch.looks.pacer.rests for watch in watches), default=0.0)
        limit = min(rests + PATIENCE_DOWN if down else PATIENCE, float(here.settings["cli_timeout"]))

        def answer(wrong: str | None, late: bool = False) -> None:
            """Answer once, with other hosts' rows."""
            nonlocal answered
            if not answered:
                answered = True
                rows = [values(job.row) for job in guests]
                found = {"wrong": wrong, "rows": rows, "late": late}
                here.ledger.then(lambda: connection.answer(number, found))

        def looked(wrong: str | None) -> None:
            watches.pop()
            if wrong or not watches:
                answer(wrong)

        mine = [job for job in map(here.jobs.find, ids) if job is not None]
        for watch in [*watches]:
            watch.look(looked, mine if watch is self._batch else guests)
        if not watches:
            answer(None)
        late = f"no answer yet from the scheduler after {limit:g} s; this is what was known before"
        here.loop.after(limit, lambda: answer(down or late, not down))
        return LATER


class PushRequests:
    """Tells of jobs as they change, until that is cancelled."""

    def __init__(self, waits: Waits, followers: Followers, notices: Notices) -> None:
        self._waits, self._followers, self._notices = waits, followers, notices

    def wait(self, connection: Connection, number: int, message: Message) -> Any:
        """Push the rows of these jobs as each of them fits."""
        self._waits.add(connection, number, message["ids"], message["kind"], bool(message.get("all")))
        self._notices.awaited(connection, message["ids"])
        return True

    def follow(self, connection: Connection, number: int, message: Message) -> Any:
        """Push state changes: those after a sequence number, or from now on."""
        return {"seq": self._followers.add(connection, number, message.get("session"), message.get("since"))}

    def cancel(self, connection: Connection, number: int, message: Message) -> Any:
        """Push no more."""
        self._waits.cancel(connection, message["push"])
        self._followers.cancel(connection, message["push"])
        return True


class SessionRequests:
    """Makes, changes and destroys sessions."""

    def __init__(self, ledger: Ledger, queue: Queue, forgetting: Forgetting) -> None:
        self._ledger, self._store = ledger, ledger.store
        self._queue, self._forgetting = queue, forgetting

    def session_create(self, connection: Connection, number: int, message: Message) -> Any:
        """Make a new session.

        Where its commit fails or it is there already, that is this very request's where its token is there, too: it was
        answered by a supervisor that was killed, or the commit was made and the word of it lost.
        """
        name, contact, token = message["name"], message["contact"], message.get("token")
        try:
            self._ledger.accept(lambda store: store.add_session(name, contact, own_limit(message), token))
        except Drmaa2Exception as error:
            if not token or not self._made(token, error):
                raise
        return True

    def _made(self, token: str, error: Drmaa2Exception) -> bool:
        try:
            if not isinstance(error, InvalidArgumentException):
                self._store.renew()
            return self._store.made(token)
        except Drmaa2Exception:
            return False

    def session_ensure(self, connection: Connection, number: int, message: Message) -> Any:
        """Make a session unless it is there."""
        if self._store.session(message["name"]) is None:
            self.session_create(connection, number, message)
        return True

    def session_set(self, connection: Connection, number: int, message: Message) -> Any:
        """Change max_running."""
        name = self._known(message)
        self._store.set_session(name, int(message["max_running"]))
        self._queue.limits_changed(name)
        return True

    def session_destroy(self, connection: Connection, number: int, message: Message) -> Any:
        """Forget a session and its jobs."""
        if message.get("again") and self._store.session(message["name"]) is None:
            return {"reaped": []}  # a former supervisor did it, and was killed before it could say so
        self._forgetting.destroy(
            self._known(message),
            message.get("live") or "refuse",
            lambda found: connection.answer(number, found),
            lambda error: connection.refuse(number, error),
        )
        return LATER

    def session_leave(self, connection: Connection, number: int, message: Message) -> Any:
        """Leave this supervisor's jobs of a session that another one is about to destroy."""
        self._forgetting.leave(self._known(message))
        return True

    def _known(self, message: Message) -> str:
        """Return the name of a session, or raise InvalidArgumentException."""
        name: str = message["name"]
        if self._store.session(name) is None:
            raise InvalidArgumentException(f"no session {name!r}")
        return name
