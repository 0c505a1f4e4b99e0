"""Accepts jobs: numbers, rows, one commit, then the answer."""

from __future__ import annotations

import json
import os
import time

from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.records import record
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import Job
from proctracker.templates import items as fields
from proctracker.templates import paths
from proctracker.wire import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Sequence

    from proctracker.store import Store
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.control.clocks import Clocks
    from proctracker.supervisor.running.contexts import Contexts
    from proctracker.supervisor.scheduling.queue import Queue
    from proctracker.supervisor.serving.connection import Connection
    from proctracker.supervisor.serving.notices import Notices

NONE_OF_ITS_OWN = -1
"""As a session's max_running: the configuration's holds, as clients tell it."""

AGAIN = 1.0
"""Seconds between looks whether the store has a submit, while it cannot be read."""


def own_limit(message: dict[str, Any]) -> int:
    """The max_running that a client gives a new session."""
    given = message.get("max_running")
    return NONE_OF_ITS_OWN if given is None else int(given)


@record
class Entry:
    """A submit while it is written."""

    connection: Connection
    number: int
    message: dict[str, Any]
    spec: dict[str, Any]
    rows: list[JobRow]
    resumed: int
    stdin: int | None = None

    def take(self) -> None:
        """Take the descriptor that came with it."""
        self.stdin, self.connection.stdin = self.connection.stdin, None

    def close(self) -> None:
        """Give up what came with it: it is refused."""
        if self.stdin is not None:
            os.close(self.stdin)


