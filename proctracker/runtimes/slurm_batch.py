"""Makes Slurm's commands, each with a clean environment, and reads their answers."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone

from proctracker.errors import ImplementationSpecificException, InvalidArgumentException
from proctracker.model import Completed, Observation, signal_name, signal_number
from proctracker.records import replace
from proctracker.runtimes import (
    slurm_image,
    slurm_options,
    slurm_records,
    slurm_script,
    slurm_states,
    slurm_words,
)
from proctracker.runtimes.base import SUBMITTED, Argv, Dialog, Engine, Launch, one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Mapping, Sequence

    from proctracker.model import MachineInfo, QueueInfo, ReservationInfo
    from proctracker.runtimes.batch import Config, Refusal, Submission, Task

DEFAULTS = ("ACCOUNT", "PARTITION", "QOS", "RESERVATION", "CONSTRAINT", "CLUSTERS")
"""``SBATCH_…`` that a user or site sets for all jobs, and that are kept (sbatch(1))."""

KEPT = ("PATH", "HOME", "USER", "LOGNAME", "SLURM_CONF", "SLURM_CONF_SERVER", "LD_LIBRARY_PATH")

_OF_AN_ALLOCATION = re.compile(r"(SLURM|SLURMD|SRUN|SALLOC|SBATCH)_.*|ENVIRONMENT")
_STAYS = re.compile(r"SLURM_(CONF|CLUSTERS)|SBATCH_(ACCOUNT|PARTITION|QOS|RESERVATION|CONSTRAINT|CLUSTERS)")

_SCONTROL = {"hold": "hold", "release": "release", "suspend": "suspend", "resume": "resume", "requeue": "requeue"}
_SCANCEL: Mapping[str, str | None] = {"stop": "STOP", "cont": "CONT", "signal": None, "cancel": ""}

SOON = 120.0
"""Seconds: a deadline that is nearer cannot be handed over, for Slurm counts minutes."""


class SlurmBatch:
    """Jobs of Slurm 22.05 or newer, by sbatch, squeue, scontrol, scancel and sacct."""

    hands_over: Collection[str] = frozenset(
        ("hold", "start_time", "deadline", "time_limit", "throttle", "dependencies", "arrays")
    )

    ends: Mapping[str, str] = slurm_states.ENDS

    def environment(self, engine: Engine) -> Mapping[str, str]:
        """Return what leads to the cluster, with times in UTC."""
        found = {name: engine.env[name] for name in KEPT if name in engine.env}
        cluster = engine.options.get("cluster")
        return {**found, "LC_ALL": "C", "TZ": "UTC0", **({"SLURM_CLUSTERS": cluster} if cluster else {})}

    def submit(self, submission: Submission) -> Launch:
        """``sbatch`` with the script on its standard input and the job's environment in a file."""
        request, folder = submission.request, submission.request.folder
        engine = request.engine
        defaults = {name: engine.env[name] for name in (f"SBATCH_{each}" for each in DEFAULTS) if name in engine.env}
        environment = {**self.environment(engine), **defaults}
        theirs = {
            name: value
            for name, value in request.environment.items()
            if not _OF_AN_ALLOCATION.fullmatch(name) or _STAYS.fullmatch(name)
        }
        front = slurm_image.front(request.template, request.directory, engine.options)
        if front:
            tasks = [replace(task, command=(*front, *task.command)) for task in submission.tasks]
            submission = replace(submission, tasks=tasks)
        script = slurm_script.text(submission, [name for name in environment if name not in theirs])
        return Launch(
            SUBMITTED,
            (
                _program(engine, "sbatch"),
                "--parsable",
                f"--job-name={request.name}",
                "--export=ALL",
                f"--export-file={folder}/env",
                "--chdir=/",
                "--output=/dev/null",
                "--error=/dev/null",
                *_when(submission),
                *slurm_options.words(request.template, engine),
            ),
            environment=environment,
            files={
                f"{folder}/env": slurm_script.carried(theirs),
                f"{folder}/script": script,
            },
            stdin=f"{folder}/script",
        )

    def submitted(self, done: Completed) -> str:
        """Parse ``1234``, or ``1234;cluster``."""
        match = re.fullmatch(r"(\d+)(;\S*)?", done.stdout.strip().rpartition("\n")[2])
        if match is None:
            raise ImplementationSpecificException(f"sbatch printed no job id: {done.stdout[:200]!r}")
        return match[1]

    def refused(self, done: Completed) -> Refusal:
        """By sbatch's words."""
        return slurm_words.refused(done)

    def key(self, name: str, index: int | None) -> str:
        """Its name, and its number in an array."""
        return name if index is None else f"{name}/{index}"

    def look_argv(self, engine: Engine) -> Argv:
        """All of this user's, ended ones too, a line a task."""
        return (_program(engine, "squeue"), "--me", *_SQUEUE)

    def parse_look(self, done: Completed) -> Mapping[str, Observation]:
        """See ``slurm_states``."""
        return slurm_states.parse_look(done)

    def accounting_argv(self, engine: Engine, ids: Sequence[str]) -> Argv:
        """Ask by ids, however old, with the names looked at as well."""
        whole = ",".join(dict.fromkeys(each.partition("_")[0] for each in ids))
        return (
            *(_program(engine, "sacct"), "--allocations", "--noheader", "--parsable2", "--duplicates"),
            *(f"--jobs={whole}", f"--format={slurm_records.FIELDS}"),
        )

    def parse_accounting(self, done: Completed, config: Config) -> Mapping[str, Observation]:
        """See ``slurm_records``."""
        return slurm_records.parse_accounting(done, config)

    def control_argv(
        self, engine: Engine, action: str, ids: Sequence[str], signal: str = "SIGTERM", name: str | None = None
    ) -> Argv:
        """Return ``scontrol`` or ``scancel``, never without ids, which would mean all jobs.

        With a name, and with a signal for a task that waits, scancel of 22.05 ends every task of its array that waits: a name
        goes with ids of whole jobs only, and what waits is cancelled, never sent a signal.
        """
        if not ids:
            raise InvalidArgumentException(f"{action}: no job is named")
        if action in _SCONTROL:
            return (_program(engine, "scontrol"), _SCONTROL[action], ",".join(ids))
        sent = _SCANCEL[action]
        if sent is None:
            sent = signal_name(signal_number(signal))[3:]
        return (
            _program(engine, "scancel"),
            *([f"--signal={sent}", "--full"] if sent else []),
            *([f"--name={name}"] if name and not any("_" in each for each in ids) else []),
            *ids,
        )

    def controlled(self, done: Completed) -> None:
        """scancel says nothing of jobs that have ended, and returns 0.

        22.05's returns 229 without a word where it has sent a signal to a task of whose array others are gone.
        """
        if done.returncode and (done.returncode < 0 or done.stderr or not done.argv[0].endswith("scancel")):
            raise slurm_words.failed(done)

    def config_argv(self, engine: Engine) -> Argv:
        """``scontrol show config``."""
        return (_program(engine, "scontrol"), "show", "config")

    def parse_config(self, done: Completed) -> Config:
        """See ``slurm_records``."""
        return slurm_records.parse_config(done)

    def record_name(self, key: str, restart: int) -> str:
        """See ``slurm_records``."""
        return slurm_records.record_name(key, restart)

    def parse_record(self, text: str) -> Observation | None:
        """See ``slurm_records``."""
        return slurm_records.parse_record(text)

    def merge(self, recorded: Observation | None, seen: Observation | None) -> Observation | None:
        """See ``slurm_records``."""
        return slurm_records.merge(recorded, seen)

    def machines(self, engine: Engine) -> Dialog[Sequence[MachineInfo]]:
        """See ``slurm_cluster``."""
        from proctracker.runtimes import slurm_cluster  # here and below: no supervisor asks

        return slurm_cluster.machines((yield from one((_program(engine, "scontrol"), "show", "node", "--oneliner"))))

    def queues(self, engine: Engine) -> Dialog[Sequence[QueueInfo]]:
        """See ``slurm_cluster``."""
        from proctracker.runtimes import slurm_cluster

        return slurm_cluster.queues((yield from one((_program(engine, "scontrol"), "show", "partition", "--oneliner"))))

    def reservations(self, engine: Engine) -> Dialog[Sequence[ReservationInfo]]:
        """See ``slurm_cluster``."""
        from proctracker.runtimes import slurm_cluster

        done = yield from one((_program(engine, "scontrol"), "show", "reservation", "--oneliner"))
        return slurm_cluster.reservations(done)

    def listing(self, engine: Engine) -> Dialog[Mapping[str, Observation]]:
        """Everybody's."""
        return slurm_states.parse_listing((yield from one((_program(engine, "squeue"), *_SQUEUE))))


