"""Writes what ``--help`` shows: usage, options, values, exit codes, examples."""

from __future__ import annotations

from proctracker.cli.commands import COMMANDS, GLOBAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.cli.commands import Command

VALUES = {
    "DURATION": "DURATION  seconds, or 90s, 10m, 2h, 1d, 2h30m, or H:MM:SS",
    "SECONDS": "SECONDS   the same as a duration: 90, 10m, 1:30:00",
    "TIME": "TIME      ISO 8601, without a zone local: 2026-01-31T18:00, or from now: +10m",
    "SIZE": "SIZE      bytes, or with a unit of 1024: 512K, 16M, 2G",
    "RANGE": "RANGE     1-10, 1-10:2, 3,7,12-20; tasks count from 1; 1-10%2 runs two at once",
    "STATE": "STATE     QUEUED QUEUED_HELD RUNNING SUSPENDED REQUEUED REQUEUED_HELD DONE FAILED UNDETERMINED; several\n"
    "              as RUNNING,SUSPENDED",
    "ID": "ID        42; an array 43, its tasks 43_1 or 43_[2-9]; or a job's name",
}
"""A word of usage or options -> how its values are written."""

OF_JOBS = """\
exit code:
  0 only if every job is DONE; else the job's own, 128+N where signal N ended it (of several the first that is not 0);
  124 the time-out is over; 125 refused, could not be started, lost, or FAILED without a code; 126 and 127 the command
  cannot be executed, was not found"""
OF_OTHERS = "exit code: 0 done, 1 failed, 2 wrong usage"

EXAMPLES = {
    "run": (
        "proctracker run make -j4",
        "proctracker -c podman run --image busybox --time-limit 10m -- sh -c 'sleep 5; date'",
    ),
    "submit": (
        "proctracker submit -n render -o out.txt -- ./render --fast",
        "proctracker submit --after 42 --retries 2 ./next",
    ),
    "array": (
        "proctracker array 1-100 --max-parallel 4 -- sh -c 'echo task $TASK_ID'",
        "proctracker array --over files.txt --halt 10% -o %A_%a.log convert {} {}.png",
    ),
    "ps": ("proctracker ps -a", "proctracker ps --state RUNNING,SUSPENDED --json"),
    "info": ("proctracker info 42", "proctracker info 43_[1-3] --json"),
    "wait": ("proctracker wait 42 43", "proctracker wait --all --timeout 1h"),
    "logs": ("proctracker logs -f 42", "proctracker logs --stderr -n 20 --attempt all 43_7"),
    "suspend": ("proctracker suspend 42", "proctracker suspend --all --state RUNNING"),
    "resume": ("proctracker resume 42", "proctracker resume --all"),
    "hold": ("proctracker hold 42", "proctracker hold --all"),
    "release": ("proctracker release 42", "proctracker release --all"),
    "terminate": ("proctracker terminate 42", "proctracker terminate --all --signal INT --grace 30"),
    "reap": ("proctracker reap 42", "proctracker reap --finished --older-than 7d --dry-run"),
    "resubmit": ("proctracker resubmit 42", "proctracker resubmit --failed 43"),
    "session": ("proctracker session create night --max-running 4", "proctracker session destroy night --terminate"),
    "events": ("proctracker events", "proctracker events -f --json"),
    "report": ("proctracker report -o report.html", "proctracker -s night report --json 43"),
    "top": ("proctracker top", "proctracker top -n 1"),
    "categories": ("proctracker categories", "proctracker -c podman categories"),
    "machines": ("proctracker machines", "proctracker machines --json"),
    "template": ("proctracker template check job.yaml", "proctracker -c podman template check *.yaml"),
    "doctor": ("proctracker doctor", "proctracker doctor --json"),
    "adopt": ("proctracker adopt", "proctracker -c podman adopt"),
    "completion": ("proctracker completion bash >~/.proctracker.bash", "proctracker completion fish"),
    "version": ("proctracker version", "proctracker --version"),
}
"""Two uses of each command."""


def overview() -> str:
    """The help of ``proctracker --help``."""
    lines = ["usage: proctracker [-s SESSION] [-c CONTACT] COMMAND …", "", "commands:"]
    lines += [f"  {command.name:<12}{command.summary}" for command in COMMANDS.values()]
    lines += ["", "options:", *_indented(GLOBAL), "  --version           print the version"]
    lines += ["", "examples:", *(f"  {EXAMPLES[name][0]}" for name in ("run", "submit", "wait", "logs"))]
    lines += ["", f"{OF_OTHERS}; `run` and `wait` exit as the job did", "`proctracker COMMAND --help` tells more."]
    return "\n".join(lines) + "\n"


def help_of(command: Command) -> str:
    """The help of one command."""
    lines = [f"usage: proctracker {command.usage}", "", f"{command.summary[0].upper()}{command.summary[1:]}.", ""]
    lines += ["options:", *_indented(command.options + GLOBAL)]
    values = _values(command)
    lines += ["", "values:", *(f"  {each}" for each in values)] if values else []
    lines += ["", OF_JOBS if command.failure == _OURS else OF_OTHERS]
    return "\n".join([*lines, "", "examples:", *(f"  {each}" for each in EXAMPLES[command.name])]) + "\n"


_OURS = 125


def _values(command: Command) -> list[str]:
    """How the values that a command takes are written."""
    text = f"{command.usage}\n" + "\n".join(line.partition("  ")[0] for line in command.options.splitlines())
    for mark in "[]|…,=:.":
        text = text.replace(mark, " ")
    known = set(text.split())
    return [told for word, told in VALUES.items() if word in known]


def _indented(options: str) -> Sequence[str]:
    """Lines of an options table, in two columns."""
    lines = []
    for line in options.splitlines():
        left, _, right = line.partition("  ")
        left = left if left.startswith("-") and not left.startswith("--") else "    " + left
        pad = " " * max(2, 30 - len(left))
        lines.append(f"  {left}{pad}{right}")
    return lines
