"""Describes what podman, docker and nerdctl share, which differ by tables of this class."""

from __future__ import annotations

import json
import shlex

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobTemplate, Observation, signal_name, signal_number
from proctracker.records import NamedTuple
from proctracker.runtimes import environment, flags, inspection, reserved, words
from proctracker.runtimes.base import (
    ATTACHED,
    DETACHED,
    GENERAL_EXTENSIONS,
    Argv,
    Dialog,
    Engine,
    Launch,
    Request,
    one,
)
from proctracker.runtimes.runtime import Runtime, refuse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence


EXTENSIONS = (
    *GENERAL_EXTENSIONS,
    *"user exposed_ports privileged restart ipc uts pid rm entrypoint network volumes devices gpus userns memory_limit"
    " cpus pull options".split(),
)

UNSUPPORTED = {
    "min_phys_memory": "nothing reserves memory here; memory_limit bounds it",
    "stage_in_files": "nothing is copied; give the files as volumes",
    "stage_out_files": "nothing is copied; give the directories as volumes",
}

IGNORED = (
    *("are not supported and ignored", " discarded.", "discarding resource limit requests"),
    *("ort mappings have been discarded", "ublished ports are discarded"),
)
"""Words that tell of limits and ports which do not hold.

Of limits: rootless podman on cgroup v1, docker and podman by root where a controller is missing, rootless nerdctl on
cgroup v1. Of ports in a network that is not the container's own: podman and docker.
"""

ACTIONS = {"suspend": "pause", "resume": "unpause"}
"""A control -> the CLI's word for it."""


_IN_TWO = """\
"$@" </dev/null >/dev/null 2>"$0/said" || {{ code=$?; cat "$0/said" >&2; exit $code; }}
exec {start} "$(cat "$0/id")"
"""
"""Makes a container apart from the streams, then starts it with them, for the job alone."""


class Streams(NamedTuple):
    """Files for the three streams of a job that has a path for at least one of them."""

    stdin: str | None
    stdout: str
    stderr: str


