"""What a real nerdctl printed, with another container's name, id and times in it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

VERSION = "2.3.5"
FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recorded", "nerdctl", VERSION)

_NAME = re.compile(r"proctracker-recorded-\w+")
_ID = re.compile(r"\b[0-9a-f]{64}\b")
_TIME = re.compile(r'time="[^"]*"')


class Said(NamedTuple):
    """What a call printed, and its exit code."""

    code: int
    out: str = ""
    err: str = ""


def said(case: str, verb: str, name: str = "", container: str = "", instead: Mapping[str, str] | None = None) -> Said:
    """A recorded call of this verb, told of another container. ``instead``: further texts, as they stand there."""
    call = _call(case, verb)

    def filled(text: str) -> str:
        for old, new in (instead or {}).items():
            text = text.replace(old, new)
        text = _ID.sub(container, _NAME.sub(lambda match: name, text))
        return _TIME.sub(f'time="{moment(time.time())[:19]}Z"', text)

    return Said(call["returncode"], filled(call["stdout"]), filled(call["stderr"]))


def several(one: Said, messages: list[str]) -> Said:
    """The same complaint about several: nerdctl counts them and puts each on a line."""
    lead, _, _ = one.err.partition("1 errors:")
    told = "\\n".join(messages)
    return one._replace(err=f'{lead}{len(messages)} errors:\\n{told}"\n')


def message(one: Said) -> str:
    """What such a complaint says of its one container."""
    return one.err.strip().partition("1 errors:\\n")[2][:-1]


def container(case: str) -> dict[str, Any]:
    """What ``container inspect`` printed of the container of a case."""
    found: dict[str, Any] = json.loads(_call(case, "inspect")["stdout"])[0]
    return found


def line(status: str) -> dict[str, Any]:
    """The line of ``ps --format json`` whose status begins so."""
    lines = map(json.loads, _call("look-many", "ps")["stdout"].splitlines())
    found: dict[str, Any] = next(each for each in lines if each["Status"].startswith(status))
    return found


def moment(seconds: float) -> str:
    """A time as Go prints it, nine digits of a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e9):09d}Z"


def _call(case: str, verb: str) -> dict[str, Any]:
    with open(os.path.join(FOLDER, f"{case}.json"), encoding="ascii") as file:
        return next(each for each in json.load(file) if verb in each["argv"])
