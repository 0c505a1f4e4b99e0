"""Describes podman, whose conmon keeps each container and writes its streams into files."""

from __future__ import annotations

import itertools
import os.path

from proctracker.errors import InvalidArgumentException
from proctracker.records import replace
from proctracker.runtimes import flags, inspection, reserved, settings, words
from proctracker.runtimes.base import DETACHED, Argv, Dialog, Engine, Launch, Monitor, Request, one
from proctracker.runtimes.podman_launch import apart
from proctracker.runtimes.shared import DockerLike

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence

STATES = {
    **inspection.STATES,
    "configured": "QUEUED",
    "initialized": "QUEUED",
    "stopping": "RUNNING",
    "stopped": inspection.BY_EXIT_CODE,
    "unknown": "UNDETERMINED",
}
"""podman's state words (podman-ps(1)), ``configured`` being 3.x's ``created``."""

LONGEST_RUNROOT = 50
"""Characters of a runroot over which podman's own clean-up refuses it (``--runroot``)."""
_PODMANS_LIMIT = 1048576
_PODMANS_OWN_PROCESSES = 32768
"""The hard limit of podman 4.3 itself, which bounds callers without CAP_SYS_RESOURCE."""
_REMOTE_VARIABLES = ("CONTAINER_HOST", "CONTAINER_CONNECTION")


def cdi(name: str, value: Any) -> Sequence[str]:
    """docker's ``--gpus`` as CDI devices: podman before 5.0 takes that flag and does nothing."""
    (word,) = flags.text(name, value)
    if word.isdecimal():
        chosen = [str(index) for index in range(int(word))]
    else:
        chosen = word[7:].split(",") if word.startswith("device=") else [word]
    if word != "all" and not ((word.isdecimal() and int(word)) or word.startswith("device=")):
        raise InvalidArgumentException(f"{name}: all, a number above 0 or device=ID[,ID] is expected, not {word!r}")
    return [f"nvidia.com/gpu={each}" for each in chosen]