class Intake:
    """Takes submits."""

    def __init__(self, here: Here, queue: Queue, contexts: Contexts, clocks: Clocks, notices: Notices) -> None:
        self._here, self._queue, self._contexts, self._clocks = here, queue, contexts, clocks
        self._notices = notices
        self._known: set[str] = set()
        """Contexts that are in the store."""
        self._sessions: set[str] = set()
        """Sessions that are there, as long as no other supervisor may destroy them."""

    def forget_contexts(self) -> None:
        """Contexts may have been dropped."""
        self._known.clear()

    def forget_session(self, name: str) -> None:
        """A session was destroyed."""
        self._sessions.discard(name)

    def submit(self, connection: Connection, number: int, message: dict[str, Any]) -> dict[str, Any] | None:
        """Accept a job or an array, or return None where it is answered later, once the store can tell."""
        here = self._here
        here.home.held.check()
        token = message["token"]
        if message.get("again"):
            known = here.store.submitted(token)
            if known is not None:
                return {"id": known}
        key = message["context"]
        text = message.get("context_text")
        told = key in self._known and not self._queue.others()  # others drop what they need no more
        if text is None and not told and here.store.context(key) is None:
            return {"need": key}
        spec = self._checked(message)
        resumed = self._queue.resume()
        rows: list[JobRow] = []
        here.store.refuse_new()
        entry = Entry(connection, number, message, spec, rows, resumed)
        try:
            here.ledger.accept(lambda store: rows.extend(self._write(store, message, spec)))
        except Drmaa2Exception as error:
            made = self._made(entry) if rows else False
            if made is False:
                raise
            entry.take()
            if made is None:
                refused = error
                self._notices.trouble(error.message, "submit")
                here.loop.after(AGAIN, lambda: self._settle(entry, refused))
                return None
        else:
            entry.take()
        return self._entered(entry)

    def stdin(self, connection: Connection, job_id: str) -> None:
        """Take the descriptor of a waiting job that has none."""
        job = self._here.jobs.find(job_id)
        if job is not None and job.stdin is None and job.waits:
            job.stdin, connection.stdin = connection.stdin, None
            self._queue.kick()

    def _entered(self, entry: Entry) -> dict[str, Any]:
        """Let jobs go on that are in the store, and return the answer."""
        self._known.add(entry.message["context"])
        self._sessions.add(entry.message["session"])
        stdin, rows = entry.stdin, entry.rows
        for row in rows:
            job = Job(row, entry.spec, entry.message["context"])
            job.stdin = stdin if stdin is None or row is rows[0] else os.dup(stdin)
            self._here.jobs.add(job)
            self.enter(job)
        answer: dict[str, Any] = {"id": str(rows[0].num)}
        if entry.resumed:
            answer["resumed"] = entry.resumed
        return answer

    def _made(self, entry: Entry) -> bool | None:
        """Return whether the store has a submit whose commit failed, None being unknown.

        Over NFS it may be the answer to a commit that is lost, not the commit.
        """
        store = self._here.store
        try:
            store.renew()
            return bool(store.jobs([entry.rows[0].id]))
        except Drmaa2Exception:
            return None

    def _settle(self, entry: Entry, error: Drmaa2Exception) -> None:
        """Answer a submit that could not be answered at once."""
        here, made = self._here, self._made(entry)
        if made is None:
            here.loop.after(AGAIN, lambda: self._settle(entry, error))
            return
        self._notices.trouble(None, "submit")
        if made:
            entry.connection.answer(entry.number, self._entered(entry))
        else:
            entry.close()
            entry.connection.refuse(entry.number, error)

    def _checked(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a submit's spec, or raise InvalidArgumentException for an impossible one."""
        items, text = message.get("items"), message.get("context_text")
        if items is not None and len(items) != len(message.get("indices") or ()):
            raise InvalidArgumentException(f"submit: {len(items)} items for {len(message.get('indices') or ())} tasks")
        try:
            spec: dict[str, Any] = protocol.parse(message["raw"])
            if text is not None:
                self._contexts.made(text)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidArgumentException(f"submit: neither spec nor surroundings: {error}") from None
        wrong = shapes.problem(spec, shapes.SPEC)
        if wrong:
            raise InvalidArgumentException(f"submit: {wrong}")
        return spec

    def _write(self, store: Store, message: dict[str, Any], spec: dict[str, Any]) -> list[JobRow]:
        """Put a submit into the store, within a transaction: session, surroundings, spec, rows."""
        here, session, key = self._here, message["session"], message["context"]
        indices: list[int] | None = message.get("indices")
        items, text = message.get("items"), message.get("context_text")
        known = session in self._sessions and not self._queue.others()
        if not known and store.session(session) is None:
            if not message.get("create"):
                raise InvalidArgumentException(f"no session {session!r}")
            store.add_session(session, message.get("contact") or spec["contact"], own_limit(message))
        number = store.allocate(1)
        if text is not None:
            store.add_context(key, text)
        spec_number = store.add_spec(message["raw"], key, message["token"])
        rows = list(_rows(here.home.host, here.key, session, spec, spec_number, number, indices, items))
        if indices is not None:
            store.add_array(number, session, spec_number, indices, spec.get("max_parallel") or 0, items)
        store.add_jobs(rows)
        return rows

    def enter(self, job: Job) -> None:
        """A job that waits for its start: into the queue, and its deadline on the clock."""
        self._clocks.keep_deadline(job)
        self._queue.add(job)


def _rows(
    host: str,
    keeper: str,
    session: str,
    spec: dict[str, Any],
    number: int,
    num: int,
    indices: Sequence[int] | None,
    items: Any,
) -> Iterator[JobRow]:
    """The rows of a job, or of an array's tasks."""
    now = time.time()
    template = spec["template"]
    words = [*([template["remote_command"]] if template.get("remote_command") else []), *(template.get("args") or [])]
    command = json.dumps(words)
    state = int(JobState.QUEUED_HELD if spec.get("hold") else JobState.QUEUED)
    resolved = paths.resolve(spec, str(num))
    fixed = indices is None or not any(map(paths.varies, paths.texts(spec)))
    for place, index in enumerate(indices if indices is not None else [0]):
        task = index if indices is not None else None
        name = f"{num}_{index}" if indices is not None else str(num)
        if not fixed:
            resolved = paths.resolve(spec, name)
        if items is not None:
            command = json.dumps(_argv(words, items[place]))
        workdir, stdin, stdout, stderr = resolved
        yield JobRow(
            name,
            num,
            task,
            session,
            spec["contact"],
            spec["runtime"],
            spec.get("name"),
            number,
            state,
            submitted=now,
            changed=now,
            host=host,
            priority=int(spec.get("priority") or 0),
            slots=int(spec.get("slots") or 1),
            keeper=keeper,
            resubmitted_from=spec.get("resubmitted_from"),
            workdir=workdir,
            input=stdin,
            output=stdout,
            error=stderr,
            command=command,
            category=template.get("job_category"),
        )


def _argv(words: list[str], item: str | list[str]) -> list[str]:
    """Return a task's command, of its item as last argument or of its fields."""
    return [*words, item] if isinstance(item, str) else fields.argv(words, item)
