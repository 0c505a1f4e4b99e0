"""Writes the script that a node runs: the task, its environment, the program.

Where a node has no Python, a few lines of shell do the same, less the usage, fractions of seconds and exact limits.
"""

from __future__ import annotations

import os
import re
import shlex

import proctracker
from proctracker.runtimes import slurm_image, slurm_records
from proctracker.templates import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping, Sequence

    from proctracker.runtimes.batch import Submission, Task

NAMES = "PROCTRACKER_NAMES"
"""Carries variables that a shell would drop, as hexadecimal ``name=value``."""

PYTHONS = "/usr/bin/python3 /usr/libexec/platform-python"
"""Where a node's own Python is looked for before PATH, which the job may have changed."""

_PLAIN = r"[A-Za-z_][A-Za-z0-9_]*"

# Names of variables begin with _pt_: what else is set is the job's own.
_HEAD = """\
#!/bin/sh
# A job of proctracker: which task this is, where its streams go, and where it is written down how it ended.
_pt_n=${SLURM_ARRAY_TASK_ID-}
unset _pt_error _pt_input _pt_item"""

_CHOICE = """\
[ "${SLURM_RESTART_COUNT:-0}" = 0 ] || _pt_append=append=1
_pt_record=$_pt_record.${SLURM_RESTART_COUNT:-0}
[ -z "$_pt_engine" ] || set -- "$_pt_engine" run --rm --interactive --name="${_pt_record##*/}" "$@"
for _pt_p in %s "$(command -v python3)"; do
    [ -x "$_pt_p" ] && exec "$_pt_p" -I -S -c 'import sys
with open(sys.argv.pop(1), encoding="utf-8", errors="surrogateescape") as file:
    text = file.read().rpartition("\\n#PROGRAM\\n")[2]
exec(compile(text, "proctracker", "exec"))' "$0" \\
        record="$_pt_record" output="$_pt_output" ${_pt_error+"error=$_pt_error"} ${_pt_input+"input=$_pt_input"} \\
        directory="$_pt_directory" umask="$_pt_umask" $_pt_append ${LC_CTYPE+"locale=$LC_CTYPE"} \\
        ${_pt_engine:+"engine=$_pt_engine" "container=${_pt_record##*/}"} %s -- "$@"
done
"""

_SHELL = r"""
_pt_started=$(date +%s)
_pt_tell() { # STATE LINE…
    _pt_state=$1; shift
    _pt_new=${_pt_record%/*}/.${_pt_record##*/}.$(uname -n).$$
    { printf 'proctracker 1\nstate %s\nstarted %s\nnode %s\n' "$_pt_state" "$_pt_started" "${SLURMD_NODENAME:-$(uname -n)}"
      echo "slurm ${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID-}}${_pt_n:+_$_pt_n}"
      echo "queue ${SLURM_JOB_PARTITION-}"
      [ $# = 0 ] || printf '%s\n' "$@"
      echo end; } >"$_pt_new" && mv -f "$_pt_new" "$_pt_record" || rm -f "$_pt_new"
}
_pt_not() { _pt_tell ended "ended $(date +%s)" "code $1" "why start-failed" "reason $2"; exit "$1"; }
for _pt_each in TERM INT HUP USR1 USR2; do trap "_pt_told=\${_pt_told:-$_pt_each}" $_pt_each; done
_pt_tell running
umask "$_pt_umask"
cd -- "$_pt_directory" 2>/dev/null || _pt_not 125 "working directory $_pt_directory: cannot be entered"
: "${_pt_input=/dev/null}"
[ -r "$_pt_input" ] || _pt_not 125 "$_pt_input: cannot be read on $(uname -n)"
for _pt_each in "$_pt_output" ${_pt_error+"$_pt_error"}; do
    ( : >>"$_pt_each" ) 2>/dev/null || _pt_not 125 "$_pt_each: cannot be written on $(uname -n)"
    [ -n "$_pt_append" ] || [ ! -f "$_pt_each" ] || : >"$_pt_each"
done
command -v -- "$1" >/dev/null || _pt_not 127 "$1: command not found"
(
    trap - TERM INT HUP USR1 USR2
    LIMITS
    exec <"$_pt_input" >>"$_pt_output"
    if [ -n "${_pt_error+x}" ]; then exec 2>>"$_pt_error"; else exec 2>&1; fi
    exec "$@"
)
_pt_code=$?
_pt_tell ended "ended $(date +%s)" "code $_pt_code" ${_pt_told+"told $_pt_told"}
case $_pt_code${_pt_told-} in 0TERM | 0INT | 0HUP) _pt_code=143 ;; esac # as the program does
exit $_pt_code
#PROGRAM
"""

