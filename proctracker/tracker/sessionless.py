"""Adjusts rootless podman for a user who has no session of systemd's (su, cron)."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

UNIFIED = "/sys/fs/cgroup/cgroup.controllers"
"""Exists where cgroup v2 alone is mounted, as on v1 a session makes no difference."""

CGROUPFS = "--cgroup-manager=cgroupfs"
"""What podman falls back to by itself, with four lines of warnings on stderr, which may be the job's own, at every call."""

NO_SESSION = (
    "podman cannot honour it here: you have no session of systemd's, which alone may make control groups for rootless containers:"
    " log in by ssh or at the console, or run 'loginctl enable-linger' and submit again"
)
"""Why a bound is refused that podman would take and ignore."""

_OPTIONS = ("--memory", "-m", "--cpus", "--cpu-quota", "--cpu-shares", "--memory-swap", "--pids-limit", "--cpuset-cpus")
"""Options that need a control group."""


def adjusted(command: Sequence[str], env: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return podman's command and environment as a job keeps them, though its user logs in.

    Without XDG_RUNTIME_DIR podman looks for a directory anew at each call, and knows no container of another one.
    """
    words, found = tuple(command), dict(env)
    if not lacks_session(env) or any(word.startswith("--cgroup-manager") for word in words[1:]):
        return words, found
    if "XDG_RUNTIME_DIR" not in found:
        folder = os.path.join(found.get("TMPDIR") or "/tmp", f"storage-run-{os.geteuid()}")  # noqa: S108 - podman's own choice
        if _own(folder):
            found["XDG_RUNTIME_DIR"] = folder
    return (words[0], CGROUPFS, *words[1:]), found


def lacks_session(env: Mapping[str, str]) -> bool:
    """Return whether an ordinary user's podman would find no bus of that user's systemd."""
    if not os.geteuid() or not os.path.exists(UNIFIED):
        return False
    address = env.get("DBUS_SESSION_BUS_ADDRESS", "")
    if address and not address.startswith("unix:path="):
        return False
    path = address[len("unix:path=") :].partition(",")[0] or os.path.join(env.get("XDG_RUNTIME_DIR", ""), "bus")
    return not os.path.exists(path)


def bound(command: Sequence[str], extensions: Mapping[str, object]) -> str | None:
    """Return what asks for a control group that a job of this command cannot have."""
    if CGROUPFS not in command:
        return None
    for name in ("memory_limit", "memoryLimit", "cpus"):
        if extensions.get(name) not in (None, ""):
            return name
    options = extensions.get("options") or ()
    words = (
        [options] if isinstance(options, str) else [str(word) for word in options] if isinstance(options, list) else []
    )
    return next((word for word in words if word.partition("=")[0] in _OPTIONS), None)


def _own(folder: str) -> bool:
    """Make a directory if need be, and return whether it is ours alone."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        seen = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not seen.st_mode & 0o077
