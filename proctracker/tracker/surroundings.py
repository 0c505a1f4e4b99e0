"""A submitter's surroundings: what a job gets from its caller besides the template."""

from __future__ import annotations

import json
import os
import resource
import threading
from importlib.util import source_hash

from proctracker.model.marks import JOB_VARIABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_PRIVATE = 0o077

_SHA256 = 64
"""Hexadecimal digits of the keys of older releases."""

_LIMITS = {name[7:]: getattr(resource, name) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")}
_LIMITS.pop("OFILE", None)
"""The limits this Python knows by name; OFILE is another name of NOFILE."""


class Surroundings:
    """The surroundings of this process, remembered as long as they stay as they are.

    ``now`` gives (key, context) as the supervisor wants it; both are shared, so not to be changed.
    """

    def __init__(self) -> None:
        self._facts: tuple[Any, ...] = ()
        self._environ: dict[Any, Any] = {}
        self._base: dict[str, Any] = {}
        self._known: dict[Any, tuple[str, dict[str, Any]]] = {}

    def now(
        self, environ: Mapping[str, str], job_env: Mapping[str, str] | None = None, containers: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """Return (key, context) for a job started now, ``containers`` without an environment."""
        raw = getattr(environ, "_data", environ)
        facts = _facts()
        if facts != self._facts or raw != self._environ:
            self._base = _described(environ, facts)
            self._facts, self._environ, self._known = facts, dict(raw), {}
        name = (containers, *job_env.items()) if job_env else containers
        found = self._known.get(name)
        if found is None:
            if len(self._known) > 64:
                self._known.clear()
            context = {**self._base, "job_env": dict(job_env or {})}
            if containers:
                context["env"] = {}
            found = self._known[name] = (key_of(context), context)
        return found


def key_of(context: Mapping[str, Any]) -> str:
    """Return a context's key: 128 bits of its canonical JSON.

    hashlib would load OpenSSL, which takes longer than a submit. Keys of older releases are its SHA-256.
    """
    text = _canonical(context)
    return (source_hash(text) + source_hash(b"#" + text)).hex()


def is_named(context: Mapping[str, Any], key: str) -> bool:
    """Whether a key is this context's, made by this release or an older one."""
    if len(key) != _SHA256:
        return key == key_of(context)
    import hashlib

    return key == hashlib.sha256(_canonical(context)).hexdigest()


def _canonical(context: Mapping[str, Any]) -> bytes:
    return json.dumps(context, sort_keys=True, separators=(",", ":")).encode("ascii")


def _described(environ: Mapping[str, str], facts: tuple[Any, ...]) -> dict[str, Any]:
    umask, limits, nice, affinity, groups, oom = facts
    env = dict(environ)
    if "PROCTRACKER_JOB" in env:
        for name in JOB_VARIABLES:
            env.pop(name, None)
    return {
        "env": env,
        "umask": umask,
        "limits": {name: list(pair) for name, pair in zip(_LIMITS, limits)},
        "nice": nice,
        "affinity": sorted(affinity),
        "groups": sorted(groups),
        "oom_score_adj": int(oom) if oom else None,
    }


def _facts() -> tuple[Any, ...]:
    getrlimit = resource.getrlimit
    return (
        _umask(),
        [getrlimit(number) for number in _LIMITS.values()],
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        os.getgroups(),
        _oom_score_adj(),
    )


def _oom_score_adj() -> bytes:
    """Return oom_score_adj as the kernel writes it, proc(5), or nothing."""
    try:
        with open("/proc/self/oom_score_adj", "rb", buffering=0) as file:
            return file.read(16)
    except OSError:
        return b""


def _umask() -> int:
    """Return the umask, from /proc where another thread might just make a file."""
    if threading.active_count() == 1:
        found = os.umask(_PRIVATE)
        os.umask(found)
        return found
    with open("/proc/self/status", "rb", buffering=0) as file:
        status = file.read()
    at = status.find(b"Umask:")
    return int(status[at + 6 : status.index(b"\n", at)], 8) if at >= 0 else 0o022


_here = Surroundings()
now = _here.now