_ULIMITS = {"CORE": "c", "CPU": "t", "DATA": "d", "FSIZE": "f", "NOFILE": "n", "STACK": "s", "AS": "v"}
_UNITS = {"CORE": 512, "FSIZE": 512, "DATA": 1024, "STACK": 1024, "AS": 1024}
"""setrlimit's name -> the shell's (POSIX), and what that counts in."""


def _program() -> str:
    """The text of the program that runs a job on a node."""
    # By the package's loader, as it may be in an archive. importlib would take tokenize along, 100 kB of each supervisor.
    loader: Any = proctracker.__loader__
    source: bytes = loader.get_data(os.path.join(os.path.dirname(proctracker.__file__), "node.py"))
    return source.decode("utf-8")


PROGRAM = _program()
"""Read as this is loaded: who submits later may outlive the files of the package."""


def text(submission: Submission, unset: Iterable[str] = ()) -> bytes:
    """Write the script for these tasks.

    ``unset`` names variables that it is started with and that are not the job's.
    """
    request, tasks = submission.request, submission.tasks
    task = "_$_pt_n" if tasks[0].index is not None else ""
    bounds = limits.read(request.template.resource_limits or {})[0]
    lines = [
        _HEAD,
        *_choices(tasks),
        f'_pt_record={shlex.quote(submission.records + "/")}"{request.name}{task}"',
        f"_pt_directory={shlex.quote(request.directory)} _pt_umask={submission.umask:03o}",
        f"_pt_append={'append=1' if request.append else ''}",
        f"_pt_engine={slurm_image.named(request.template, request.engine.options) or ''}",
        *_variables(submission, unset),
        _CHOICE % (PYTHONS, _words(submission, bounds)),
        _SHELL.replace("LIMITS", " ".join(map(_ulimit, bounds, bounds.values())) or ":", 1).strip("\n"),
    ]
    return "\n".join([*lines, PROGRAM]).encode("utf-8", "surrogateescape")


def _words(submission: Submission, bounds: Mapping[str, int]) -> str:
    """What the program is told besides, the same for all tasks."""
    image = submission.request.template.job_category
    words = [f"grace={submission.grace:g}", *([shlex.quote(f"image={image}")] if image else [])]
    core = submission.request.limits.get("CORE")
    if core is not None and core[0] >= 0:
        words.append(f"core={core[0]}")
    for name, wanted in (("after", True), ("after_any", False)):
        records = [_records(keys) for well, keys in submission.awaits if well is wanted and keys]
        words += [shlex.quote(f"{name}={','.join(records)}")] if records else []
    if bounds:
        words.append("rlimits=" + ",".join(f"{name}:{value}" for name, value in bounds.items()))
    if submission.time_limit:
        words.append(f"limit={submission.time_limit:.3f}")
    if submission.deadline is not None:
        words.append(f"deadline={submission.deadline:.3f}")
    return " ".join(words)


def _records(keys: Sequence[str]) -> str:
    """The name of a job's records, or of those of all tasks of an array, without the run."""
    name = slurm_records.record_name(keys[0], 0).rpartition(".")[0]
    return name if len(keys) == 1 else f"{name.rpartition('_')[0]}_*"


