"""Refuses paths that name something of the process that opens them, as a supervisor does."""

from __future__ import annotations

import os
import re
from collections import deque

from proctracker.errors import InvalidArgumentException
from proctracker.runtimes import reserved
from proctracker.templates import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping

_OWN = ("/proc/self", "/proc/thread-self", "/dev/tty", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd")
"""proc(5), tty(4), and what udev links to them."""

_SHARED = ("mounts", "net")
"""Of /proc/self what /proc itself links to: the same for all processes of a namespace."""

_MOST_LINKS = 40
"""MAXSYMLINKS, path_resolution(7)."""

_HINTS = {
    "input_path": "name a file, or leave it out: `proctracker run` passes standard input on",
    "output_path": "leave it out, then `run` shows the output on yours and `logs` shows it later; or name a file",
    "error_path": "leave it out, then `run` shows the errors on yours and `logs` shows them later; or name a file",
    "": "name the file or directory itself",
}
"""Attribute -> what to do instead."""


_NAMING = frozenset("volume v mount device env-file bind B overlay".split())
"""Options of container CLIs whose values have a host's path."""


def refuse(spec: Mapping[str, Any]) -> None:
    """Raise InvalidArgumentException for the first path that would mean the supervisor's files."""
    for attribute, path in _paths(spec):
        if leads_there(path):
            hint = _HINTS.get(attribute, _HINTS[""])
            raise InvalidArgumentException(f"{attribute}: {path} would be its supervisor's own, not yours: {hint}")
    template = spec["template"]
    for word in [template.get("remote_command"), *(template.get("args") or ())]:
        found = re.fullmatch(r"(?:[^\s/]*=)?/(?:dev|proc/self)/fd/(\d{1,9})", word) if isinstance(word, str) else None
        if found and _handed_down(int(found[1])):
            raise InvalidArgumentException(
                f"{word} is this command's own file, as <(...) makes one, and no job's: name a file, or give it as input"
            )


def _handed_down(fd: int) -> bool:
    """Return whether a descriptor was left open for us, as a shell does with ``<(...)``."""
    try:
        return fd > 2 and os.get_inheritable(fd)
    except OSError:
        return False


def _paths(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every path of the host's that a job names, by attribute."""
    template, cwd = spec["template"], str(spec["cwd"])
    folder, *streams = paths.resolve(spec, "0")
    if folder is not None and template.get("working_directory") is not None and not spec["runtime_containers"]:
        yield "working_directory", folder
    for stream, path in zip(paths.STREAMS, streams):
        if path:
            yield f"{stream}_path", path
    for name in ("volumes", "devices"):
        words = (template.get("implementation_specific") or {}).get(name) or ()
        for word in [words] if isinstance(words, str) else words:
            if isinstance(word, str) and "/" in word.partition(":")[0]:
                yield name, os.path.join(cwd, word.partition(":")[0])
    options = (template.get("implementation_specific") or {}).get("options") or ()
    for _, name, value in reserved.read([options] if isinstance(options, str) else options):
        if name in _NAMING:
            yield "options", os.path.join(cwd, _source(value))


def _source(value: str) -> str:
    """The host's path in the value of a mount."""
    named = dict(part.partition("=")[::2] for part in value.split(","))
    return named.get("source") or named.get("src") or value.partition(":")[0]


def leads_there(path: str) -> bool:
    """Whether a path, through links too, leads to something of the process that opens it."""
    at, links = "/", 0
    parts = deque(path.split("/"))
    while parts:
        part = parts.popleft()
        if part in ("", "."):
            continue
        at = os.path.dirname(at) if part == ".." else os.path.join(at, part)
        if at in _OWN:
            return not (at.startswith("/proc/") and parts and parts[0] in _SHARED)
        try:
            target = os.readlink(at)
        except OSError:
            continue  # no link, or nothing there
        links += 1
        if links > _MOST_LINKS:
            return False
        at = "/" if target.startswith("/") else os.path.dirname(at)
        parts.extendleft(reversed(target.split("/")))
    return False