_SQUEUE = ("--noheader", "--array", "--states=all", f"--Format={slurm_states.FORMAT}")


def _program(engine: Engine, name: str) -> str:
    """A command beside the sbatch that the engine names."""
    folder, _, _ = engine.command[0].rpartition("/")
    return f"{folder}/{name}" if folder else name


def _when(submission: Submission) -> list[str]:
    """What decides when the jobs run, how long, and how often."""
    found = ["--requeue" if submission.request.template.rerunnable else "--no-requeue"]
    if submission.tasks[0].index is not None:
        throttle = f"%{submission.throttle}" if submission.throttle else ""
        found.append(f"--array={ranges(submission.tasks)}{throttle}")
    if submission.held:
        found.append("--hold")
    if submission.begin is not None:
        found.append(f"--begin={_moment(math.ceil(submission.begin))}")
    if submission.time_limit:
        found.append(f"--time={math.ceil(submission.time_limit / 60)}")
    if submission.deadline is not None and submission.deadline - submission.now > SOON:
        # By the minute, for our own end of the job comes first; with --time-min it starts though its limit reaches beyond.
        found += [f"--deadline={_moment(math.ceil(submission.deadline / 60) * 60 + 60)}", "--time-min=1"]
    after = [*(f"afterok:{each}" for each in submission.after), *(f"afterany:{each}" for each in submission.after_any)]
    if after:
        found += [f"--dependency={','.join(after)}", "--kill-on-invalid-dep=yes"]
    return found


def _moment(when: float) -> str:
    """In UTC, which sbatch is called with."""
    return datetime.fromtimestamp(int(when), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def ranges(tasks: Sequence[Task]) -> str:
    """The numbers of tasks as sbatch takes them: ``1-5,7,10-20:5``."""
    left = sorted(task.index for task in tasks if task.index is not None)
    found = []
    while left:
        step = left[1] - left[0] if len(left) > 1 else 1
        count = 1
        while count < len(left) and left[count] - left[count - 1] == step:
            count += 1
        if count < 3 and step != 1:
            count = 1
        first, last = left[0], left[count - 1]
        found.append(f"{first}" if first == last else f"{first}-{last}" + (f":{step}" if step != 1 else ""))
        left = left[count:]
    return ",".join(found)


BATCH = SlurmBatch()
