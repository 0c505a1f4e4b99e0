"""Plans how ctr starts a job: flags, environment file, and shells that carry streams."""

from __future__ import annotations

import os
import shlex

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate, Observation, extension, signal_number
from proctracker.model.structs import shown
from proctracker.runtimes import environment, flags, logger
from proctracker.runtimes.base import ATTACHED, DETACHED, Argv, Launch, Request
from proctracker.runtimes.tasks import EXIT_LABEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence


def _namespace(name: str, value: Any) -> Sequence[str]:
    if value not in ("host", "private"):
        raise InvalidArgumentException(f"{name}: host or private is expected, not {shown(value)}")
    # runc reads it before it enters any namespace: it is still the host's.
    return [f"{name}:/proc/self/ns/{name}"] if value == "host" else []


def _network(name: str, value: Any) -> Sequence[str]:
    if value not in ("host", "none"):
        raise InvalidArgumentException(
            f"{name}: host or none is expected, not {shown(value)}; for CNI give --cni as an option"
        )
    return ["true"] if value == "host" else []


def _devices(name: str, value: Any) -> Sequence[str]:
    found = flags.each(name, value)
    for word in found:
        if not word.startswith("/") or ":" in word:
            raise InvalidArgumentException(f"{name}: {word!r} is no path: ctr takes a device under its own name")
    return found


def _gpus(name: str, value: Any) -> Sequence[str]:
    found = flags.texts(name, value)
    if not all(word.isdecimal() for word in found):
        raise InvalidArgumentException(f"{name}: numbers of GPUs are expected (0,1), not {shown(value)}")
    return found


def _bytes(name: str, value: Any) -> Sequence[str]:
    return [word.rstrip("b") for word in flags.memory(name, value)]


_NO_FLAG: flags.Reader = lambda name, value: []  # noqa: E731

_FLAGS: Mapping[str, tuple[str, flags.Reader]] = {
    "user": ("--user", flags.text),
    "ipc": ("--with-ns", _namespace),
    "uts": ("--with-ns", _namespace),
    "pid": ("--with-ns", _namespace),
    "network": ("--net-host", _network),
    "devices": ("--device", _devices),
    "gpus": ("--gpus", _gpus),
    "memory_limit": ("--memory-limit", _bytes),
    "cpus": ("--cpus", flags.number),
}
"""Extension -> flag of ``ctr run`` and what reads its value."""

EXTENSIONS = (*_FLAGS, "volumes", "privileged", "rm", "entrypoint", "pull", "options")

