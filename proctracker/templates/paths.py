"""Resolves a job's directory and streams, with DRMAA2's placeholders (``$DRMAA2_…$``) and ours, ``%j %A %a %%``."""

from __future__ import annotations

import os
import re

from proctracker.errors import InvalidArgumentException
from proctracker.model import HOME_DIR, PARAMETRIC_INDEX, WORKING_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

STREAMS = ("input", "output", "error")
"""Those that a spec can have paths for."""

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


def resolve(spec: Mapping[str, Any], job: str) -> tuple[str | None, ...]:
    """Return a job's directory, input, output and error, filled in and absolute, None being unset.

    A container's directory is its own; its streams are relative to the submitter's.
    """
    home, cwd = spec.get("home_dir") or "", spec.get("cwd") or "/"
    given = spec["template"].get("working_directory")
    workdir = None if given is None else fill(given, job=job, home=home, percent=False)
    base = cwd
    if not spec.get("runtime_containers"):
        base = workdir = os.path.join(cwd, workdir) if workdir else cwd
    given_paths = [spec.get(name) for name in STREAMS]
    found = (None if text is None else fill(text, job=job, home=home, working=base) for text in given_paths)
    return workdir, *(None if path is None else os.path.join(base, path) for path in found)


def known(spec: Mapping[str, Any], job: str = "0") -> dict[str, str]:
    """Return the streams' paths before there is a job, by name, without those that hold its id."""
    found = zip(STREAMS, resolve(spec, job)[1:])
    return {
        name: path for name, path in found if path is not None and not re.search("%[jA]", spec[name].replace("%%", ""))
    }


def texts(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a job's directory and streams are made of."""
    yield from (spec.get(name) or "" for name in STREAMS)
    yield spec["template"].get("working_directory") or ""


def varies(text: str) -> bool:
    """Whether the tasks of an array get different values out of this text."""
    return bool(re.search(r"%[ja]", text.replace("%%", ""))) or PARAMETRIC_INDEX in text
