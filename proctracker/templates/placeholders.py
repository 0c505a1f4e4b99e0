"""Placeholders in paths: DRMAA2's ``$DRMAA2_…$`` and ours, ``%j %A %a %%``."""

from __future__ import annotations

import os
import re

from proctracker.errors import InvalidArgumentException
from proctracker.model import HOME_DIR, PARAMETRIC_INDEX, WORKING_DIR

_KNOWN = ("j", "A", "a", "%")
"""What may follow a percent sign in the path of a stream."""


def fill(text: str, *, job: str, home: str = "", working: str = "", percent: bool = True) -> str:
    """Fill in job id (%j), array (%A), task (%a, ``$DRMAA2_INDEX$``), home and directory."""
    array, _, task = job.partition("_")
    if percent and "%" in text:
        values = {"j": job, "A": array, "a": task or "0", "%": "%"}
        text = re.sub(r"%([jAa%])", lambda m: values[m[1]], text)
    if "$DRMAA2_" not in text:
        return text
    text = text.replace(PARAMETRIC_INDEX, task or "0")
    return text.replace(HOME_DIR, home).replace(WORKING_DIR, working)


def check(text: str, attribute: str, percent: bool = True) -> None:
    """Raise InvalidArgumentException for a placeholder nobody knows."""
    for word in re.findall(r"(?s)%.?", text) if percent else ():
        if word[1:] not in _KNOWN:
            raise InvalidArgumentException(
                f"{attribute}: {text}: {word} is no placeholder: %j is the job's id, %A the array's, %a the task's number,"
                " %% a percent sign"
            )
    for word in re.findall(r"\$DRMAA2_\w*\$", text):
        if word not in (PARAMETRIC_INDEX, HOME_DIR, WORKING_DIR):
            raise InvalidArgumentException(
                f"{attribute}: {text}: {word} is no placeholder: there are {HOME_DIR}, {WORKING_DIR}, {PARAMETRIC_INDEX}"
            )


def path(text: str, base: str, *, job: str, home: str, working: str) -> str:
    """A path with its placeholders filled, absolute from ``base``."""
    return os.path.join(base, fill(text, job=job, home=home, working=working))


def varies(text: str) -> bool:
    """Whether the tasks of an array get different values out of this text."""
    return bool(re.search(r"%[ja]", text.replace("%%", ""))) or PARAMETRIC_INDEX in text
