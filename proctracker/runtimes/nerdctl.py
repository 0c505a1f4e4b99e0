"""Describes nerdctl, docker's verbs on containerd, with other ways for what ``-d`` refuses."""

from __future__ import annotations

import json
import re

from proctracker.errors import DrmCommunicationException, UnsupportedOperationException
from proctracker.model import Completed, JobState, Observation
from proctracker.records import replace
from proctracker.runtimes import flags, inspection, logger, reserved, settings, words
from proctracker.runtimes.base import ATTACHED, DETACHED, Argv, Dialog, Engine, Launch, Request, one
from proctracker.runtimes.docker import namespace
from proctracker.runtimes.shared import EXTENSIONS, UNSUPPORTED, DockerLike, Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence

STATES = {**inspection.STATES, "": "QUEUED", "pausing": "RUNNING", "unknown": "UNDETERMINED"}
"""The state words of ``nerdctl inspect``: docker's, and none for a container without a task."""

LISTED = {
    "Up": Observation(JobState.RUNNING),
    "Paused": Observation(JobState.SUSPENDED),
    "Restarting": Observation(JobState.RUNNING, inspection.RESTARTING),
}
"""First words of Status in ``nerdctl ps`` that tell enough without a closer look."""

_VARIABLES = {
    "address": "CONTAINERD_ADDRESS",
    "namespace": "CONTAINERD_NAMESPACE",
    "snapshotter": "CONTAINERD_SNAPSHOTTER",
}
"""nerdctl.toml's key -> the variable that wins over it (nerdctl's configuration reference)."""

_FEW = 3
"""Containers up to which ``inspect`` is asked at once: it takes 6 ms for each, ``ps`` 2."""
_START_FAILED = r"failed to (create|start)\b"

_CARRIER = """\
mkfifo -m 600 "$0.over" || exit 125
exec 3<&0 </dev/null
"$@" <&3 3<&- &
client=$!
exec 3<&-
{
    until [ -p "$1" ] && [ -p "${1%out}err" ]; do
        kill -0 $client 2>/dev/null || exit 0
        sleep 0.02
        id=none
        read -r id 2>/dev/null <"$0"
        set -- "/proc/$client/root/run/containerd/fifo"/*/"$id"-stdout
    done
    exec 8<"$1" 9<"${1%out}err"
    true >"$0.held"
    read -r id <"$0.over"
    cat <&8 & cat <&9 >&2 & wait
} &
holder=$!
wait $client
code=$?
if [ -e "$0.held" ]; then
    true 2>/dev/null >"$0.over"
    wait $holder
else
    kill $holder 2>/dev/null
fi
exit $code
"""
"""Carries the output of an attached start to its end.

``nerdctl run -i`` returns when the job has ended, whatever of the output it has not read by then.

A second shell opens the pipes of the output too, which waits until the shim has them and so comes before the job, and
reads what the client has left, all of it where the daemon went away and the client with it. The pipes are found by the
container's id, which is written before they are made.
"""


MODES = (
    *("ro", "rw", "rro", "bind", "rbind", "private", "rprivate", "shared", "rshared", "slave", "rslave"),
    *("nocopy", "z", "Z"),
)
"""Options of a volume, as nerdctl only warns of others (its command reference)."""


def volumes(name: str, value: Any) -> Sequence[str]:
    """As any CLI's, with no option that it does not know."""
    found = flags.volumes(name, value)
    for word in found:
        flags.check_modes(word, MODES)
    return found


