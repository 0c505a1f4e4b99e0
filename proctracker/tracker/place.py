"""Opens a home as a client uses it: store, supervisors, configuration, jobs by id."""

from __future__ import annotations

import os
import weakref
from collections import deque

from proctracker.client.client import Client
from proctracker.client.link import Link
from proctracker.config import Config
from proctracker.errors import Drmaa2Exception, InvalidArgumentException, InvalidStateException
from proctracker.model import JobRow, JobState
from proctracker.model.structs import shown
from proctracker.store.paths import Home
from proctracker.tracker import contacts, schedulers
from proctracker.tracker.contacts import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping, Sequence

    from proctracker.store import Reader
    from proctracker.tracker.hosts import Hosts

_SEEING = 5.0
"""Seconds in which a supervisor sees what it was told to look at."""


class Place:
    """Represents one home, shared by all of this process that use it, in any thread and fork."""

    def __init__(self, path: str) -> None:
        self.home = Home(path)
        self._hosts: Hosts | None = None
        self._configured = contacts.Configured()
        self.lenient = False
        """Whether a wrong configuration is used as far as it can be, for ``doctor``."""
        self._clients: dict[str | None, Client] = {}
        self.tracks: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        """What is known of sessions' jobs (``track.track_of``), as long as anybody uses it."""
        self.destroyed = 0
        """How many sessions this process has destroyed: open ones look whether it was theirs."""
        self._targets: dict[str, tuple[Any, Config, Target]] = {}

    @property
    def hosts(self) -> Hosts:
        """Return the stores of all hosts, to read."""
        if self._hosts is None:
            from proctracker.store import Reader
            from proctracker.tracker.hosts import Hosts

            self._hosts = Hosts(Reader(self.home))
        return self._hosts

    @property
    def reader(self) -> Reader:
        """Return this host's store, to read."""
        return self.hosts.own

    def close(self) -> None:
        """Leave the supervisors and the store, which the next question opens again."""
        _close(os.getpid(), self._hosts, self._clients)

    # the outside

    def config(self) -> Config:
        """The configuration as it is now."""
        try:
            return self._configured.load(os.environ, self.lenient)
        except Drmaa2Exception:
            if not self.lenient:
                raise
            return Config()

    def target(self, contact: str | None, config: Config) -> Target:
        """What a contact means here and now."""
        key = config.default_contact if contact is None else contact
        if not isinstance(key, str):
            raise InvalidArgumentException(
                f"contact: a name is expected, as in podman or podman:ADDRESS, not {shown(key)}"
            )
        deciding = contacts.deciding(key, config, os.environ)
        known = self._targets.get(key)
        if known is None or known[1] is not config or known[0] != deciding:
            known = self._targets[key] = (deciding, config, contacts.resolve(key, config, os.environ))
        return known[2]

    def client(self, keeper: str | None = None) -> Client:
        """Return the client of one supervisor, by default of this process'."""
        found = self._clients.get(keeper)
        if found is None:
            found = self._clients[keeper] = Client(self.home, keeper, contacts.settings(self.config()))
        return found

    def client_of(self, rows: Iterable[JobRow]) -> Client:
        """Return the client of a running supervisor of these jobs, or of this process'."""
        rows = list(rows)
        for row in rows:
            known = self._clients.get(row.keeper) or self._clients.get(None)
            if known is not None and known.connected and known.supervisor.key == row.keeper:
                return known
        from proctracker.wire import election

        return self.client(next((row.keeper for row in rows if election.holders(self.home.run, row.keeper)), None))

    def refreshed(self, rows: Sequence[JobRow]) -> list[JobRow]:
        """The rows, those of jobs that a scheduler has as it tells now."""
        return schedulers.refreshed(rows, self.home.host, self.client, self.reader.jobs, Link.notice)

    # which supervisor

    def by_keeper(self, ids: Sequence[str]) -> dict[str | None, list[str]]:
        """Group job ids by the supervisor of their rows, None where nothing lives."""
        keepers = self.reader.keepers(ids)
        some = next(iter(keepers.values()), None)
        groups: dict[str | None, list[str]] = {}
        guests = self._guests([name for name in ids if name not in keepers])
        for name in ids:
            if name in guests:
                groups.setdefault(None, []).append(name)
                continue
            groups.setdefault(keepers.get(name, some), []).append(name)
        return groups or {None: []}

    def _guests(self, ids: Sequence[str]) -> set[str]:
        """Return those of these jobs that other hosts' schedulers have."""
        own = self.reader.states(ids) if ids else {}
        missing = [name for name in ids if name not in own]
        others = self.hosts.others() if missing else ()
        return {row.id for other in others for row in other.jobs(missing) if schedulers.of_scheduler(row)}

    def tell_all(self, op: str, **fields: Any) -> list[Any]:
        """Make a request of this process' supervisor and all that run, and return the answers."""
        client = self.client()
        answers = [client.call(op, **fields)]
        own = f"{client.supervisor.key}.sock"
        names = (name for name in os.listdir(self.home.run) if name.endswith(".sock") and name != own)
        return [*answers, *filter(None, (self.client(name[: -len(".sock")]).ask(op, **fields) for name in names))]

    def destroy(self, session: str, live: str) -> None:
        """Destroy a session, whichever supervisors its jobs have.

        ``live`` says what becomes of live jobs: ``refuse``, ``terminate`` or ``leave``.
        """
        client = self.client()
        client.call("status")
        own = client.supervisor.key
        for keeper, members in self.by_keeper(self.reader.ids(session=session, live=True)).items():
            if keeper in (None, own) or live == "refuse":
                continue
            if live == "leave":
                self.client(keeper).call("session_leave", name=session)
                continue
            self.act(members, "terminate")
            self.client(keeper).wait(members)
        client.call("session_destroy", name=session, live=live)

    def act(self, ids: Sequence[str], action: str, **options: Any) -> dict[str, Drmaa2Exception]:
        """Control or reap these jobs, and return what could not be done, by id."""
        problems = self._act(ids, action, options)
        unfit = [name for name, error in problems.items() if isinstance(error, InvalidStateException)]
        changed = self._changed_by_hand(unfit)
        for name in changed:
            del problems[name]
        if changed:
            problems.update(self._act(changed, action, options))
        return {name: self.better(name, action, error) for name, error in problems.items()}

    def _act(self, ids: Sequence[str], action: str, options: dict[str, Any]) -> dict[str, Drmaa2Exception]:
        problems: dict[str, Drmaa2Exception] = {}
        for keeper, members in self.by_keeper(ids).items():
            client = self.client(keeper)
            outcome = client.reap(members) if action == "reap" else client.control(members, action, **options)
            problems.update(outcome.errors)
        return problems

    def _changed_by_hand(self, ids: Sequence[str]) -> list[str]:
        """Return containers whose supervisor has now seen them in another state."""
        rows = [row for row in self.reader.jobs(ids) if row.container is not None and not row.ended] if ids else []
        rows = [row for row in rows if not schedulers.handed_over(row)]  # their supervisor has looked by itself
        if not rows:
            return []
        from proctracker.tracker import looks

        seen = looks.look(rows, self.reader, timeout=self.config().cli_timeout)
        found = []
        for row in rows:
            observation = seen.get(row.id)
            if observation is not None and observation.state not in (row.state, JobState.UNDETERMINED):
                client = self.client(row.keeper)
                client.call("look", ids=[row.id])
                client.wait([row.id], observation.state.name, timeout=_SEEING)
                found.append(row.id)
        return found

    def act_on_all(self, ids: Sequence[str], action: str, what: str, **options: Any) -> None:
        """Control every job of an array that fits.

        Raises, naming it, the first failure of another kind.

        InvalidStateException only if no job was in a fitting state.
        """
        problems = self.act(ids, action, **options)
        for name, error in problems.items():
            if not isinstance(error, InvalidStateException):
                raise type(error)(error.message if name in error.message else f"job {name}: {error.message}")
        if problems and len(problems) == len(ids):
            raise InvalidStateException(
                f"{what}: no task is in a state to {action}: {next(iter(problems.values())).message}"
            )

    def better(self, job_id: str, verb: str, error: Drmaa2Exception) -> Drmaa2Exception:
        """An error about a job, saying so if it is another host's."""
        if isinstance(error, InvalidArgumentException):
            return self.hosts.elsewhere([job_id], verb) or error
        return error


_KEPT = 4
"""Places kept open though nothing uses them at the moment."""

_places: weakref.WeakValueDictionary[str, Place] = weakref.WeakValueDictionary()
_recent: deque[Place] = deque(maxlen=_KEPT)


def at(path: str) -> Place:
    """The place of a home, one in each process."""
    found = _places.get(path)
    if found is None:
        found = _places[path] = Place(path)
        weakref.finalize(found, _close, os.getpid(), found.hosts, found._clients)
        _recent.append(found)
    return found


def _close(pid: int, hosts: Hosts | None, clients: dict[str | None, Client]) -> None:
    """Leave the supervisors and the store, unless a fork inherited them."""
    if os.getpid() == pid:
        for client in clients.values():
            client.close()
        if hosts is not None:
            hosts.close()


def here(environ: Mapping[str, str]) -> Place:
    """The place the environment names."""
    from proctracker.store import home_path

    return at(home_path(environ))
