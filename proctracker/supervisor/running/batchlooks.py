"""Asks schedulers: one look at all jobs, when that is due, and what they say of themselves and of what they have forgotten."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, words
from proctracker.linux import clock
from proctracker.runtimes.base import Engine
from proctracker.supervisor import log
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.running.pacer import Pacer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Mapping, Sequence

    from proctracker.model import Completed, Observation
    from proctracker.runtimes.batch import Batch, Config
    from proctracker.supervisor.base.loop import Loop
    from proctracker.supervisor.processes.calls import Calls

    Seen = Mapping[str, Observation]
    Told = Callable[["str | None"], None]

TIMEOUT = 60.0
"""Seconds a scheduler has for an answer."""


class Asked:
    """What a scheduler is asked about one engine's jobs."""

    __slots__ = ("batch", "engine", "jobs", "key")

    def __init__(self, job: Job) -> None:
        self.batch, self.engine = batch_of(job), engine_of(job)
        self.key = (job.row.runtime, repr((self.engine.command, self.engine.options, self.engine.env)))
        self.jobs: list[Job] = []


class BatchLooks:
    """Calls ``begins`` before each look at ``jobs``, and ``seen`` with what an engine's scheduler says and since when."""

    def __init__(
        self,
        loop: Loop,
        calls: Calls,
        jobs: Callable[[], Iterable[Job]],
        begins: Callable[[], None],
        seen: Callable[[Asked, Seen, float], None],
    ) -> None:
        self._calls, self._jobs, self._begins, self._seen = calls, jobs, begins, seen
        self.trouble: Callable[[str | None], None] = lambda text: None
        """Called with why a scheduler cannot be asked, and (None) when it can be again."""
        self.wrong: str | None = None
        """Why the last look failed."""
        self.pacer = Pacer(loop, self._look)
        self._configs: dict[tuple[str, str], Config] = {}
        self._awaiting: list[Told] = []
        self._next: list[Told] = []

    # the look at all

    def now(self, told: Told) -> None:
        """Look at once, and call ``told(problem or None)``."""
        self._next.append(told)
        self.pacer.now()

    def soon(self, told: Told | None) -> None:
        """Look as soon as that may be, and call it."""
        if told is not None:
            self._next.append(told)
        self.pacer.wanted()

    def rest(self) -> None:
        """There is nothing to look at: whoever waits for a look is told that nothing is wrong."""
        self.pacer.rest()
        self._awaiting, self._next = [*self._awaiting, *self._next], []
        self._tell(None)

    def _look(self) -> None:
        self._awaiting, self._next = [*self._awaiting, *self._next], []
        groups: dict[tuple[str, str], Asked] = {}
        for job in self._jobs():
            asked = Asked(job)
            groups.setdefault(asked.key, asked).jobs.append(job)
        left, began, wrong = len(groups), clock.boottime(), None
        self._begins()

        def one(asked: Asked) -> Callable[[Completed], None]:
            def done(completed: Completed) -> None:
                nonlocal left, wrong
                left -= 1
                wrong = self._looked(asked, completed, began) or wrong
                if not left:
                    self._over(wrong)

            return done

        if not groups:
            self._over(None)
        for asked in groups.values():
            self._call(asked, asked.batch.look_argv(asked.engine), one(asked))

    def _looked(self, asked: Asked, done: Completed, began: float) -> str | None:
        """Pass on what a scheduler says of one engine's jobs, or return why it says nothing."""
        try:
            seen = asked.batch.parse_look(done)
        except Exception as error:  # a parser that stumbles must not take the supervisor with it
            return error.message if isinstance(error, Drmaa2Exception) else f"{done.argv[0]}: {words(error)}"
        self._seen(asked, seen, began)
        if self.pacer.grows and self.config(asked) is None:
            self.configure(asked, lambda: None)
        return None

    def _over(self, wrong: str | None) -> None:
        # Before the next look begins, which is for those who have asked during this one.
        self._tell(wrong)
        self.pacer.over(wrong is not None)

    def _tell(self, wrong: str | None) -> None:
        if wrong != self.wrong:
            self.wrong = wrong
            self.trouble(wrong)
        told, self._awaiting = self._awaiting, []
        for call in told:
            call(wrong)

    def _call(self, asked: Asked, argv: Sequence[str], then: Callable[[Completed], None]) -> None:
        env = asked.batch.environment(asked.engine)
        self._calls.start(argv, Engine(asked.engine.command, {}, env), then, timeout=TIMEOUT)

    # what else it knows

    def config(self, asked: Asked) -> Config | None:
        """What a scheduler has said of itself, if it was asked."""
        return self._configs.get(asked.key)

    def configure(self, asked: Asked, then: Callable[[], None]) -> None:
        """Ask a scheduler about itself, once, and look at least twice while it knows what has ended."""

        def configured(done: Completed) -> None:
            try:
                self._configs[asked.key] = asked.batch.parse_config(done)
                self.pacer.bound(min(each.min_job_age for each in self._configs.values()) / 2)
            except Drmaa2Exception as error:
                log.say(error.message)  # the next look asks again
            except Exception:  # as for a look
                log.trace()
            then()

        self._call(asked, asked.batch.config_argv(asked.engine), configured)

    def account(self, asked: Asked, jobs: Sequence[Job], then: Callable[[Sequence[Job], Seen], None]) -> None:
        """Ask the accounting for what a scheduler has forgotten, as far as its release is right."""
        config = self.config(asked)
        if config is None:
            self.configure(asked, lambda: self.account(asked, jobs, then) if self.config(asked) else None)
        elif not config.accounting:
            then(jobs, {})
        else:
            known = config

            def answered(done: Completed) -> None:
                try:
                    seen = asked.batch.parse_accounting(done, known)
                except Drmaa2Exception:
                    return
                except Exception:  # as for a look
                    log.trace()
                    return
                then(jobs, seen)

            argv = asked.batch.accounting_argv(asked.engine, [job.row.container_id or "" for job in jobs])
            self._call(asked, argv, answered)


def batch_of(job: Job) -> Batch:
    """Return the scheduler that a job is, or is to be, handed over to."""
    found = runtimes.get(job.row.runtime).batch
    assert found is not None
    return found
