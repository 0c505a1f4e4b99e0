"""Writes the man page ``proctracker(1)`` from what ``--help`` shows."""

from __future__ import annotations

from proctracker.cli import manual
from proctracker.cli.commands import COMMANDS, GLOBAL
from proctracker.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, Tuple

    from proctracker.cli.commands import Command

    Pair = Tuple[str, str]

_DESCRIPTION = """\
Runs jobs as processes or through podman, ctr, nerdctl and docker, and knows the truth about them: state, exit code, signal, times, usage.
Jobs outlive the shell that submitted them, and nothing has to be installed or started first.

Options end at the first word that is none, or at --: all that follows is the job's. Without -s and PROCTRACKER_SESSION
jobs are submitted to the session "default", and commands that list look at all sessions. An option with ... after it may be given again."""

ENVIRONMENT = (
    ("PROCTRACKER_HOME", "the state directory; else $XDG_STATE_HOME/proctracker, else ~/.local/state/proctracker"),
    ("PROCTRACKER_SESSION", "the session, as -s"),
    ("PROCTRACKER_CONTACT", "where jobs run, as -c"),
    ("PROCTRACKER_CONFIG", "the configuration file, in place of the site's and the user's"),
    ("PROCTRACKER_DEBUG", "1: tell on stderr what is done"),
    ("JOB_ID, TASK_ID, TASK_ITEM", "a job finds: its id, its number in the array, its line of --over"),
    ("PROCTRACKER_ATTEMPT", "a job finds: 1, and one more each time that it is tried again"),
)
"""Variables that are read, and those that jobs find."""

_ESCAPES = (("…", "..."), ("\\", "\\e"), ("-", "\\-"), ("`", "\\(ga"), ("'", "\\(aq"), ("~", "\\(ti"))
"""What roff would take for something else, the backslash before what is written with one."""

_FILES = (
    ("/etc/proctracker/config.yaml", "the site's configuration"),
    ("~/.config/proctracker/config.yaml", "the user's, which wins key by key"),
)


def page() -> str:
    """Make the page as roff, in ASCII."""
    lines = [f'.TH PROCTRACKER 1 "" "proctracker {__version__}" "User Commands"']
    lines += [".SH NAME", _text("proctracker - run jobs as processes or containers, and know how they end")]
    lines += [".SH SYNOPSIS", _text("proctracker [-s SESSION] [-c CONTACT] COMMAND …")]
    lines += [".SH DESCRIPTION", *_paragraphs(_DESCRIPTION)]
    lines += [".SH OPTIONS", *_options(GLOBAL), ".SH COMMANDS"]
    for command in COMMANDS.values():
        lines += _command(command)
    lines += [".SH VALUES", *_table(_pairs(manual.VALUES.values()))]
    lines += [".SH EXIT STATUS", *_paragraphs(f"run and wait: {_unlabelled(manual.OF_JOBS)}.")]
    lines += [".PP", *_paragraphs(f"Other commands: {_unlabelled(manual.OF_OTHERS)}.")]
    lines += [".SH ENVIRONMENT", *_table(ENVIRONMENT), ".SH FILES", *_table(_FILES)]
    return "\n".join(lines) + "\n"


def _command(command: Command) -> Iterator[str]:
    yield f".SS {_text(command.usage)}"
    yield _text(f"{command.summary[0].upper()}{command.summary[1:]}.")
    yield from _options(command.options)
    yield from (".PP", "Examples:", ".PP", ".nf", ".RS")
    yield from map(_text, manual.EXAMPLES[command.name])
    yield from (".RE", ".fi")


def _options(table: str) -> list[str]:
    return _table(_pairs(table.splitlines()))


def _pairs(lines: Iterable[str]) -> Iterator[Pair]:
    """Split lines of a table at two spaces."""
    for line in lines:
        left, _, right = line.partition("  ")
        yield left.strip(), " ".join(right.split())


def _table(pairs: Iterable[Pair]) -> list[str]:
    """List words in bold with what they mean."""
    return [line for word, told in pairs for line in (".TP", f"\\fB{_text(word)}\\fR", _text(told))]


def _paragraphs(text: str) -> list[str]:
    return _text(text).replace("\n\n", "\n.PP\n").splitlines()


def _unlabelled(text: str) -> str:
    """Return what an explanation of exit codes says after its title."""
    return " ".join(text.partition(":")[2].split())


def _text(text: str) -> str:
    """Escape text so that nothing in it is a request or an escape."""
    for char, escape in _ESCAPES:
        text = text.replace(char, escape)
    text = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.split("\n"))
