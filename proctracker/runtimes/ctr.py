"""Describes ctr, containerd's own client, whose tasks keep an exit code until deleted."""

from __future__ import annotations

import json
import re

from proctracker.errors import DrmCommunicationException, UnsupportedOperationException
from proctracker.model import Completed, JobState, JobTemplate, Observation, signal_name, signal_number
from proctracker.records import replace
from proctracker.runtimes import ctr_launch, flags, inspection, reserved, tasks, words
from proctracker.runtimes.base import GENERAL_EXTENSIONS, Argv, Dialog, Engine, Launch, Request, one
from proctracker.runtimes.runtime import Runtime, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence


ACTIONS = {"suspend": ("pause",), "resume": ("resume",)}
"""A control -> ctr's words for it."""

UNSUPPORTED = {
    "resource_limits": "ctr sets none; memory_limit and cpus bound a container",
    "min_phys_memory": "nothing reserves memory here; memory_limit bounds it",
    "stage_in_files": "nothing is copied; give the files as volumes",
    "stage_out_files": "nothing is copied; give the directories as volumes",
    "exposed_ports": "containerd forwards no ports; use network host",
    "restart": "ctr starts a task once; use retries",
    "userns": "ctr maps ranges of ids; give --uidmap and --gidmap as options",
}

_NEWER = r"flag provided but not defined: -+(user|hostname)\b"
_VERSION = r"(?m)^(Client|Server):|^\s+Version:\s*(\S+)"
_FILTERS = 400  # containers named in one call, of 170 bytes each
_AT_ONCE, _LOOKS = 16, 3  # calls side by side; looks at a task whose process has gone, until its shim notices