class Nerdctl(DockerLike):
    """The CLI of nerdctl 1.7 or newer."""

    name = "nerdctl"
    command: Argv = ("nerdctl",)
    engine_variables: Sequence[str] = (
        "CONTAINERD_ADDRESS",
        "CONTAINERD_NAMESPACE",
        "CONTAINERD_SNAPSHOTTER",
        "NERDCTL_TOML",
        "CNI_PATH",
        "NETCONFPATH",
        "DOCKER_CONFIG",
        "XDG_RUNTIME_DIR",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "HOME",
        "PATH",
    )
    contact_options: Mapping[str, str] = {
        "address": "--address",
        "namespace": "--namespace",
        "data_root": "--data-root",
        "snapshotter": "--snapshotter",
    }
    reserved: Mapping[str, str] = {
        **reserved.DOCKER,
        **dict.fromkeys(("log-driver", "log-opt"), reserved.LOG),
        "pidfile": reserved.TOLD,
        "restart": "use retries: nerdctl goes on calling such a container restarting after it was stopped",
    }
    address_scheme = ""
    keeps_logs = False
    unsupported: Mapping[str, str] = {
        **UNSUPPORTED,
        "restart": "it goes on calling such a container restarting after it was stopped; use retries",
    }
    extensions: Sequence[str] = tuple(name for name in EXTENSIONS if name != "restart")
    states: Mapping[str, str] = STATES
    extension_readers: Mapping[str, flags.Reader] = {
        **flags.READERS,
        "uts": namespace,
        "pid": namespace,
        "volumes": volumes,
    }
    list_words: Argv = ("ps", "--all", "--no-trunc", "--format", "json")
    version_words: Argv = (
        "version",
        "--format",
        "{{.Client.Version}}, server {{(index .Server.Components 0).Version}}",
    )

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """Fix the namespace and what nerdctl.toml says now, which flags and environment override."""
        env, options = dict(engine.env), dict(engine.options)
        own = f"{env.get('XDG_CONFIG_HOME') or env.get('HOME', '') + '/.config'}/nerdctl/nerdctl.toml"
        paths = [env["NERDCTL_TOML"]] if env.get("NERDCTL_TOML") else ["/etc/nerdctl/nerdctl.toml", own]
        found: dict[str, str] = {"namespace": "default"}
        for path in paths:
            found.update(settings.toml_texts(read(path)))
        for key, variable in _VARIABLES.items():
            if key in found and not options.get(key):
                env.setdefault(variable, found[key])
        if "data_root" in found:
            options.setdefault("data_root", found["data_root"])
        return replace(engine, env=env, options=options)

    def launch(self, request: Request) -> Launch:
        """Start detached with our logger, as nerdctl's takes 15 MB a job, or attached with an input."""
        output = request.output or request.keep_output
        error = output if request.template.join_files else request.error or request.keep_error
        if request.input and request.input != "/dev/null":
            launch = self.plan(request, ATTACHED, [], Streams(request.input, output, error))
            return replace(launch, argv=("/bin/sh", "-c", _CARRIER, launch.id_file or "", *launch.argv))
        request, folder = replace(request, input=None), request.folder
        driver = logger.uri(folder, request.append, output == error)
        launch = self.plan(request, DETACHED, [f"--log-driver={driver}", f"--pidfile={folder}/pid"], None)
        return replace(launch, files={**launch.files, **logger.files(folder, output, error)}, pid_file=f"{folder}/pid")

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """Ask ``inspect`` for a few, else ``ps``, and ``inspect`` where that does not tell enough."""
        if len(names) <= _FEW:
            return inspection.as_asked(names, (yield from self._inspect(engine, names)))
        listed = yield from self._listed(engine)
        found = inspection.as_asked(names, listed)
        unclear = [name for name, seen in found.items() if seen.state == JobState.UNDETERMINED]
        return {**found, **inspection.as_asked(unclear, (yield from self._inspect(engine, unclear)))}

    def _listed(self, engine: Engine) -> Dialog[Mapping[str, Observation]]:
        return parse_list((yield from one(self.argv(engine, *self.list_words))))

    def _inspect(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        """Inspect again without unknown ones, of which nerdctl 2 says nothing for any."""
        if not names:
            return {}
        done = yield from one(self.argv(engine, "container", "inspect", *names))
        if done.returncode and not words.unanswered(done) and not done.stdout.strip():
            listed = yield from self._listed(engine)
            known = [
                name for name in names if name in listed or name in {seen.container_id for seen in listed.values()}
            ]
            if not known:
                return {}
            done = yield from one(self.argv(engine, "container", "inspect", *known))
        return parse(done)

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """List ids by ``ps --filter``, then inspect, as ``ps`` shows labels unreadably."""
        chosen = [f"--filter=label={key}={value}" for key, value in labels.items()]
        listed = parse_list((yield from one(self.argv(engine, *self.list_words, *chosen))))
        return (yield from self._inspect(engine, [seen.container_id or "" for seen in listed.values()]))

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        """Raises UnsupportedOperationException: the output is in files."""
        raise UnsupportedOperationException("nerdctl keeps no output of these jobs: it is in files")


def parse_list(done: Completed) -> dict[str, Observation]:
    """The lines of ``ps --format json`` by name. Those that want a closer look are UNDETERMINED.

    Containers without a name are not nerdctl's own. Raises DrmCommunicationException for what is no such list.
    """
    found = {}
    for line in words.expect(done).splitlines():
        try:
            row: Any = json.loads(line or "{}")
            name, status = row.get("Names"), str(row.get("Status"))
        except (ValueError, AttributeError):
            raise DrmCommunicationException(
                f"{done.argv[0]} answered with something else than JSON: {line[:80]!r}"
            ) from None
        if name:
            word = (status.split() or [""])[0]
            seen = LISTED.get(word, Observation(JobState.UNDETERMINED, word.lower()))
            found[str(name)] = replace(seen, name=str(name), container_id=row.get("ID"), image=row.get("Image"))
    return found


def parse(done: Completed) -> dict[str, Observation]:
    """Parse ``inspect``.

    ``Error`` is the last failed operation's, and only a failed start's says how a job ended.
    """
    if done.returncode and (words.unanswered(done) or not words.says(words.errors(done.stderr), words.UNKNOWN)):
        raise DrmCommunicationException(words.told(done))
    found = {}
    for each in inspection.objects(done):
        state = each.get("state")
        if isinstance(state, dict) and not (
            state.get("Status") == "" and re.match(_START_FAILED, str(state.get("Error")))
        ):
            each = {**each, "state": {**state, "Error": ""}}
        seen = inspection.observe(each, STATES)
        # 1.7 goes on telling the pid of a process that has gone.
        found[seen.name or ""] = replace(seen, pid=None) if seen.state.ended else seen
    return found


RUNTIME = Nerdctl()