def _ulimit(name: str, value: int) -> str:
    letter = _ULIMITS[name]
    amount = f'"$(ulimit -H{letter})"' if value < 0 else str(value // _UNITS.get(name, 1))
    return f"ulimit -{letter} {amount} || exit 125;"


def _variables(submission: Submission, unset: Iterable[str]) -> list[str]:
    """Return the variables that say which job it is."""
    request, first = submission.request, submission.tasks[0]
    array = first.index is not None
    job = f"{first.job_id.rpartition('_')[0]}_$_pt_n" if array else first.job_id
    gone = " ".join(name for name in unset if re.fullmatch(_PLAIN, name))
    return [
        *([f"unset {gone}"] if gone else []),
        f'export JOB_ID="{job}" PROCTRACKER_JOB="{submission.home}/{job}/{request.attempt}"',
        f"export PROCTRACKER_ATTEMPT={request.attempt} PROCTRACKER_SESSION={shlex.quote(submission.session)}",
        *(['export TASK_ID="$_pt_n"'] if array else []),
        *(['export TASK_ITEM="$_pt_item"'] if first.item is not None else []),
    ]


def _choices(tasks: Sequence[Task]) -> list[str]:
    """Return the variables and command of this task, chosen by its number."""
    columns: dict[str, list[str | None]] = {
        "_pt_output": [task.output for task in tasks],
        "_pt_error": [None if task.error == task.output else task.error for task in tasks],
        "_pt_input": [task.input for task in tasks],
        "_pt_item": [task.item for task in tasks],
    }
    words = len(tasks[0].command)
    same = all(len(task.command) == words for task in tasks)
    for place in range(words if same else 0):
        columns[f"_pt_{place}"] = [task.command[place] for task in tasks]
    fixed, varying = _sorted_out(columns, [task.index for task in tasks])
    lines = [f"{name}={form}" for name, form in fixed.items() if not name[4:].isdigit()]
    if varying or not same:
        lines.append("case $_pt_n in")
        for at, task in enumerate(tasks):
            given = [f"{name}={shlex.quote(values[at])}" for name, values in varying.items()]
            command = [] if same else ["set --", *map(shlex.quote, task.command)]
            lines.append(f"{task.index}) {' '.join(given)}{'; ' if given and command else ''}{' '.join(command)} ;;")
        lines.append("esac")
    if same:
        found = [fixed.get(f"_pt_{place}", f'"$_pt_{place}"') for place in range(words)]
        lines.append(f"set -- {' '.join(found)}")
    return lines


def _sorted_out(
    columns: Mapping[str, Sequence[str | None]], indices: Sequence[int | None]
) -> tuple[dict[str, str], dict[str, Sequence[str]]]:
    """Sort out what one word of shell says for all tasks, and what differs."""
    fixed: dict[str, str] = {}
    varying: dict[str, Sequence[str]] = {}
    for name, values in columns.items():
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            continue
        form = _form(known, indices)
        if form is None:
            varying[name] = known
        else:
            fixed[name] = form
    return fixed, varying


def _form(values: Sequence[str], indices: Sequence[int | None]) -> str | None:
    """Return all as one shell word, also around the task's number, or None."""
    if len(set(values)) == 1:
        return shlex.quote(values[0])
    front, back = _beginning(values), _beginning([value[::-1] for value in values])[::-1]
    for start in {front, front.rstrip("0123456789")}:
        for end in {back, back.lstrip("0123456789")}:
            if all(value == f"{start}{index}{end}" for value, index in zip(values, indices)):
                return f'{shlex.quote(start)}"$_pt_n"{shlex.quote(end)}'
    return None


def _beginning(values: Sequence[str]) -> str:
    """What all begin with: where the least and the greatest part, all do."""
    least, greatest = min(values), max(values)
    return next((least[:at] for at, (one, other) in enumerate(zip(least, greatest)) if one != other), least)


def carried(environment: Mapping[str, str]) -> bytes:
    """The file for ``--export-file``: the job's environment, a NUL behind each variable."""
    plain = {name: value for name, value in environment.items() if re.fullmatch(_PLAIN, name)}
    odd = [f"{name}={value}" for name, value in environment.items() if name not in plain]
    if odd:
        plain[NAMES] = " ".join(_bytes(pair).hex() for pair in odd)
    return b"".join(_bytes(f"{name}={value}\0") for name, value in plain.items())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
