"""Answers other tools' names for commands and options with ours."""

from __future__ import annotations

_COMMANDS = {
    "submit": "sbatch qsub bsub add enqueue queue spawn",
    "run": "srun exec",
    "array": "parallel map",
    "ps": "list ls jobs squeue qstat bjobs status",
    "ps -a": "sacct history",
    "info": "inspect show describe scontrol",
    "terminate": "kill cancel scancel qdel bkill stop",
    "suspend": "pause",
    "resume": "unpause continue cont",
    "release": "start",
    "reap --finished": "clean prune",
    "resubmit": "restart requeue rerun retry",
    "logs": "log output cat",
    "logs -f": "follow attach tail",
    "top": "stats sstat",
    "categories": "images image",
    "machines": "sinfo nodes hosts",
    "session": "group groups sessions",
    "events": "event watch",
    "doctor": "check",
}
_COMMAND = {word: f"it is `proctracker {ours}` here" for ours, words in _COMMANDS.items() for word in words.split()}
_COMMAND.update(
    dict.fromkeys(
        ("rm", "remove", "delete", "del"),
        "`proctracker reap ID` forgets an ended job, `proctracker terminate ID` ends a live one",
    )
)

_TERMINAL = "a job gets no terminal: `run` shows its output and passes input on"
_OPTIONS = {
    "-x ipc=MODE": "--ipc",
    "-x pid=MODE": "--pid",
    "-x uts=MODE": "--uts",
    "-x userns=MODE": "--userns",
    "--time-limit": "--time --walltime --runtime",
    "--after": "--dependency --depends --depend",
    "-w": "--cwd --chdir --working-directory -D",
    "--name": "--job-name -J -N",
    "--memory": "--mem -m",
    "--cpus": "--cpus-per-task --cpu",
    "--start": "--begin --delay",
    "--hold": "--stashed -H",
    "--error": "--err --stderr",
    "--output": "--stdout --out",
    "--input": "--stdin",
    "--max-parallel": "--jobs -j --parallel",
    "--over": "--arg-file",
    "--volume": "--mount --bind -B",
    "--env": "--export",
    "--signal KILL": "-9 -KILL",
    "--json": "--format --output-format",
    "--timeout": "--time-out",
    "--older-than": "--until",
    "--image": "--container",
}
_OPTION = {word: f"it is {ours} here" for ours, words in _OPTIONS.items() for word in words.split()}
_OPTION.update(dict.fromkeys(("-it", "-ti", "--interactive", "--tty", "-T"), _TERMINAL))
_OPTION["--array"] = "it is a command here: proctracker array 1-10 CMD…"
_OPTION["--wrap"] = 'name the command itself: sh -c "…"'
_OPTION["--wait"] = "`run` waits, and so does `proctracker wait ID`"


def command(word: str) -> str:
    """Say what another tool's command is here, or nothing."""
    return f": {_COMMAND[word]}" if word in _COMMAND else ""


def option(word: str) -> str:
    """The same of an option."""
    return f": {_OPTION[word]}" if word in _OPTION else ""