class Ctr(Runtime):
    """Describes the CLI of containerd 1.6 or newer (1.7 for ``--user`` and ``--hostname``)."""

    name = "ctr"
    containers = True
    command: Argv = ("ctr",)
    engine_variables: Sequence[str] = ("CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "CONTAINERD_SNAPSHOTTER")
    engine_environment: Mapping[str, str] = {"CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS": "1"}
    contact_options: Mapping[str, str] = {"address": "--address", "namespace": "--namespace"}
    unsupported: Mapping[str, str] = UNSUPPORTED
    reserved: Mapping[str, str] = reserved.CTR
    extensions: Sequence[str] = (*GENERAL_EXTENSIONS, *ctr_launch.EXTENSIONS)
    states: Mapping[str, str] = tasks.STATES

    def argv(self, engine: Engine, *rest: str) -> Argv:
        """Return a whole command line, with a time-out, as ctr waits for ever for a missing socket."""
        given = engine.options
        own = [f"{flag}={given[key]}" for key, flag in self.contact_options.items() if given.get(key)]
        return (*engine.command, "--connect-timeout=5s", *own, *rest)

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise for what the template alone shows to be impossible."""
        limits = {name: value for name, value in (template.resource_limits or {}).items() if name != "WALLCLOCK_TIME"}
        refuse(self, replace(template, resource_limits=limits))
        flags.check_text(template)
        reserved.refuse(template, self.reserved)
        ctr_launch.run_words(template, "/")
        ctr_launch.environment_file(template.job_environment or {})

    def launch(self, request: Request) -> Launch:
        """Start detached with a shell that carries the streams, or attached where there is an input."""
        return ctr_launch.plan(request, self.argv(request.engine))

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """ctr returns 1 for all that goes wrong: its words tell which it is."""
        newer = re.search(_NEWER, completed.stderr)
        if newer:
            return 125, f"this ctr has no --{newer[1]}: containerd 1.7 or newer is needed"
        told = words.reason("\n".join(re.findall("^ctr: .*", completed.stderr, re.MULTILINE)) or completed.stderr)
        return words.start_status(told), told or f"ctr ended with {completed.returncode} and no word"

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """Ask ``tasks ls`` for all, ``containers ls`` for the rest, and each ended task for its end."""
        names = yield from self._carrying(engine, names)
        if not names:
            return {}
        listed = tasks.parse_tasks((yield from one(self.argv(engine, "tasks", "ls"))))
        found = {name: listed[name] for name in names if name in listed}
        missing = [name for name in names if name not in listed]
        if missing:
            known = set(inspection.ids(words.expect((yield from one(self.argv(engine, "containers", "ls", "-q"))))))
            found.update({name: tasks.gone(name) for name in missing if name in known})
        for name in [name for name, seen in found.items() if seen.state == JobState.UNDETERMINED]:
            found[name] = (yield from self._told(engine, name))[0] or found[name]
        return found

    def _carrying(self, engine: Engine, names: Sequence[str]) -> Dialog[Sequence[str]]:
        """Return the names that no other containers have.

        A name of ours says which labels it comes with.

        They are all that tells one container of a name from another here.
        """
        wanted = {name: labels for name, labels in ((name, tasks.labels_of(name)) for name in names) if labels}
        if not wanted:
            return names
        chosen = [f"id=={json.dumps(name)},{_filter(labels)}" for name, labels in wanted.items()]
        calls = [chosen[start : start + _FILTERS] for start in range(0, len(chosen), _FILTERS)]
        told = yield [self.argv(engine, "containers", "ls", "-q", *filters) for filters in calls]
        found = {name for done in told for name in inspection.ids(words.expect(done))}
        return [name for name in names if name in found or name not in wanted]

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """Read what the shim tells, then delete the task.

        Its shim takes 6 to 13 MB. The code stays as the container's label.

        The deletion returns when the logger has written all output. Of an attached start its own command deletes the task.
        """
        seen, stdout = yield from self._told(engine, name)
        try:
            if not (yield from self._carrying(engine, [name])):
                return None
        except DrmCommunicationException:
            pass  # its shim has told all the same, and nothing below is done by a daemon that is down
        if stdout.startswith("binary:") and seen:
            code = ctr_launch.code_of(seen)
            label = self.argv(engine, "containers", "label", name, f"{tasks.EXIT_LABEL}={code}")
            yield [label, self.argv(engine, "tasks", "delete", name)]
        elif stdout:
            yield [ctr_launch.carried(stdout)]
        return seen

    def _told(self, engine: Engine, name: str) -> Dialog[tuple[Observation | None, str]]:
        """Read the end of a stopped task, and where its output went.

        The shim has the code, the metrics cpu and peak memory.
        """
        for _ in range(_LOOKS):
            state, metrics = yield [
                self.argv(engine, "shim", "--id", name, "state"),
                self.argv(engine, "tasks", "metrics", "--format", "json", name),
            ]
            told = tasks.read(state)
            if not told:
                return (yield from self._without_task(engine, name)), ""
            if tasks.SHIM_STATES.get(told.get("status", 0)) == "STOPPED":
                return tasks.parse_end(name, told, tasks.read(metrics)), str(told.get("stdout", ""))
        return tasks.parse_tasks((yield from one(self.argv(engine, "tasks", "ls")))).get(name), ""

    def _without_task(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """A container alone: an attached start has written its code on it, else nobody knows."""
        done = yield from one(self.argv(engine, "containers", "info", name))
        if done.returncode and not words.unanswered(done) and words.says(done.stderr, words.UNKNOWN):
            return None
        return tasks.parse_container(done)

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """The names by a filter, then what each container says of itself, and their tasks."""
        chosen = _filter({key: f"=={json.dumps(value)}" for key, value in labels.items()})
        done = yield from one(self.argv(engine, "containers", "ls", "-q", *([chosen] if chosen else [])))
        names = inspection.ids(words.expect(done))
        found = yield from self.look(engine, names)
        all_of_them = {}
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            told = yield [self.argv(engine, "containers", "info", name) for name in some]
            for name, each in zip(some, told):
                if not each.returncode and name in found:
                    all_of_them[name] = tasks.described(found[name], tasks.read(each))
        return all_of_them

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``tasks pause``, ``resume`` and ``kill``."""
        verb = ACTIONS.get(action) or ("kill", "-s", signal_name(signal_number(signal)))
        done = yield from one(self.argv(engine, "tasks", *verb, name))
        if done.returncode:
            raise words.failed(done)

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Delete tasks with their shims first, then containers, and look at what is left."""
        names = yield from self._carrying(engine, names)
        if not names:
            return {}
        yield [self.argv(engine, "tasks", "delete", *(["--force"] if force else []), *names)]
        done = yield from one(self.argv(engine, "containers", "rm", *names))
        if not done.returncode:
            return {}
        left = set(inspection.ids(words.expect((yield from one(self.argv(engine, "containers", "ls", "-q"))))))
        return {name: tasks.why(done.stderr, name) for name in names if name in left}

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """Raises UnsupportedOperationException: the output is in files."""
        raise UnsupportedOperationException("containerd keeps no output: it is in files")

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Names of local images, sorted."""
        done = yield from one(self.argv(engine, "images", "ls", "-q"))
        return sorted(name for name in inspection.ids(words.expect(done)) if not name.startswith("sha256:"))

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """Return ``images pull`` with a whole reference, registry included."""
        return self.argv(engine, "images", "pull", image)

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """By a filter of ``images ls``."""
        done = yield from one(self.argv(engine, "images", "ls", "-q", f"name=={json.dumps(image)}"))
        return bool(words.expect(done).strip())

    def version(self, engine: Engine) -> Dialog[str]:
        """The client's version and the daemon's."""
        said = words.expect((yield from one(self.argv(engine, "version"))))
        client, *server = [found[2] for found in re.finditer(_VERSION, said) if found[2]] or ["unknown"]
        return f"{client}, server {server[0]}" if server else client


def _filter(labels: Mapping[str, str]) -> str:
    """Write containerd's filter for labels, each value with its operator."""
    return ",".join(f"labels.{json.dumps(key)}{value}" for key, value in labels.items())


RUNTIME = Ctr()
