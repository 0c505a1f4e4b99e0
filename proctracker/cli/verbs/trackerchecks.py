"""What ``doctor`` says of each tracker: whether its command is here and answers, and what to do where it does not."""

from __future__ import annotations

import os
import shutil

from proctracker.errors import Drmaa2Exception
from proctracker.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from proctracker.cli.access import Access

_SYSTEM_ROOTS = {"podman": "apt install podman", "docker": "apt install docker.io", "ctr": "apt install containerd"}
"""Runtime -> what installs it on Debian."""


class Check(NamedTuple):
    """One thing looked at. ``advice`` is what to do, where something should be done."""

    name: str
    grade: str
    text: str
    advice: str | None = None


def trackers(access: Access) -> Iterator[Check]:
    """Every runtime, and every tracker of the configuration."""
    contacts = access.contacts()
    for contact in contacts if access.default_contact in contacts else [*contacts, access.default_contact]:
        name = f"tracker {contact}"
        if contact == "process":
            yield Check(name, "ok", "always works")
            continue
        try:
            yield _tracker(access, contact, name)
        except Drmaa2Exception as error:
            yield Check(name, "fails", error.message)


def _tracker(access: Access, contact: str, name: str) -> Check:
    """One contact; raises Drmaa2Exception where it means nothing."""
    command = access.command_of(contact)
    if not command:
        return Check(name, "ok", "plain processes: always works")
    if shutil.which(command[0]) is None:
        runtime = contact.partition(":")[0]
        advice = _SYSTEM_ROOTS.get(runtime)
        return Check(name, "absent", f"no command {command[0]}", advice and f"to have it: {advice}")
    try:
        version = access.version_of(contact)
    except Drmaa2Exception as error:
        return Check(name, "fails", error.message, _advice(contact, error.message))
    problem = _rootless_problem(contact) or _no_session(access, contact) or _long_runroot(access, contact)
    if problem:
        return Check(name, "warn", f"{version}; {problem[0]}", problem[1])
    return Check(name, "ok", version)


def _advice(contact: str, problem: str) -> str:
    """What to do where a CLI is there and does not work."""
    from proctracker.runtimes import docker

    runtime = contact.partition(":")[0]
    if problem == docker.PODMAN:
        return "podman's own command knows more of its containers: -c podman, or default_contact: podman"
    if runtime == "podman":
        return "try: podman info"
    socket = {"docker": "/var/run/docker.sock"}.get(runtime, "/run/containerd/containerd.sock")
    if not os.path.exists(socket):
        return f"start the daemon ({'dockerd' if runtime == 'docker' else 'containerd'}): there is no {socket}"
    if not os.access(socket, os.W_OK):
        return f"{socket} is not yours to use: as root, or in its group ({'docker' if runtime == 'docker' else 'root'})"
    return f"try: {runtime} info"


def _long_runroot(access: Access, contact: str) -> tuple[str, str] | None:
    """A runroot that podman's clean-up refuses: it then finds the end of a container late."""
    from proctracker.runner import Runner
    from proctracker.runtimes import podman

    target = access.target(contact)
    if not isinstance(target.runtime, podman.Podman):
        return None
    path = Runner(target.engine, access.config.cli_timeout).converse(target.runtime.runroot(target.engine))
    if len(path) <= podman.LONGEST_RUNROOT:
        return None
    text = f"its runroot {path} has more than {podman.LONGEST_RUNROOT} characters: exit codes come 20 s late"
    return text, "name a shorter runroot in storage.conf (rootless: a shorter XDG_RUNTIME_DIR)"


def _no_session(access: Access, contact: str) -> tuple[str, str] | None:
    """Rootless podman by a user who has not logged in, as in cron or after su."""
    from proctracker.tracker import sessionless

    if sessionless.CGROUPFS not in access.target(contact).engine.command:
        return None
    text = "no session of systemd's for you: no --memory and --cpus, and suspend by signals"
    return text, "log in by ssh or at the console, or: loginctl enable-linger"


def _rootless_problem(contact: str) -> tuple[str, str] | None:
    """What rootless podman lacks: a range of subordinate ids, the programs that map it."""
    if contact.partition(":")[0] != "podman" or not os.geteuid():
        return None
    import pwd

    user = pwd.getpwuid(os.geteuid()).pw_name
    for path in ("/etc/subuid", "/etc/subgid"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                owners = {line.partition(":")[0] for line in file}
        except OSError:
            owners = set()
        if not owners & {user, str(os.geteuid())}:
            return (
                f"no range for {user} in {path}",
                f"as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
            )
    if shutil.which("newuidmap") is None:
        return "no newuidmap", "as root: apt install uidmap"
    return None