MODES = (
    *(
        "ro",
        "rw",
        "bind",
        "rbind",
        "private",
        "rprivate",
        "shared",
        "rshared",
        "slave",
        "rslave",
        "unbindable",
        "runbindable",
    ),
    *("nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "relatime", "strictatime", "nodiratime"),
)
"""Options of a bind mount that runc knows, as ctr passes others on without effect."""

_NOT_SAID = "proctracker.template"

_CARRIER = """\
mkfifo -m 600 {folder}/stdin || exit 125
exec 3<&0 </dev/null
{{
    trap 'kill $!; exit' TERM
    cat <&3 & wait $!
    until {ctr} tasks ls 2>/dev/null | grep -Eq '^{name} +[0-9]+ +[SRP]'; do sleep 0.1 & wait $!; done
}} >{folder}/stdin &
feeder=$!
exec 3<&- 4<{folder}/stdin
"$@" <&4 &
client=$!
until [ -s {folder}/pid ] || ! kill -0 $client 2>/dev/null; do sleep 0.02; done
set -- {folder}/fifo/*/{name}-stdout
[ ! -p "$1" ] || {{
    command exec 5<>"$1" 6<>"${{1%out}}err" && exec 8</proc/self/fd/5 9</proc/self/fd/6 5>&- 6>&-
}} 2>/dev/null
wait $client
code=$?
kill $feeder 2>/dev/null
if [ -s {folder}/pid ]; then
    if [ -e /proc/self/fd/8 ]; then
        cat <&8 & out=$!
        cat <&9 >&2 & wait $! $out
    fi
    true >{folder}/done 2>/dev/null
    if state=$({ctr} shim --id {name} state 2>/dev/null); then
        case $state in *'"status": 3'*) ;; *) exit $code ;; esac
        code=$(echo "$state" | sed -n 's/.*"exit_status": *\\([0-9]*\\).*/\\1/p')
    fi
    until {ctr} containers label {name} {label}=${{code:-0}} >/dev/null 2>&1 || {ctr} version >/dev/null 2>&1; do sleep 1; done
fi
exit ${{code:-0}}
"""
"""Carries the streams of an attached start and keeps its code.

ctr closes the job's input never if that ends before the task runs: the end is held back until then. A daemon that goes
away ends ``ctr run``, not the job: this shell has the pipes of its output too, and goes on with them (what is left of the
input is not: nothing but ``ctr run`` can end it). They are opened for both ways first, for without a writer the opening
would wait. A shim that still answers says that ``ctr run`` was cut off: then it tells the code.
"""


_WAIT = """\
n=0
until [ -e "$0/done" ] || [ ! -d "$0" ] || [ $n -ge 250 ]; do sleep 0.02; n=$((n+1)); done
"""


def plan(request: Request, ctr: Argv) -> Launch:
    """Plan the whole start, ``ctr`` being the command with the options that lead to the engine."""
    folder, template = request.folder, request.template
    attached = request.input not in (None, "/dev/null")
    content = environment_file(request.environment)
    output = request.output or request.keep_output
    error = output if template.join_files else request.error or request.keep_error
    run = (
        *ctr,
        "run",
        f"--pid-file={folder}/pid",
        *(
            (f"--fifo-dir={folder}/fifo",)
            if attached
            else ("--detach", f"--log-uri={logger.uri(folder, request.append, output == error)}")
        ),
        *([f"--env-file={folder}/env"] if content else []),
        *[f"--label={key}={value}" for key, value in request.labels.items() if key != _NOT_SAID],
        *run_words(template, request.directory),
        *flags.options(template),
        flags.image(template),
        request.name,
        *process_words(template),
    )
    files = {f"{folder}/env": content} if content else {}
    if attached:
        script = _CARRIER.format(
            folder=shlex.quote(folder), ctr=" ".join(map(shlex.quote, ctr)), name=request.name, label=EXIT_LABEL
        )
        return Launch(
            ATTACHED,
            ("/bin/sh", "-c", script, "proctracker-ctr", *run),
            directory=folder,
            files=files,
            stdin=request.input,
            stdout=output,
            stderr=error,
            append=request.append,
            pid_file=f"{folder}/pid",
        )
    files.update(logger.files(folder, output, error))
    return Launch(DETACHED, run, directory=folder, files=files, pid_file=f"{folder}/pid")


def carried(stdout: str) -> Argv:
    """Return a command that ends when an attached start has carried all output, or after 5 s.

    ``stdout`` is the task's pipe.

    What the job left behind may have the pipe open for ever. A start's folder that has gone is nobody's to wait for.
    """
    return ("/bin/sh", "-c", _WAIT, stdout.rpartition("/fifo/")[0])


def code_of(seen: Observation) -> int:
    """The exit code that an end was made of."""
    return 128 + signal_number(seen.terminating_signal) if seen.terminating_signal else seen.exit_status or 0


def environment_file(variables: Mapping[str, str]) -> bytes:
    """Write the content of ``--env-file``, ctr's only way that others cannot see.

    Raises UnsupportedAttributeException for what no line can carry; its message has the name, never the value.
    """
    for name, value in variables.items():
        if "\n" in name or not environment.one_line(value):
            raise UnsupportedAttributeException(
                f"job_environment: {name!a} has a value of several lines or over 60 KB, which ctr cannot pass: put it into a file"
            )
    try:
        return environment.file(variables)
    except UnicodeEncodeError:
        raise UnsupportedAttributeException("job_environment: not UTF-8, and containerd keeps nothing else") from None


def run_words(template: JobTemplate, base: str) -> list[str]:
    """Return the template's attributes as flags of ``ctr run``, with volumes relative to ``base``."""
    flags.image(template)
    process_words(template)
    words = flags.extension_words(
        template,
        {key: flag for key, (flag, _) in _FLAGS.items()},
        {key: read for key, (_, read) in _FLAGS.items()},
        base,
    )
    flags.word_of(flags.PULL)("pull", extension(template, "pull") or "never")
    machines, directory = template.candidate_machines or [], template.working_directory
    if len(machines) > 1:
        raise InvalidArgumentException("candidate_machines: one name is expected, the container's hostname")
    if directory and not directory.startswith(("/", "$DRMAA2_")):
        raise InvalidArgumentException(f"working_directory: {directory}: a container's is absolute")
    words += [f"--hostname={machine}" for machine in machines]
    words += [f"--cwd={directory}"] if directory else []
    return words + [f"--mount={mount}" for mount in _mounts(template, base)]


def _mounts(template: JobTemplate, base: str) -> list[str]:
    found = []
    for word in flags.volumes("volumes", extension(template, "volumes") or []):
        source, target, options = flags.volume(word)
        flags.check_modes(word, MODES)
        if not flags.is_path(source):
            raise InvalidArgumentException(f"volumes: {source!r} is no path, and containerd has no volumes of a name")
        how = ":".join(["rbind", *(part for part in options.split(",") if part)]) if options else "rbind:rw"
        source = os.path.normpath(os.path.join(base, source))
        found.append(",".join(map(_field, ("type=bind", f"src={source}", f"dst={target}", f"options={how}"))))
    return found


def _field(text: str) -> str:
    """A field as ctr's reader of comma separated values wants it."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n\r') else text


def process_words(template: JobTemplate) -> list[str]:
    """Return the whole command.

    A given entrypoint goes in front. The image's own counts only where neither is given.
    """
    front = extension(template, "entrypoint")
    own = flags.command_words(template)
    if front == "" and not own:
        raise InvalidArgumentException("entrypoint: an empty one needs a command")
    return [*(flags.each("entrypoint", front) if front else []), *own]