class DockerLike(Runtime):
    """Describes a runtime over a CLI with docker's verbs, without state."""

    name = "docker"
    containers = True
    command: Argv = ("docker",)
    engine_variables: Sequence[str] = ()
    contact_options: Mapping[str, str] = {"address": "--host"}
    unsupported: Mapping[str, str] = UNSUPPORTED
    reserved: Mapping[str, str] = reserved.DOCKER
    extensions: Sequence[str] = EXTENSIONS
    pulls = True
    keeps_logs = True
    ignored: Sequence[str] = IGNORED
    states: Mapping[str, str] = inspection.STATES

    address_scheme = "unix://"
    """What an address that is a path gets in front."""
    extension_flags: Mapping[str, str] = flags.FLAGS
    extension_readers: Mapping[str, flags.Reader] = flags.READERS
    fields: Mapping[str, str] = inspection.FIELDS
    inspect: Argv = ("container", "inspect", "--format")
    remove_words: Mapping[bool, Argv] = {False: ("rm", "--volumes"), True: ("rm", "--volumes", "--force")}
    """Whether by force -> the words for it, which remove anonymous volumes too."""
    version_words: Argv = ("version", "--format", "{{.Client.Version}}, server {{.Server.Version}}")
    list_words: Argv = ("ps", "--all", "--no-trunc", "--quiet")

    def argv(self, engine: Engine, *rest: str) -> Argv:
        """A whole command line: the CLI, the options that lead to the engine, the rest."""
        return (*engine.command, *self.connection(engine), *rest)

    def connection(self, engine: Engine) -> Argv:
        """The contact's options as the CLI's."""
        found: list[str] = []
        for key, flag in self.contact_options.items():
            value = engine.options.get(key)
            if value:
                scheme = self.address_scheme if key == "address" and value.startswith("/") else ""
                found += [flag, scheme + value]
        return tuple(found)

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise for what the template alone shows to be impossible."""
        refuse(self, template)
        flags.image(template)
        flags.check_text(template)
        reserved.refuse(template, self.reserved)
        self.template_words(template, "/")
        flags.check_ports(template)
        flags.check_restart(template)
        flags.entrypoint_words(template)
        environment.passed(template.job_environment or {}, "")

    def template_words(self, template: JobTemplate, base: str) -> list[str]:
        """The template's attributes and extensions as flags of ``run``."""
        return [
            *flags.attribute_words(template),
            *flags.extension_words(template, self.extension_flags, self.extension_readers, base),
        ]

    def streams(self, request: Request) -> Streams | None:
        """Return the files of a job that has any, or None for the engine's log."""
        if not (request.input or request.output or request.error):
            return None
        output = request.output or request.keep_output
        joined = bool(request.template.join_files)
        return Streams(request.input, output, output if joined else request.error or request.keep_error)

    def plan(
        self, request: Request, kind: str, own: Sequence[str], streams: Streams | None, starter: Sequence[str] = ()
    ) -> Launch:
        """A start with ``run``: ``own`` are the words of this CLI and way of starting.

        With files for the streams and a ``starter``, the CLI's words that start it, it is made with ``create`` first.
        """
        folder = request.folder
        env = environment.passed(request.environment, f"{folder}/env")
        labels = {name: value for name, value in request.labels.items() if environment.one_line(value)}
        entrypoint, front = flags.entrypoint_words(request.template)
        argv = self.argv(
            request.engine,
            "create" if streams and starter else "run",
            *(["--detach"] if kind == DETACHED else []),
            *(["--interactive"] if request.input else []),
            f"--name={request.name}",
            f"--cidfile={folder}/id",
            f"--label-file={folder}/labels",
            *own,
            *env.words,
            *self.limit_words(request),
            *self.template_words(request.template, request.directory),
            *entrypoint,
            *flags.options(request.template),
            flags.image(request.template),
            *front,
            *flags.command_words(request.template),
        )
        if streams and starter:
            start = " ".join(map(shlex.quote, self.argv(request.engine, *starter)))
            argv = ("/bin/sh", "-c", _IN_TWO.format(start=start), folder, *argv)
        return Launch(
            kind,
            argv,
            environment=env.environ,
            directory=folder,
            files={**env.files, f"{folder}/labels": environment.file(labels)},
            stdin=streams.stdin if streams else None,
            stdout=streams.stdout if streams else None,
            stderr=streams.stderr if streams else None,
            append=request.append,
            id_file=f"{folder}/id",
        )

    def limit_words(self, request: Request) -> list[str]:
        """Limits that this CLI needs beside the template's."""
        return []

    def launch(self, request: Request) -> Launch:
        """Start detached, or with a command that carries the streams into files."""
        streams = self.streams(request)
        if streams:
            given = ["--interactive"] if request.input else []
            return self.plan(request, ATTACHED, [], streams, ("start", "--attach", *given))
        return self.plan(request, DETACHED, [], None)

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """Read its words, as podman and docker return 126 and 127 for other reasons too."""
        said = words.reason(completed.stderr) or f"{self.name} ended with {completed.returncode} and no word"
        code = completed.returncode
        return 125 if code == 125 else words.start_status(completed.stderr, code), said

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """One ``inspect`` for all."""
        if not names:
            return {}
        done = yield from one(self.argv(engine, *self.inspect, inspection.template(self.fields), *names))
        found = inspection.as_asked(names, inspection.parse(done, self.states))
        if not done.returncode and len(found) < len(names):
            # One that is unknown is an error of the CLI's: silence is none, and nothing was removed.
            raise DrmCommunicationException(f"{self.name} told of {len(found)} of {len(names)} containers")
        return found

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        """The same for one."""
        return (yield from self.look(engine, [name])).get(name)

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """The ids by ``ps --filter``, then one look."""
        chosen = [f"--filter=label={key}={value}" for key, value in labels.items()]
        done = yield from one(self.argv(engine, *self.list_words, *chosen))
        seen = yield from self.look(engine, inspection.ids(words.expect(done)))
        return {each.name or "": each for each in seen.values()}

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        """``pause``, ``unpause`` and ``kill``."""
        verb = [ACTIONS[action]] if action in ACTIONS else ["kill", f"--signal={signal_name(signal_number(signal))}"]
        done = yield from one(self.argv(engine, *verb, name))
        if done.returncode:
            raise words.failed(done)

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        """Remove all by one ``rm``, and look at what is left where it complains."""
        if not names:
            return {}
        done = yield from one(self.argv(engine, *self.remove_words[force], *names))
        if not done.returncode:
            return {}
        left = yield from self.look(engine, names)
        return {name: _about(done, seen, name) for name, seen in left.items()}

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """``logs``, which keeps the two streams apart."""
        return self.argv(engine, "logs", *(["--follow"] if follow else []), name)

    def categories(self, engine: Engine) -> Dialog[Sequence[str]]:
        """Names of local images, sorted."""
        done = yield from one(self.argv(engine, "images", "--format", "{{.Repository}}:{{.Tag}}"))
        return sorted({line for line in inspection.ids(words.expect(done)) if "<none>" not in line})

    def pull(self, engine: Engine, image: str) -> Argv | None:
        """``pull``, which shows its progress on a terminal."""
        return self.argv(engine, "pull", image)

    def has_image(self, engine: Engine, image: str) -> Dialog[bool]:
        """Ask ``image inspect``, and tell a missing image from a missing engine."""
        done = yield from one(self.argv(engine, "image", "inspect", "--format", "{{.ID}}", image))
        if done.returncode and words.unanswered(done):
            raise DrmCommunicationException(words.told(done))
        return not done.returncode

    def image_environment(self, engine: Engine, image: str) -> Dialog[Mapping[str, str]]:
        """By ``image inspect``."""
        done = yield from one(self.argv(engine, "image", "inspect", "--format", "{{json .Config.Env}}", image))
        try:
            found = json.loads(done.stdout) if not done.returncode else None
        except ValueError:
            found = None
        return dict(each.split("=", 1) for each in found or () if "=" in each)

    def version(self, engine: Engine) -> Dialog[str]:
        """The CLI's version, and its daemon's where it has one."""
        done = yield from one(self.argv(engine, *self.version_words))
        return words.expect(done).strip()


def _about(done: Completed, seen: Observation, name: str) -> str:
    """The line of stderr that speaks of this container, else the last."""
    for line in done.stderr.splitlines():
        if name in line or (seen.container_id and seen.container_id in line):
            return words.reason(line)
    return words.reason(done.stderr)
