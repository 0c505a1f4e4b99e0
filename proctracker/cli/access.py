"""Gives commands the state directory, configuration, supervisor and the jobs meant."""

from __future__ import annotations

import os

from proctracker.cli import formats, names
from proctracker.cli.options import dependencies
from proctracker.cli.streams import unanswered
from proctracker.errors import InvalidArgumentException, InvalidSessionException
from proctracker.store.paths import Home, home_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.cli.call import Call
    from proctracker.client.client import Client
    from proctracker.config import Config
    from proctracker.model import JobInfo, JobRow, Observation
    from proctracker.store.reader import Reader
    from proctracker.store.rows import TransitionRow
    from proctracker.tracker.contacts import Target
    from proctracker.tracker.hosts import Hosts
    from proctracker.tracker.place import Place

DEFAULT_SESSION = "default"


class Access:
    """Is one command's way to everything, each part opened when first used."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.home = Home(home_path(os.environ))
        unanswered.watch(self.home.path)
        self.failed = False
        """Something that was asked for could not be done, and was told of."""
        self._refreshed: set[str] = set()
        self._reader: Reader | None = None
        self._hosts: Hosts | None = None
        self._place: Place | None = None
        call.open.add(self)

    @property
    def reader(self) -> Reader:
        """The store, to read."""
        if self._reader is None:
            from proctracker.store.reader import Reader

            self._reader = Reader(self.home)
        return self._reader

    @property
    def hosts(self) -> Hosts:
        """Return the stores of all hosts, to read."""
        if self._hosts is None:
            from proctracker.tracker.hosts import Hosts

            self._hosts = Hosts(self.reader)
        return self._hosts

    @property
    def place(self) -> Place:
        """The state directory as the tracker uses it: supervisors, configuration, jobs by id."""
        if self._place is None:
            from proctracker.client.link import Link
            from proctracker.tracker.place import Place

            Link.notice = staticmethod(formats.notice)  # type: ignore[method-assign]
            self._place = Place(self.home.path)
        return self._place

    @property
    def config(self) -> Config:
        """The configuration. Raises InvalidArgumentException naming the file and the key."""
        return self.place.config()

    @property
    def client(self) -> Client:
        """Return the client of our supervisor, started when something needs it."""
        return self.place.client()

    def close(self) -> None:
        """Close what was opened, and leave the supervisors."""
        self.call.open.discard(self)
        if self._place is not None:
            self._place.close()
        for each in (self._reader, self._hosts):
            if each is not None:
                each.close()

    def supervised(self, rows: Sequence[JobRow] = ()) -> bool:
        """Return whether the supervisors of these jobs run, by default our own."""
        from proctracker.wire import confinement, election

        keys = {row.keeper for row in rows} or {confinement.key()}
        return all(election.holders(self.home.run, key) for key in keys)

    def supervisor_told(self) -> dict[str, Any] | None:
        """Return what the running supervisor tells of itself, or None."""
        return self.client.ask("status") if self.supervised() else None

    @property
    def session(self) -> str | None:
        """The session to look at alone. Raises InvalidSessionException if it does not exist."""
        self.check_session()
        return self.call.session

    def check_session(self) -> None:
        """Raise InvalidSessionException if the session named does not exist."""
        name = self.call.session
        if name is not None and name != DEFAULT_SESSION and self.reader.session(name) is None:
            raise InvalidSessionException(f"no session {name!r}: `proctracker session list` shows those there are")

    @property
    def default_contact(self) -> str:
        """The contact of jobs that name none: the caller's, the session's, the configuration's."""
        if self.call.contact:
            return self.call.contact
        known = self.reader.session(self.call.session) if self.call.session else None
        return known.contact if known else self.config.default_contact

    def target(self, contact: str | None = None) -> Target:
        """The runtime and engine of a contact, the default one if none is named."""
        return self.place.target(contact or self.default_contact, self.config)

    def contacts(self) -> list[str]:
        """Every runtime there is, and the trackers of the configuration."""
        from proctracker import runtimes

        names = runtimes.names()
        return [*names, *(name for name in self.config.trackers if name not in names)]

    def rows(
        self, *, live: bool | None = None, states: Sequence[int] | None = None, all_hosts: bool = False
    ) -> list[JobRow]:
        """Return the jobs of the session, or of all, that fit, ``all_hosts`` included."""
        name = self.call.session if all_hosts else self.session
        found = self.reader.jobs(session=name, states=states, live=live)
        for reader in self.hosts.others() if all_hosts else ():
            found += reader.jobs(session=name, states=states, live=live)
        return found

    def named(self, words: Sequence[str], *, read_only: bool = False, strict: bool = False) -> list[JobRow]:
        """Return the jobs meant by words, each once.

        What is unknown, or another host's unless only read, is told of and left out; raised if ``strict`` or if nothing
        is left. An id means its job whatever the session, which has to exist all the same.
        """
        self.check_session()
        ids = [each for word in words for each in names.ids(word)]
        known = {row.id: row for row in self.reader.jobs(ids)}
        found: dict[str, JobRow] = {}
        problem: InvalidArgumentException | None = None
        for word in ids:
            rows = [known[word]] if word in known else self._array(word)
            try:
                found.update({row.id: row for row in rows or self._elsewhere(word, read_only)})
            except InvalidArgumentException as error:
                if strict:
                    raise
                if problem:
                    self.tell(problem.message)
                problem = error
        if problem and not found:
            raise problem
        if problem:
            self.tell(problem.message)
        return list(found.values())

    def tell(self, message: str) -> None:
        """Tell of one of several things that could not be done."""
        formats.say(f"error: {message}")
        self.failed = True

    def _array(self, word: str, reader: Reader | None = None) -> list[JobRow]:
        return (reader or self.reader).jobs(array=int(word)) if names.is_number(word) else []

    def _elsewhere(self, word: str, read_only: bool) -> list[JobRow]:
        """Return the same from other hosts, or raise InvalidArgumentException saying where."""
        from proctracker.tracker import schedulers

        for reader in self.hosts.others():
            rows = reader.jobs([word]) or self._array(word, reader)
            if rows and not read_only and not all(map(schedulers.of_scheduler, rows)):
                host = reader.home.host
                where = f"ssh {host} proctracker {self.call.command.name} {word}"
                raise InvalidArgumentException(f"job {word} is on {host}: {where}")
            if rows:
                return rows
        return names.called(self.reader, word, self.call.session)

    def dependencies(self, key: str) -> list[str]:
        """The ids given with ``--after`` or ``--after-any``, perhaps as names."""
        return names.as_ids(self.reader, dependencies(self.call.values, key), self.call.session)

    def again(self, rows: Sequence[JobRow]) -> list[JobRow]:
        """Read rows of any host again, leaving out reaped ones."""
        return [row for reader, ids in self._by_host(rows) for row in reader.jobs(ids)]

    def _reader_of(self, row: JobRow) -> Reader:
        """Return the store of a job's host."""
        return self.reader if row.host in ("", self.home.host) else self.hosts.of(row.host)

    def _by_host(self, rows: Sequence[JobRow]) -> list[tuple[Reader, list[str]]]:
        """Group ids of jobs by their store."""
        hosts = {row.host: self._reader_of(row) for row in rows}
        return [(reader, [row.id for row in rows if row.host == host]) for host, reader in hosts.items()]

    def home_of(self, row: JobRow) -> Home:
        """The state directory as the job's host sees it."""
        return self._reader_of(row).home

    def spec(self, row: JobRow) -> dict[str, Any]:
        """What a job was to be."""
        return self._reader_of(row).spec(row.spec)

    def observations(self, rows: Sequence[JobRow]) -> dict[str, Observation]:
        """Ask the engines, or the process table, about live jobs of this host."""
        live = [row for row in rows if not row.ended and row.host == self.home.host]
        if not live or (self.supervised(live) and not any(row.container for row in live)):
            return {}
        from proctracker.tracker import looks

        return looks.look(live, self.reader, timeout=self.config.cli_timeout)

    def refreshed(self, rows: Sequence[JobRow]) -> list[JobRow]:
        """Read a scheduler's jobs again, once, and say on stderr where it does not answer."""
        asked = {row.id for row in rows if row.container is not None and not row.ended}
        if asked <= self._refreshed:
            return list(rows)
        self._refreshed |= asked
        from proctracker.tracker import schedulers

        def client(keeper: str | None) -> Client:
            return self.place.client(keeper)  # what it takes is loaded only where there is such a job

        return schedulers.refreshed(rows, self.home.host, client, self.reader.jobs, formats.notice)

    def looked(self, rows: Sequence[JobRow]) -> list[JobRow]:
        """The rows as things are now."""
        from copy import copy

        from proctracker.tracker import walls

        rows = self._explained(self.refreshed(rows))
        seen = self.observations(rows)
        found = []
        for row in rows:
            observation = seen.get(row.id)
            if observation is not None:
                row = copy(row)
                ran = walls.wall(row, observation)
                row.ran, row.running_since, row.unseen = ran or 0.0, None, int(ran is None)
                row.state, row.sub_state = int(observation.state), observation.sub_state
                row.annotation = observation.annotation or row.annotation
            found.append(row)
        return found

    def infos(self, rows: Sequence[JobRow]) -> list[JobInfo]:
        """Everything about jobs."""
        from proctracker.tracker import infos

        rows = self._explained(self.refreshed(rows))
        seen = self.observations(rows)
        return [infos.info(row, self.spec(row), seen.get(row.id), home=self.home_of(row)) for row in rows]

    def changes(self, rows: Sequence[JobRow]) -> dict[str, list[TransitionRow]]:
        """Return how jobs of whatever host changed their states, by id, oldest first."""
        found: dict[str, list[TransitionRow]] = {}
        for reader, ids in self._by_host(rows):
            for change in reader.transitions(ids):
                found.setdefault(change.job_id, []).append(change)
        return found

    def _explained(self, rows: Sequence[JobRow]) -> Sequence[JobRow]:
        """Put into queued jobs' rows why they have not started."""
        if all(row.ended or row.running_since is not None for row in rows):
            return rows
        from proctracker.tracker import reasons

        return reasons.explained(rows, self.reader, self.config)

    def told(self, rows: Sequence[JobRow]) -> None:
        """Note that we have told how these ended, so that ``wait --all`` does not."""
        from proctracker.tracker import waits

        waits.told(self.place, rows, noted=True)

    def own_job(self) -> str | None:
        """The id of the job this very command runs in, if it is one of this home."""
        mark = os.environ.get("PROCTRACKER_JOB", "").split("/")
        return mark[1] if len(mark) == 3 and self.home.check() and mark[0] == self.home.uuid else None
