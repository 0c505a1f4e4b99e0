"""Follows jobs that a scheduler has, by their records on disk and one look at all.

They belong to the scheduler and to no host: nothing of this machine says anything of them, a reboot neither.
"""

from __future__ import annotations

import math
import os

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, words
from proctracker.linux import clock, procfs
from proctracker.model import JobState, Observation
from proctracker.records import replace
from proctracker.runtimes.base import Engine
from proctracker.supervisor import log
from proctracker.supervisor.base.faults import contained
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.running.exitrecords import ExitRecords
from proctracker.supervisor.running.pacer import LEAST, Pacer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Mapping, Sequence

    from proctracker.model import Completed, JobRow
    from proctracker.runtimes.batch import Batch, Config
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.sharednotes import SharedNotes
    from proctracker.supervisor.scheduling.dependencies import Dependencies

    Seen = Mapping[str, Observation]
    Told = Callable[["str | None"], None]

TIMEOUT = 60.0
"""Seconds a scheduler has for an answer."""

ORPHANED = 30.0
"""Seconds a job that has begun may be unknown, after a controller was rolled back."""

UNKNOWN = "neither the scheduler nor its accounting knows it any more, and it left no record of its end"
"""Why a job is lost."""

RESTARTS = 2
"""How many runs after the one known last are looked for among the records."""


class Asked:
    """What a scheduler is asked about one engine's jobs."""

    __slots__ = ("batch", "engine", "jobs", "key")

    def __init__(self, key: tuple[str, str], batch: Batch, engine: Engine) -> None:
        self.key, self.batch, self.engine = key, batch, engine
        self.jobs: list[Job] = []