class Podman(DockerLike):
    """Describes the CLI of podman 4.0 or newer, with its own engine or a remote one."""

    name = "podman"
    command: Argv = ("podman",)
    engine_variables: Sequence[str] = (
        "CONTAINER_HOST",
        "CONTAINER_CONNECTION",
        "CONTAINER_SSHKEY",
        "CONTAINERS_CONF",
        "PODMAN_CONNECTIONS_CONF",
        "CONTAINERS_CONF_OVERRIDE",
        "CONTAINERS_STORAGE_CONF",
        "CONTAINERS_REGISTRIES_CONF",
        "CONTAINERS_HELPER_BINARY_DIR",
        "STORAGE_DRIVER",
        "STORAGE_OPTS",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "DBUS_SESSION_BUS_ADDRESS",
        "TMPDIR",
        "HOME",
        "PATH",
    )
    engine_environment: Mapping[str, str] = {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    """The warning of podman 5 on cgroup v1, which lands in the job's own stderr with files."""
    contact_options: Mapping[str, str] = {"address": "--url"}
    reserved: Mapping[str, str] = {
        **reserved.DOCKER,
        **dict.fromkeys(("log-driver", "log-opt"), reserved.LOG),
        "pidfile": reserved.TOLD,
        "replace": reserved.NAME,
        "rmi": reserved.REMOVE,
    }
    states: Mapping[str, str] = STATES
    extension_flags: Mapping[str, str] = {**flags.FLAGS, "gpus": "--device"}
    extension_readers: Mapping[str, flags.Reader] = {**flags.READERS, "gpus": cdi}
    remove_words: Mapping[bool, Argv] = {
        False: ("rm", "--ignore", "--volumes"),
        True: ("rm", "--ignore", "--volumes", "--force", "--time=0"),
    }
    version_words: Argv = ("info", "--format", "{{.Version.Version}}")

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """Fix the default connection, from podman 5's own file, before that containers.conf."""
        given = {word.partition("=")[0] for word in engine.command[1:]} & {"--url", "--connection", "-c"}
        named = engine.options.get("address") or any(engine.env.get(name) for name in _REMOTE_VARIABLES)
        if given or named or not _remote(engine):
            return engine
        folder = f"{engine.env.get('XDG_CONFIG_HOME') or engine.env.get('HOME', '') + '/.config'}/containers"
        own = settings.json_object(
            read(engine.env.get("PODMAN_CONNECTIONS_CONF") or f"{folder}/podman-connections.json")
        )
        found = inspection.mapping(own.get("Connection")).get("Default") or settings.toml_texts(
            read(engine.env.get("CONTAINERS_CONF") or f"{folder}/containers.conf"), "engine"
        ).get("active_service")
        return replace(engine, env={**engine.env, "CONTAINER_CONNECTION": str(found)}) if found else engine

    def limit_words(self, request: Request) -> list[str]:
        """Give the limits that may be had, as podman's defaults need CAP_SYS_RESOURCE."""
        given = flags.ulimit_words(request.template)
        found = []
        for name in ("NOFILE", "NPROC") if given else ():
            hard = request.limits.get(name, (-1, -1))[1]
            if 0 <= hard < _PODMANS_LIMIT and not any(word.startswith(f"--ulimit={name.lower()}=") for word in given):
                may = min(hard, _PODMANS_OWN_PROCESSES) if name == "NPROC" else hard
                found.append(f"--ulimit={name.lower()}={may}:{may}")
        return found

    def launch(self, request: Request) -> Launch:
        """Start detached.

        With files conmon gets them as its own streams, without them it keeps a log.

        A remote engine's conmon cannot have our descriptors: there an attached command carries the streams.
        """
        if _remote(request.engine):
            return super().launch(request)
        streams, folder = self.streams(request), request.folder
        driver = "passthrough" if streams else "k8s-file"
        launch = self.plan(request, DETACHED, [f"--log-driver={driver}", f"--pidfile={folder}/pid"], streams)
        launch = apart(launch, request.engine, folder) if streams else launch
        return replace(launch, pid_file=f"{folder}/pid")

    def monitor(self, argv: Sequence[str], asked: Mapping[str, Any]) -> Monitor | None:
        """Return conmon's exit file (conmon(8)), unless a restart policy decides.

        podman takes the OOM killer's mark from the bundle, from 5.0 on from the persistent directory.
        """
        if not argv or os.path.basename(argv[0]) != "conmon" or _restarts(asked):
            return None
        given = _given(argv)
        folder, container = given.get("--exit-dir"), given.get("-c")
        places = [given[flag] for flag in ("-b", "--persist-dir") if flag in given]
        if not folder or not container:
            return None
        # A checkpoint is written into the bundle before it ends the process (podman-container-checkpoint(1)).
        frozen = [f"{given['-b']}/checkpoint"] if "-b" in given else []
        return Monitor(f"{folder}/{container}", [f"{place}/oom" for place in places], frozen)

    def undo(self, argv: Sequence[str], start: str) -> Argv | None:
        """Return the OCI runtime's command that deletes what a conmon of this start has it hold.

        podman knows nothing of that where it is killed before it has noted it: a process waits to be started for ever.
        """
        given = _given(argv) if argv and os.path.basename(argv[0]) == "conmon" else {}
        if given.get("-p") != f"{start}/pid" or not given.get("-r") or not given.get("-c"):
            return None
        pairs = [(word, after) for word, after in zip(argv, argv[1:]) if word == "--runtime-arg"]
        flags = [after for _, after in pairs if after.startswith("--") and not after.startswith("--log")]
        return (given["-r"], *flags, "delete", "--force", given["-c"])

    def runroot(self, engine: Engine) -> Dialog[str]:
        """The directory podman keeps the state of running containers in."""
        done = yield from one(self.argv(engine, "info", "--format", "{{.Store.RunRoot}}"))
        return words.expect(done).strip()


def _given(argv: Sequence[str]) -> Mapping[str, str]:
    """Return what conmon was given, by its flags."""
    own = list(itertools.takewhile(lambda word: word != "--exit-command", argv))
    return dict(zip(own, own[1:]))


def _restarts(asked: Mapping[str, Any]) -> bool:
    """Whether the container may have a restart policy."""
    return bool(asked.get("restart")) or "--restart" in str(asked.get("options"))


def _remote(engine: Engine) -> bool:
    """Return whether the CLI talks to a service, by contact, environment or command."""
    words = {word.partition("=")[0] for word in engine.command[1:]} | {os.path.basename(engine.command[0])}
    named = words & {"podman-remote", "--remote", "-r", "--url", "--connection", "-c"}
    return bool(named or engine.options.get("address") or any(engine.env.get(name) for name in _REMOTE_VARIABLES))


RUNTIME = Podman()
