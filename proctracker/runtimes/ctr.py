"""ctr: containerd's own client; its tasks keep their exit code until they are deleted, and nothing else does."""

from __future__ import annotations

import json
import re
from typing import Any, Mapping, Sequence

from proctracker.errors import (
    DrmCommunicationException,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.model import Completed, JobState, JobTemplate, Observation, ended, nearest, signal_name, signal_number
from proctracker.model.records import replace
from proctracker.runtimes import ctr_launch, flags, inspection, words
from proctracker.runtimes.base import GENERAL_EXTENSIONS, Argv, Dialog, Engine, Launch, Request, one, refuse

STATES = {
    "CREATED": "QUEUED",
    "RUNNING": "RUNNING",
    "PAUSING": "RUNNING",
    "PAUSED": "SUSPENDED",
    "STOPPED": inspection.BY_EXIT_CODE,
}
"""A task's status in ``ctr tasks ls`` -> what it means; other words (UNKNOWN) are UNDETERMINED."""

SHIM_STATES = {1: "CREATED", 2: "RUNNING", 3: "STOPPED", 4: "PAUSED", 5: "PAUSING"}
"""The same words by the numbers of ``ctr shim state`` (containerd's api/types/task)."""

ACTIONS = {"suspend": ("pause",), "resume": ("resume",)}
"""A control -> ctr's words for it."""

UNSUPPORTED = {
    "resource_limits": "ctr sets none; memory_limit and cpus bound a container",
    "min_phys_memory": "nothing reserves memory here; memory_limit bounds it",
    "stage_in_files": "nothing is copied; give the files as volumes",
    "stage_out_files": "nothing is copied; give the directories as volumes",
    "exposed_ports": "containerd forwards no ports; use network: host",
    "restart": "ctr starts a task once; use retries",
    "userns": "ctr maps ranges of ids; give --uidmap and --gidmap as options",
}

_TABLE = re.compile(r"TASK\s+PID\s+STATUS")
_WRONG_STATE = re.compile(r"cannot (pause|resume) a ")
_NEWER = re.compile(r"flag provided but not defined: -+(user|hostname)\b")
_VERSION = re.compile(r"^(Client|Server):|^\s+Version:\s*(\S+)", re.MULTILINE)
_AT_ONCE, _LOOKS = 16, 3  # calls side by side; looks at a task whose process has gone, until its shim notices


class Ctr:
    """The CLI of containerd 1.6 or newer; ``--user`` and ``--hostname`` want 1.7."""

    name = "ctr"
    containers = True
    command: Argv = ("ctr",)
    engine_variables: Sequence[str] = ("CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "CONTAINERD_SNAPSHOTTER")
    contact_options: Mapping[str, str] = {"address": "--address", "namespace": "--namespace"}
    unsupported: Mapping[str, str] = UNSUPPORTED
    extensions: Sequence[str] = (*GENERAL_EXTENSIONS, *ctr_launch.EXTENSIONS)
    pulls = False
    keeps_logs = False
    ignored: Sequence[str] = ()
    states: Mapping[str, str] = STATES

    def argv(self, engine: Engine, *rest: str) -> Argv:
        """A whole command line. Without a bound ctr would wait for ever for a socket that is not there."""
        given = engine.options
        own = [f"{flag}={given[key]}" for key, flag in self.contact_options.items() if given.get(key)]
        return (*engine.command, "--connect-timeout=5s", *own, *rest)

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise for what the template alone shows to be impossible; a wall-clock limit is the supervisor's."""
        limits = {name: value for name, value in (template.resource_limits or {}).items() if name != "WALLCLOCK_TIME"}
        refuse(self, replace(template, resource_limits=limits))
        for key in engine.options:
            if key not in self.contact_options:
                raise InvalidArgumentException(
                    f"the contact ctr has no option {key!r}{nearest(key, self.contact_options)}"
                )
        flags.check_text(template)
        ctr_launch.run_words(template, "/")
        ctr_launch.environment_file(template.job_environment or {})

    def launch(self, request: Request) -> Launch:
        """Detached, its streams carried by a shell; with an input attached, for a detached task can have none."""
        return ctr_launch.plan(request, self.argv(request.engine))

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """ctr returns 1 for all that goes wrong: its words tell which it is."""
        newer = _NEWER.search(completed.stderr)
        if newer:
            return 125, f"this ctr has no --{newer[1]}: containerd 1.7 or newer is needed"
        told = words.reason("\n".join(re.findall("^ctr: .*", completed.stderr, re.MULTILINE)) or completed.stderr)
        return words.start_status(told), told or f"ctr ended with {completed.returncode} and no word"

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """``tasks ls`` for all; ``containers ls`` for those without a task; a call more for each that has ended."""
        if not names:
            return {}
        tasks = parse_tasks((yield from one(self.argv(engine, "tasks", "ls"))))
        found = {name: tasks[name] for name in names if name in tasks}
        missing = [name for name in names if name not in tasks]
        if missing:
            known = set(inspection.ids(words.expect((yield from one(self.argv(engine, "containers", "ls", "-q"))))))
            found.update({name: _gone(name) for name in missing if name in known})
        for name in [name for name, seen in found.items() if seen.state == JobState.UNDETERMINED]:
            found[name] = (yield from self._told(engine, name))[0] or found[name]
        return found

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """What the shim tells; then the task goes, for its shim takes 6 to 13 MB. The code stays as the container's label.

        The deletion returns when the logger has written all output. Of an attached start its own command deletes the task.
        """
        seen, stdout = yield from self._told(engine, name)
        if stdout.startswith("binary:") and seen:
            code = ctr_launch.code_of(seen)
            label = self.argv(engine, "containers", "label", name, f"{ctr_launch.EXIT_LABEL}={code}")
            yield [label, self.argv(engine, "tasks", "delete", name)]
        elif stdout:
            yield [ctr_launch.carried(stdout)]
        return seen

    def _told(self, engine: Engine, name: str) -> Dialog[tuple[Observation | None, str]]:
        """The end of a stopped task and where its output went: the shim has the code, the metrics cpu and peak memory."""
        for _ in range(_LOOKS):
            state, metrics = yield [
                self.argv(engine, "shim", "--id", name, "state"),
                self.argv(engine, "tasks", "metrics", "--format", "json", name),
            ]
            told = _json(state)
            if not told:
                return (yield from self._without_task(engine, name)), ""
            if SHIM_STATES.get(told.get("status", 0)) == "STOPPED":
                return parse_end(name, told, _json(metrics)), str(told.get("stdout", ""))
        return parse_tasks((yield from one(self.argv(engine, "tasks", "ls")))).get(name), ""

    def _without_task(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """A container alone: an attached start has written its code on it, else nobody knows."""
        done = yield from one(self.argv(engine, "containers", "info", name))
        if done.returncode and not words.unanswered(done) and words.UNKNOWN.search(done.stderr):
            return None
        return parse_container(done)

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """The names by a filter, then what each container says of itself, and their tasks."""
        chosen = ",".join(f"labels.{json.dumps(key)}=={json.dumps(value)}" for key, value in labels.items())
        done = yield from one(self.argv(engine, "containers", "ls", "-q", *([chosen] if chosen else [])))
        names = inspection.ids(words.expect(done))
        found = yield from self.look(engine, names)
        all_of_them = {}
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            told = yield [self.argv(engine, "containers", "info", name) for name in some]
            for name, each in zip(some, told):
                if not each.returncode and name in found:
                    all_of_them[name] = _described(found[name], _json(each))
        return all_of_them

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``tasks pause``, ``resume`` and ``kill``."""
        verb = ACTIONS.get(action) or ("kill", "-s", signal_name(signal_number(signal)))
        done = yield from one(self.argv(engine, "tasks", *verb, name))
        if done.returncode and _WRONG_STATE.search(done.stderr):
            raise InvalidStateException(words.told(done))
        if done.returncode:
            raise words.failed(done)

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Tasks first (with them go the shims), then the containers with their snapshots; a look tells what is left."""
        if not names:
            return {}
        yield [self.argv(engine, "tasks", "delete", *(["--force"] if force else []), *names)]
        done = yield from one(self.argv(engine, "containers", "rm", *names))
        if not done.returncode:
            return {}
        left = set(inspection.ids(words.expect((yield from one(self.argv(engine, "containers", "ls", "-q"))))))
        return {name: _why(done.stderr, name) for name in names if name in left}

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """Raises UnsupportedOperationException: the output is in files."""
        raise UnsupportedOperationException("containerd keeps no output: it is in files")

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Names of local images, sorted."""
        done = yield from one(self.argv(engine, "images", "ls", "-q"))
        return sorted(name for name in inspection.ids(words.expect(done)) if not name.startswith("sha256:"))

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """``images pull``; the image's name is a whole reference, with its registry."""
        return self.argv(engine, "images", "pull", image)

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """By a filter of ``images ls``."""
        done = yield from one(self.argv(engine, "images", "ls", "-q", f"name=={json.dumps(image)}"))
        return bool(words.expect(done).strip())

    def version(self, engine: Engine) -> Dialog[str]:
        """The client's version and the daemon's."""
        said = words.expect((yield from one(self.argv(engine, "version"))))
        client, *server = [found[2] for found in _VERSION.finditer(said) if found[2]] or ["unknown"]
        return f"{client}, server {server[0]}" if server else client


def parse_tasks(done: Completed) -> dict[str, Observation]:
    """The table of ``tasks ls`` by name; STOPPED ones are UNDETERMINED here, for the table has no codes.

    Raises DrmCommunicationException where the engine was not reached or no such table came.
    """
    header, *lines = words.expect(done).splitlines() or [""]
    if not _TABLE.match(header):
        raise DrmCommunicationException(f"{done.argv[0]} answered with something else than its table: {header[:80]!r}")
    found = {}
    for line in lines:
        cells = line.split()
        if len(cells) == 3 and cells[1].isdecimal():
            found[cells[0]] = _observed(cells[0], cells[2], int(cells[1]) or None)
    return found


def _observed(name: str, word: str, pid: int | None) -> Observation:
    meaning = STATES.get(word, "UNDETERMINED")
    state = JobState.UNDETERMINED if meaning == inspection.BY_EXIT_CODE else JobState[meaning]
    plain = word in ("RUNNING", "PAUSED")
    return Observation(state, None if plain else word.lower(), pid=pid, container_id=name, name=name)


def parse_end(name: str, state: Mapping[str, Any], metrics: Mapping[str, Any]) -> Observation:
    """A stopped task, by ``shim state`` and ``tasks metrics``; zeros are left out of both."""
    group = _mapping(_mapping(metrics.get("cpu")).get("usage")) or _mapping(metrics.get("cpu"))
    memory = _mapping(metrics.get("memory"))
    kills = {**_mapping(metrics.get("memory_oom_control")), **_mapping(metrics.get("memory_events"))}
    nanoseconds, microseconds = group.get("total"), group.get("usage_usec")
    peak = memory.get("max_usage") or (memory["usage"].get("max") if isinstance(memory.get("usage"), dict) else None)
    return ended(
        int(state.get("exit_status", 0)),
        oom=bool(kills.get("oom_kill")),
        name=name,
        container_id=name,
        finished=_moment(state.get("exited_at")),
        cpu_time=nanoseconds / 1e9 if nanoseconds else microseconds / 1e6 if microseconds else None,
        max_rss=peak // 1024 if peak else None,
    )


def parse_container(done: Completed) -> Observation:
    """A container without a task: ended if an attached start has written its code on it, else lost."""
    found = _json(done)
    if not found:
        raise DrmCommunicationException(words.told(done))
    name = str(found.get("ID"))
    code = str(_mapping(found.get("Labels")).get(ctr_launch.EXIT_LABEL, ""))
    if code.isdecimal():
        return ended(int(code), name=name, container_id=name)
    return _gone(name)


def _why(stderr: str, name: str) -> str:
    """The line about a container that could not be removed: its reason is logfmt's ``error=``."""
    said = next((line for line in stderr.splitlines() if f'{name}\\"' in line), stderr)
    found = re.search(r' error="((?:[^"\\]|\\.)*)"', said)
    return found[1].replace('\\"', '"') if found else words.reason(said)


def _described(seen: Observation, container: Mapping[str, Any]) -> Observation:
    process = _mapping(_mapping(container.get("Spec")).get("process"))
    return replace(
        seen,
        labels={str(key): str(value) for key, value in _mapping(container.get("Labels")).items()},
        image=container.get("Image") or None,
        command=tuple(str(word) for word in process.get("args") or ()) or None,
    )


def _gone(name: str) -> Observation:
    """A container without a task: it was never started, or a reboot, its shim's death or somebody took it away."""
    return Observation(JobState.UNDETERMINED, "lost", name=name, container_id=name)


def _moment(value: Any) -> float | None:
    """Epoch seconds; containerd 1.6 prints a text, 1.7 and newer a mapping."""
    if isinstance(value, dict):
        return int(value.get("seconds", 0)) + int(value.get("nanos", 0)) / 1e9
    return inspection.moment(value)


def _json(done: Completed) -> Mapping[str, Any]:
    """What a call printed; empty where it failed or printed something else."""
    try:
        return {} if done.returncode else _mapping(json.loads(done.stdout))
    except ValueError:
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


RUNTIME = Ctr()