class BatchJobs:
    """Follows handed-over jobs from their submit to their end."""

    def __init__(
        self,
        here: Here,
        calls: Calls,
        lifecycle: Lifecycle,
        notes: SharedNotes,
        *,
        ended: Callable[[Job, Observation], None],
        lost: Callable[[Job, str], None],
        broken: Callable[[Job, str], None],
        anew: Callable[[Job], None],
        drops: bool = True,
    ) -> None:
        """Keep collaborators and callables.

        ``ended`` and ``lost`` are called with how a job ended, or that nobody knows, ``broken`` with one whose handling
        raises, ``anew`` with one that was never taken. ``notes`` are what other hosts say, and ``drops`` removes records and notes once an end is durable.
        """
        self._ledger, self._calls, self._lifecycle = here.ledger, calls, lifecycle
        self._ended, self._lost, self._anew = ended, lost, anew
        self._broken = broken
        self._notes, self._drops = notes, drops
        self.trouble: Callable[[str | None], None] = lambda text: None
        """Called with why the scheduler cannot be asked, and (None) when it can be again."""
        self._jobs: dict[str, Job] = {}
        self._since: dict[str, float] = {}
        """A job's key -> when it was handed over, or acted on: a look that began before tells nothing of it."""
        self.settled: Callable[[Job], None] = lambda job: None
        """Told of a job once its scheduler is known to have it."""
        self.handed_on: Callable[[Job], None] = lambda job: None
        """Told the same, after those who act on it."""
        self.over: Callable[[Job], None] = lambda job: None
        """Told of a job that its scheduler has not, or no longer."""
        self._known: dict[str, float] = {}
        """Keys -> when the scheduler surely had the job, not ended."""
        self.dependencies: Dependencies | None = None
        """Tells what became of those that a job waits for."""
        self._verified: set[str] = set()
        """Keys of the jobs that the last look has seen under their names."""
        self._missed: dict[str, float] = {}
        """Keys that were not found -> when that was first so."""
        self._restarts: dict[str, int] = {}
        self._recorded: dict[str, Job] = {}
        """A record's name -> whose it is, or would be after a requeue."""
        self._configs: dict[tuple[str, str], Config] = {}
        self._awaiting: list[Told] = []
        self._next: list[Told] = []
        self._pacer = Pacer(here.loop, self._look)
        self._records = ExitRecords(here.loop, here.home.records, self._came)
        self.wrong: str | None = None
        """Why the last look failed."""

    def __len__(self) -> int:
        return len(self._jobs)

    # who is watched

    def handed(self, jobs: Iterable[Job], began: float) -> None:
        """The scheduler has taken these just now, by a command that began then."""
        for job in jobs:
            self._add(job)
            self._known[job.row.container or ""] = began
            self.settled(job)
            self.handed_on(job)
        self._pacer.submitted()

    def doubt(self, jobs: Iterable[Job]) -> None:
        """Nobody knows whether it has taken these: their names tell."""
        for job in jobs:
            self._add(job)

    def recover(self, job: Job) -> None:
        """A job that a former supervisor had handed over, or was handing over when it was killed."""
        self._lifecycle.rejoined(job)
        self._add(job)

    def left_alone(self, job: Job) -> bool:
        """Return whether a job needs nobody here until somebody asks for it."""
        key = job.row.container or ""
        mine = self._jobs.get(key) is job and not job.starting and not job.ending
        return mine and job.row.attempt > int(job.spec.get("retries") or 0)

    def acted(self, job: Job) -> None:
        """Something has been done to a job just now: what a look under way says of it is what it was before."""
        key = job.row.container or ""
        if self._jobs.get(key) is job:
            self._since[key] = clock.boottime()

    def holds(self, jobs: Iterable[Job]) -> float:
        """Return for how many seconds the scheduler surely remembers these, whatever becomes of them."""
        now, least = clock.boottime(), math.inf
        for job in jobs:
            known, config = self._known.get(job.row.container or ""), self._configs.get(_asked(job).key)
            if known is None or config is None:
                return -math.inf
            least = min(least, config.min_job_age / 2 - (now - known))
        return least

    def ask(self, job: Job, others: Sequence[Job], then: Callable[[], None]) -> None:
        """Ask a job's scheduler about others, so that ``holds`` tells more of them, if it answers."""
        asked = _asked(job)

        def look() -> None:
            self.look_now(lambda wrong: then())

        if asked.key in self._configs:
            look()
        else:
            self._configure(asked, lambda: then() if self.holds(others) > 0 else look())

    def verified(self, job: Job) -> bool:
        """Whether the last look has seen a job by its name, so that its id is not another's."""
        return (job.row.container or "") in self._verified

    def _add(self, job: Job) -> None:
        key = job.row.container or ""
        self._jobs[key] = job
        self._since[key] = clock.boottime()
        self._expect(job, 0)
        self._records.begin()
        self._pacer.begin()

    def _expect(self, job: Job, restart: int) -> None:
        """Take records of this and the next runs for the job's."""
        key = job.row.container or ""
        self._restarts[key] = max(restart, self._restarts.get(key, 0))
        batch = _batch(job)
        for number in range(restart + RESTARTS):
            self._recorded[batch.record_name(key, number)] = job

    def forget(self, job: Job) -> None:
        """A job, or this attempt of it, is over: durably so its records go."""
        key = job.row.container or ""
        self.over(job)
        if self._jobs.get(key) is not job:
            return
        batch = _batch(job)
        names = [batch.record_name(key, number) for number in range(self._restarts[key] + RESTARTS)]
        for table in (self._jobs, self._since, self._restarts, self._missed, self._known):
            table.pop(key, None)
        self._verified.discard(key)
        for name in names:
            self._recorded.pop(name, None)
        if self._drops:
            over = replace(job.row)  # the job's own may become another attempt's
            self._ledger.then(lambda: self._drop(names, over))
        if not self._jobs:
            self._records.rest()
            self._pacer.rest()
            self._awaiting, self._next = [*self._awaiting, *self._next], []
            self._tell(None)

    def _drop(self, names: list[str], row: JobRow) -> None:
        self._records.drop(names)
        self._notes.drop(row)

    # records

    def _came(self, names: list[str]) -> None:
        for name in names:
            job = self._recorded.get(name)
            if job is not None and not job.row.ended:
                self._alone(job, self._reread)

    def _alone(self, job: Job, step: Callable[[Job], None]) -> None:
        """Take a step with one job of many, which ends it alone where it raises."""
        contained(lambda: step(job), lambda why: self._broken(job, why))

    def _record(self, job: Job, restart: int) -> Observation | None:
        batch = _batch(job)
        text = self._records.read(batch.record_name(job.row.container or "", restart))
        return batch.parse_record(text) if text else None

    def _reread(self, job: Job) -> None:
        """Read a record of a job that has come.

        The scheduler has to say whether that was the end, where it may run the job again, and why, where somebody may
        have ended it.
        """
        restart = self._restarts[job.row.container or ""]
        ending = job.ending or self._notes.told_to_end(job.row)
        newer = [number for number in range(restart, restart + RESTARTS) if self._record(job, number) is not None]
        if not newer:
            return
        found = self._record(job, newer[-1])
        self._expect(job, newer[-1])
        if found is None:
            return
        if found.state.ended and not ending and (job.spec.get("rerunnable") or _was_told(found)):
            self._pacer.wanted()
        elif not job.starting:
            self._apply(job, _batch(job).merge(found, None) or found)
        else:
            self._settle(job, found)

    # looks

    def look_now(self, told: Told) -> None:
        """Look at once, as something is about to be done by ids, or just was."""
        if self._jobs:
            self._next.append(told)
            self._pacer.now()
        else:
            told(None)

    def look(self, told: Told | None = None) -> None:
        """Look as soon as that may be, and call ``told(problem or None)``."""
        if not self._jobs or (self._pacer.fresh and told is not None):
            self._came(self._records.changed())
            if told is not None:
                told(self.wrong if self._jobs else None)
            return
        if told is not None:
            self._next.append(told)
        self._pacer.wanted()

    def _look(self) -> None:
        self._awaiting, self._next = [*self._awaiting, *self._next], []
        groups: dict[tuple[str, str], Asked] = {}
        for job in self._jobs.values():
            asked = _asked(job)
            groups.setdefault(asked.key, asked).jobs.append(job)
        left, began, wrong = len(groups), clock.boottime(), None
        self._came(self._records.changed())

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

    def _call(self, asked: Asked, argv: Sequence[str], then: Callable[[Completed], None]) -> None:
        env = asked.batch.environment(asked.engine)
        self._calls.start(argv, Engine(asked.engine.command, {}, env), then, timeout=TIMEOUT)

    def _over(self, wrong: str | None) -> None:
        # Before the next look begins, which is for those who have asked during this one.
        self._tell(wrong)
        self._pacer.over(wrong is not None)

    def _tell(self, wrong: str | None) -> None:
        if wrong != self.wrong:
            self.wrong = wrong
            self.trouble(wrong)
        told, self._awaiting = self._awaiting, []
        for call in told:
            call(wrong)

    def _looked(self, asked: Asked, done: Completed, began: float) -> str | None:
        """Take in what the scheduler says of one engine's jobs, or why it says nothing."""
        try:
            seen = asked.batch.parse_look(done)
        except Exception as error:  # a parser that stumbles must not take the supervisor with it
            return error.message if isinstance(error, Drmaa2Exception) else f"{done.argv[0]}: {words(error)}"
        forgotten: list[Job] = []
        for job in asked.jobs:
            key = job.row.container or ""
            if self._jobs.get(key) is job and not job.row.ended and self._since[key] <= began:
                self._alone(job, lambda it: self._compare(it, seen, began, forgotten))
        if forgotten:
            self._account(asked, forgotten)
        return None

    def _compare(self, job: Job, seen: Seen, began: float, forgotten: list[Job]) -> None:
        """Find out what has become of a job, by the look at all, its record and what other hosts say."""
        key = job.row.container or ""
        found = seen.get(key)
        self._verified.discard(key)
        if found is not None:
            self._missed.pop(key, None)
            self._verified.add(key)
            self._expect(job, found.restart)
            if not found.state.ended:
                self._known[key] = began
        truth = _batch(job).merge(self._record(job, self._restarts[key]), found)
        if truth is None or not truth.state.ended:
            truth = self._notes.end(job.row) or truth
        if found is None and (truth is None or not truth.state.ended):
            self._unknown(job, key, forgotten)
        elif truth is not None and job.starting:
            self._settle(job, truth)
        elif truth is not None:
            self._apply(job, truth)

    def _unknown(self, job: Job, key: str, forgotten: list[Job]) -> None:
        """Wait some seconds with a job that its scheduler does not know, then take it for lost."""
        first = self._missed.setdefault(key, clock.boottime())
        told = job.ending or self._notes.told_to_end(job.row)
        begun = self._record(job, self._restarts[key]) is not None
        if not begun and not told and not job.starting and self._chained(job):
            return
        if clock.boottime() - first < (ORPHANED if begun else LEAST) and not (told and not job.starting):
            self._pacer.wanted()
        elif not job.starting:
            forgotten.append(job)
        elif not _under_way(job.row.container or ""):
            self.forget(job)
            job.row.annotation = None
            self._anew(job)

    def _account(self, asked: Asked, jobs: list[Job]) -> None:
        """Ask the accounting for what the scheduler has forgotten, as far as its release is right."""
        config = self._configs.get(asked.key)
        if config is None:
            self._configure(asked, lambda: self._account(asked, jobs) if asked.key in self._configs else None)
        elif not config.accounting:
            self._accounted(asked, jobs, {})
        else:
            argv = asked.batch.accounting_argv(asked.engine, [job.row.container_id or "" for job in jobs])
            self._call(asked, argv, lambda done: self._answered(asked, jobs, config, done))

    def _configure(self, asked: Asked, then: Callable[[], None]) -> None:
        """Ask a scheduler about itself, once."""

        def configured(done: Completed) -> None:
            try:
                self._configs[asked.key] = asked.batch.parse_config(done)
            except Drmaa2Exception as error:
                log.say(error.message)  # the next look asks again
            except Exception:  # as for a look
                log.trace()
            then()

        self._call(asked, asked.batch.config_argv(asked.engine), configured)

    def _answered(self, asked: Asked, jobs: list[Job], config: Config, done: Completed) -> None:
        try:
            seen = asked.batch.parse_accounting(done, config)
        except Drmaa2Exception:
            return
        except Exception:  # as for a look
            log.trace()
            return
        self._accounted(asked, jobs, seen)

    def _accounted(self, asked: Asked, jobs: list[Job], seen: Seen) -> None:
        for job in jobs:
            if self._jobs.get(job.row.container or "") is job and not job.row.ended:
                self._alone(job, lambda it: self._conclude(it, seen))

    def _conclude(self, job: Job, seen: Seen) -> None:
        """Find out how a job ended that its scheduler has forgotten."""
        key = job.row.container or ""
        truth = _batch(job).merge(self._record(job, self._restarts[key]), seen.get(key))
        if truth is not None and (key in seen or truth.state.ended):
            self._apply(job, truth)
        elif job.ending or self._notes.told_to_end(job.row):
            # 22.05 forgets a task of an array that waits at once when it is cancelled.
            self._apply(job, Observation(JobState.FAILED, "cancelled"))
        else:
            self._lost(job, UNKNOWN)

    # what was seen

    def _settle(self, job: Job, truth: Observation) -> None:
        """A submit of which nobody knew what came of it has been made."""
        self._lifecycle.taken(job, truth.container_id)
        self._apply(job, truth)
        if not job.row.ended:
            self.settled(job)
            self.handed_on(job)

    def _chained(self, job: Job) -> bool:
        """Return whether our own rule says what becomes of a job that has waited at its scheduler for others."""
        rule = self.dependencies
        why = rule.failed(job) if rule else None
        if why:
            self._ended(job, Observation(JobState.FAILED, "dependency", annotation=why))
        elif rule and rule.open(job):
            self._pacer.wanted()  # how the other one ended is soon found out
        else:
            return False
        return True

    def _apply(self, job: Job, seen: Observation) -> None:
        if job.row.ended:
            return
        if seen.sub_state == "dependency" and seen.state.ended and self.dependencies and not job.ending:
            if not self._chained(job):  # they did end DONE, though not for the scheduler
                self.forget(job)
                self._anew(job)
            return
        self._lifecycle.observed(job, seen)
        if seen.state.ended:
            if self._notes.told_to_end(job.row):
                job.ending = job.ending or "terminating"
            self._ended(job, seen)
        elif seen.state == JobState.UNDETERMINED:
            self._lost(job, seen.annotation or "")


def _was_told(end: Observation) -> bool:
    """Whether a job may have ended because it was told to."""
    return end.terminating_signal is not None or "told" in end.labels


def _asked(job: Job) -> Asked:
    """Return whom a job is asked of."""
    engine = engine_of(job)
    return Asked((job.row.runtime, repr((engine.command, engine.options, engine.env))), _batch(job), engine)


def _batch(job: Job) -> Batch:
    found = runtimes.get(job.row.runtime).batch
    assert found is not None
    return found


def _under_way(name: str) -> bool:
    """Return whether a killed supervisor's command still hands a job over, by its words."""
    word = os.fsencode(name.partition("/")[0])
    return any(word in each for pid in procfs.pids() for each in procfs.cmdline(pid))
