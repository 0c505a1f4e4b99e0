"""Lets an event loop await many jobs by one descriptor, without a thread or polling."""

from __future__ import annotations

import asyncio
import weakref
from typing import Iterable

from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.model import JobRow
from proctracker.tracker.place import Place
from proctracker.tracker.waits import Listening, told

_MOST = 8
"""Questions that may be open before they are put as one: each has a connection of its own."""

_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Hub]] = weakref.WeakKeyDictionary()


async def ended(place: Place, job_id: str) -> JobRow:
    """The row of a job once it has ended. Cancelling this leaves the job alone."""
    hubs = _hubs.setdefault(asyncio.get_running_loop(), {})
    hub = hubs.get(place.home.path)
    if hub is None:
        hub = hubs[place.home.path] = Hub(place)
    return await hub.ended(job_id)


async def readable(fds: Iterable[int]) -> None:
    """Return when one of these descriptors is readable."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    fds = list(fds)
    for fd in fds:
        loop.add_reader(fd, _done, future)
    try:
        await future
    finally:
        for fd in fds:
            loop.remove_reader(fd)


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Hub:
    """All jobs of a home that are awaited in one event loop."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._futures: dict[str, list[asyncio.Future[JobRow]]] = {}
        self._fresh: list[str] = []
        self._open: dict[Listening, list[int]] = {}

    async def ended(self, job_id: str) -> JobRow:
        """See the function of that name."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[JobRow] = loop.create_future()
        if job_id not in self._futures:
            if not self._fresh:
                loop.call_soon(self._ask, loop)
            self._fresh.append(job_id)
        self._futures.setdefault(job_id, []).append(future)
        try:
            return await future
        finally:
            self._left(loop, job_id, future)

    def _left(self, loop: asyncio.AbstractEventLoop, job_id: str, future: asyncio.Future[JobRow]) -> None:
        """Note that somebody awaits no longer, and close the connection after the last."""
        waiting = self._futures.get(job_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._futures.pop(job_id, None)
        if not self._futures:
            for listening in list(self._open):
                self._close(loop, listening)

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        """Put the question about all jobs that have come up since the last one."""
        wanted, self._fresh = [name for name in self._fresh if name in self._futures], []
        if len(self._open) >= _MOST:
            for listening in list(self._open):
                wanted += [name for name in listening.open if name in self._futures]
                self._close(loop, listening)
        try:
            states = self._place.reader.states(wanted)
            for name in [name for name in wanted if name not in states]:
                wanted.remove(name)
                error = self._place.hosts.elsewhere([name], "wait")
                self._fail([name], error or InvalidArgumentException(f"no job {name}"))
            over = [name for name in wanted if states[name][2] is not None]
            self._tell(self._place.reader.jobs(over))
            live = [name for name in wanted if name not in set(over)]
            if live:
                self._listen(loop, Listening(self._place, self._place.by_keeper(live)))
        except Drmaa2Exception as error:
            self._fail(wanted, error)

    def _listen(self, loop: asyncio.AbstractEventLoop, listening: Listening) -> None:
        """Take what came with the answer, which makes no descriptor readable, and watch for more."""
        try:
            self._tell(listening.ready())
            if any(name in self._futures for name in listening.open):
                fds = self._open[listening] = listening.filenos()
                for fd in fds:
                    loop.add_reader(fd, self._ready, loop, listening)
                return
        except InvalidArgumentException:
            # One of them was reaped before it was seen: that one fails, the others are asked for anew.
            self._fresh += [name for name in listening.open if name in self._futures]
            loop.call_soon(self._ask, loop)
        except Drmaa2Exception as error:
            self._fail(listening.open, error)
        listening.close()

    def _ready(self, loop: asyncio.AbstractEventLoop, listening: Listening) -> None:
        """Something has come."""
        for fd in self._open.pop(listening, ()):
            loop.remove_reader(fd)
        self._listen(loop, listening)

    def _close(self, loop: asyncio.AbstractEventLoop, listening: Listening) -> None:
        for fd in self._open.pop(listening, ()):
            loop.remove_reader(fd)
        listening.close()

    def _tell(self, rows: Iterable[JobRow]) -> None:
        rows = list(rows)
        told(self._place, (row for row in rows if row.id in self._futures))
        for row in rows:
            for future in self._futures.pop(row.id, ()):
                if not future.done():
                    future.set_result(row)

    def _fail(self, names: Iterable[str], error: Drmaa2Exception) -> None:
        for name in list(names):
            for future in self._futures.pop(name, ()):
                if not future.done():
                    future.set_exception(error)
