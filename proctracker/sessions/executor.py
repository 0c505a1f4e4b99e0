"""Runs calls of Python functions as jobs, as a ``concurrent.futures.Executor``."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, TypeVar

from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.model import extension
from proctracker.sessions import awaits, callfiles, calls, functions
from proctracker.sessions.callee import IMPORTING
from proctracker.sessions.job import Job, facts_of, given_of
from proctracker.sessions.jobfuture import JobFuture
from proctracker.sessions.jobsession import JobSession, limit
from proctracker.tracker import images

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from proctracker.sessions.keywords import TemplateKeywords

T = TypeVar("T")


class JobExecutor(Executor):
    """Runs calls as jobs.

    ``session``: a name (made if missing; None: ``default``) or an open JobSession. ``max_running``: how many slots the
    session's jobs may hold at once; where no session is named the executor gets one of its own. ``template``:
    JobTemplate's attributes and extensions as ``submit`` takes them; ``remote_command`` is the Python that makes the
    calls, by itself the caller's, in containers the image's ``python3``, which has to be of the same minor version: what
    a local image says of that (PYTHON_VERSION) is looked at here, else the job tells.

    Functions, arguments and results are pickled, by ``cloudpickle`` what the standard library cannot, if it is installed.
    They lie in the state directory until they are fetched or the job is reaped. A function of a script needs
    ``if __name__ == "__main__":`` around what submits, as with processes of ``multiprocessing``.

    Jobs outlive this process; what they return then is lost. One thread serves all calls under way. After a fork the
    child may submit calls of its own; it cannot await its parent's.
    """

    def __init__(
        self,
        session: str | JobSession | None = None,
        contact: str | None = None,
        max_running: int | None = None,
        **template: Unpack[TemplateKeywords],
    ) -> None:
        if max_running is not None:
            limit(max_running)
        self._values: dict[str, Any] = dict(template)
        if self._values.get("args") is not None:
            raise InvalidArgumentException("args: the arguments are those of the calls")
        self._python = self._values.pop("remote_command", None)
        calls.template_of([self._python or "python3"], contact, self._values)  # what is wrong is told now
        self._session = _opened(session, contact, max_running)
        place = self._session._place
        self._contact = contact or extension(calls.template_of(None, None, self._values), "contact")
        config = place.config()
        target = place.target(self._contact or self._session.contact, config)
        category = self._values.get("job_category")
        # A scheduler's jobs run in an image only where one is named.
        self._image = "volumes" in target.runtime.extensions and (target.runtime.batch is None or bool(category))
        if self._image and category and self._python is None:
            callfiles.check_python(images.environment(target, category, config), category)
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        """Have no call under way: in a new executor, and in a fork, where those are the parent's."""
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._open: set[JobFuture] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Submit a call, and return its JobFuture.

        Raises RuntimeError after ``shutdown``.

        InvalidArgumentException for what cannot be pickled, and as ``pt.submit`` raises; then there is no job.
        """
        if isinstance(fn, _Chunked):
            return self._submit(callfiles.Call(fn.function, args[0], {}, many=True))
        return self._submit(callfiles.Call(fn, args, kwargs))

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        **more: Any,
    ) -> Iterator[T]:
        """Return the results of calls with an item of each iterable, in order.

        ``chunksize`` calls are one job.

        All are submitted now. TimeoutError where one is not there so many seconds after this call.
        """
        if isinstance(chunksize, bool) or not isinstance(chunksize, int) or chunksize < 1:
            raise InvalidArgumentException(f"chunksize: a whole number from 1 is expected, not {chunksize!r}")
        if chunksize == 1:
            return super().map(fn, *iterables, timeout=timeout, **more)
        items = zip(*iterables)
        chunks = iter(lambda: tuple(itertools.islice(items, chunksize)), ())
        return itertools.chain.from_iterable(super().map(_Chunked(fn), chunks, timeout=timeout, **more))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls.

        ``wait`` blocks until those under way have ended, ``cancel_futures`` terminates those that queue.
        """
        self._after_fork()
        with self._changed:
            self._closed = True
            left = list(self._open)
        if cancel_futures:
            for future in reversed(left):
                future.cancel()
        thread = self._thread
        if wait and thread is not None and thread is not threading.current_thread():
            with self._changed:
                self._changed.wait_for(lambda: not self._open)
            thread.join()

    def _submit(self, call: callfiles.Call) -> JobFuture:
        self._after_fork()
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if os.environ.get(IMPORTING):
            raise RuntimeError(
                "a call's script is imported by its job, and submits again: put what submits below"
                ' `if __name__ == "__main__":`'
            )
        home = self._session._place.home
        token, command, volumes = callfiles.send(home, call, self._image, self._python)
        try:
            template = calls.template_of(command, self._contact, {"job_name": call.name, **self._values})
            if volumes:
                known = extension(template, "volumes") or []
                more = [known] if isinstance(known, str) else list(known)
                template.implementation_specific = {
                    **(template.implementation_specific or {}),
                    "volumes": [*more, *volumes],
                }
            done = self._session._submit(template, call=token)
        except BaseException:
            home.drop_call(token)
            raise
        future = JobFuture(Job(self._session._track, done.id, given_of(template), facts_of(done.spec)))
        self._attend(future, token)
        return future

    # one thread for all calls under way

    def _attend(self, future: JobFuture, token: str) -> None:
        """Have the thread await a job, which lives as long as any is awaited."""
        with self._changed:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name="proctracker calls", daemon=True
                )
                self._thread.start()
            self._open.add(future)
            asyncio.run_coroutine_threadsafe(self._await(future, token), self._loop)

    async def _await(self, future: JobFuture, token: str) -> None:
        """Settle a future once its job has ended."""
        place, row, problem = self._session._place, None, None
        try:
            row = await awaits.ended(place, future.job.id)
        except Drmaa2Exception as error:
            problem = error
        try:
            future.settle(callfiles.receive(place.home, token, future.job, row, problem, self._image))
        finally:
            with self._changed:
                self._open.discard(future)
                if not self._open and self._loop is not None:
                    self._loop.call_soon(self._loop.stop)
                    self._loop = None
                self._changed.notify_all()

    def _after_fork(self) -> None:
        """Leave the parent's calls to it."""
        if self._process != os.getpid():
            self._begin()


class _Chunked:
    """A function of which ``submit`` makes several calls in one job."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, chunk: Iterable[tuple[Any, ...]]) -> list[Any]:
        """What the calls return."""
        return [self.function(*each) for each in chunk]


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _opened(session: str | JobSession | None, contact: str | None, max_running: int | None) -> JobSession:
    """The session of an executor's jobs."""
    if isinstance(session, JobSession):
        found = session
    elif session is None and max_running is not None:
        return functions.create_job_session(None, contact, max_running)
    else:
        found = functions.job_session(calls.DEFAULT if session is None else session, contact)
    if max_running is not None:
        found.max_running = max_running
    return found
