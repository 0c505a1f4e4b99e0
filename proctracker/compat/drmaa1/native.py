"""Reads ``nativeSpecification`` as ``proctracker submit``'s options."""

from __future__ import annotations

import os
import re
import shlex
import warnings
from typing import Any

from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import OptionReader, UsageError, parse_table
from proctracker.cli.request import template_of
from proctracker.errors import InvalidArgumentException

_VALUED = (
    "-A -C -M -N -P -R -S -a -ac -ar -b -binding -ckpt -ct -dc -dl -e -hold_jid -hold_jid_ad -j -jc -js -jsv -l -m"
    " -masterl -masterq -now -p -par -pe -pty -q -r -rsub -scope -shell -sync -t -tc -tcon -umask -v -wd"
).split()
"""Grid Engine's options that take a value."""
_PLAIN = "-V -clear -cwd -h -hard -notify -soft -terse -verify -xdv".split()
"""Those that take none."""
_PAIRED = {"-pe": 2}
"""Those that take more than one."""

_OURS = {
    "-b": "a command is run as it is",
    "-cwd": "-w DIR names the directory, the caller's is the default",
    "-wd": "-w DIR names the directory",
    "-hold_jid": "--after ID, or --after-any ID",
    "-h": "--hold",
    "-j": "--join",
    "-l": "--memory SIZE, --time-limit DURATION, --limit NAME=VALUE",
    "-N": "-n NAME",
    "-o": "-o FILE",
    "-e": "--error FILE",
    "-p": "--priority N",
    "-pe": "--cpus N",
    "-q": "-c CONTACT names where a job runs",
    "-a": "--start TIME",
    "-dl": "--deadline TIME",
    "-r": "--retries N",
    "-t": "runBulkJobs makes an array",
    "-v": "-e NAME=VALUE",
    "-V": "a job has the caller's environment",
    "-S": "the command names its interpreter itself",
}
_SHARED = {"-e": r"[^=]*[/:].*|\..*", "-p": r"-?\d+", "-t": r"\d+.*", "-v": r"\w+([=,].*)?"}
"""Options that are ours, too -> values with which Grid Engine's is meant."""

_TABLE = parse_table(COMMANDS["submit"].options + "-c, --contact CONTACT  the job's contact\n")
_KNOWN = {name for option in _TABLE for name in option.names}
_VALUE_TAKERS = {name for option in _TABLE if option.takes for name in option.names}


def attributes(specification: str) -> dict[str, Any]:
    """What the options say, as a template's attributes.

    Raises InvalidArgumentException that names what is wrong; Grid Engine's options are left out with a warning where
    PROCTRACKER_COMPAT_LENIENT (``1``, or their names) says so.
    """
    try:
        words = shlex.split(specification)
    except ValueError as error:
        raise InvalidArgumentException(f"nativeSpecification: {error}: {specification!r}") from None
    words = _without_foreign(words)
    values: dict[str, Any] = {}
    try:
        rest = OptionReader(_TABLE).read(words, values, mixed=True)
        if rest:
            raise UsageError(f"{rest[0]!r} is no option; remoteCommand and args name the command")
        if values.get("input") == "-":
            raise UsageError("--input: there is no standard input to read here: name a file")
        found = template_of(Call(COMMANDS["submit"], values, []), [])
    except UsageError as error:
        raise InvalidArgumentException(f"nativeSpecification: {error}") from None
    except InvalidArgumentException as error:
        raise InvalidArgumentException(f"nativeSpecification: {error.message}") from None
    if "contact" in values:
        found["implementation_specific"] = {
            **(found.get("implementation_specific") or {}),
            "contact": values["contact"],
        }
    return found


def _without_foreign(words: list[str]) -> list[str]:
    """Return the words without Grid Engine's options.

    These raise InvalidArgumentException unless they are to be ignored.
    """
    kept, place = [], 0
    while place < len(words):
        word, after = words[place], words[place + 1 : place + 2]
        taken = 1
        if _foreign(word, after[0] if after else ""):
            taken += 0 if word in _PLAIN else _PAIRED.get(word, 1)
            _refuse_or_warn(word, words[place : place + taken])
        else:
            if word in _VALUE_TAKERS:
                taken += len(after)
            kept += words[place : place + taken]
        place += taken
    return kept


def _foreign(word: str, after: str) -> bool:
    """Whether a word is an option of Grid Engine's and none of ours."""
    if word not in _VALUED and word not in _PLAIN:
        return False
    if word in _KNOWN:
        return word in _SHARED and re.fullmatch(_SHARED[word], after) is not None
    return True


def _refuse_or_warn(word: str, words: list[str]) -> None:
    said = f"nativeSpecification: {word} is Grid Engine's option"
    here = f"; here: {_OURS[word]}" if word in _OURS else ""
    if not _lenient(word):
        raise InvalidArgumentException(f"{said}{here} (PROCTRACKER_COMPAT_LENIENT=1 has such ignored)")
    warnings.warn(f"{said}, ignored: {' '.join(words)}", stacklevel=7)


def _lenient(word: str) -> bool:
    """Whether an option of another system's is to be ignored."""
    said = os.environ.get("PROCTRACKER_COMPAT_LENIENT", "").strip()
    if said.lower() in ("", "0", "no", "false", "off"):
        return False
    return said.lower() in ("1", "yes", "true", "on", "all") or word.lstrip("-") in [
        each.lstrip("-") for each in re.split(r"[\s,]+", said)
    ]
