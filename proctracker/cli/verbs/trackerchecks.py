"""Checks each tracker for ``doctor``: its command, its answer, what to do."""

from __future__ import annotations

import os
import shutil

from proctracker.cli.engines import Engines, present
from proctracker.cli.verbs import schedulerchecks
from proctracker.cli.verbs.checks import Check
from proctracker.errors import Drmaa2Exception
from proctracker.runtimes import podman

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.cli.access import Access
    from proctracker.runtimes.base import Dialog, Engine
    from proctracker.tracker.contacts import Target

_SYSTEM_ROOTS = {
    "podman": "apt install podman",
    "docker": "apt install docker.io",
    "ctr": "apt install containerd",
    "slurm": "apt install slurm-client",
}
"""Runtime -> what installs it on Debian."""


def trackers(access: Access, probe: bool = False) -> list[Check]:
    """Check every tracker side by side, with ``probe`` by a job on schedulers."""
    contacts, known = access.contacts(), access.default_contact
    found: dict[str, Check] = {}
    here: list[Target] = []
    for contact in contacts if known in contacts else [*contacts, known]:
        try:
            target = access.target(contact)
        except Drmaa2Exception as error:
            found[contact] = Check(f"tracker {contact}", "fails", error.message)
            continue
        found[contact] = _unasked(target)
        here += [target] if present(target) else []
    engines = Engines(access)
    versions = engines.ask(here, lambda runtime, engine: runtime.version(engine))
    alive = [target for target, version in zip(here, versions) if not isinstance(version, Drmaa2Exception)]
    rooted = [target for target in alive if isinstance(target.runtime, podman.Podman)]
    roots = dict(zip([target.contact for target in rooted], engines.ask(rooted, _runroot)))
    batches = [target for target in alive if target.runtime.batch is not None]
    configs = dict(zip([target.contact for target in batches], engines.ask(batches, schedulerchecks.config)))
    for target, version in zip(here, versions):
        found[target.contact] = _asked(target, version, roots.get(target.contact))
        config = configs.get(target.contact)
        if config is not None and not isinstance(config, Drmaa2Exception):
            found[target.contact] = schedulerchecks.described(target, str(version), config, access.home.path)
    probes = [schedulerchecks.probe(access, target) for target in batches] if probe else []
    return [*found.values(), *probes]


def _unasked(target: Target) -> Check:
    """What there is to say without asking."""
    name, command = f"tracker {target.contact}", target.engine.command
    if not command:
        return Check(name, "ok", "always works" if target.contact == "process" else "plain processes: always works")
    advice = _SYSTEM_ROOTS.get(target.contact.partition(":")[0])
    return Check(name, "absent", f"no command {command[0]}", advice and f"to have it: {advice}")


def _asked(target: Target, version: Any, runroot: Any) -> Check:
    """What an engine's answers mean."""
    name, contact = f"tracker {target.contact}", target.contact
    if isinstance(version, Drmaa2Exception):
        return Check(name, "fails", version.message, _advice(contact, version.message))
    problem = _rootless_problem(contact) or _no_session(target) or _long_runroot(runroot)
    if problem:
        return Check(name, "warn", f"{version}; {problem[0]}", problem[1])
    return Check(name, "ok", version)


def _runroot(runtime: Any, engine: Engine) -> Dialog[str]:
    return runtime.runroot(engine)  # type: ignore[no-any-return]


_CONTAINERD = "/run/containerd/containerd.sock", "containerd", "root"
_SOCKETS = {"docker": ("/var/run/docker.sock", "dockerd", "docker"), "ctr": _CONTAINERD, "nerdctl": _CONTAINERD}
"""Where a daemon listens, its name, and whose socket that is."""

_TELLING = {"slurm": "scontrol ping", "apptainer": "apptainer version"}
"""The command that tells more, where that is not ``info``."""


def _advice(contact: str, problem: str) -> str:
    """What to do where a CLI is there and does not work."""
    from proctracker.runtimes import docker

    runtime = contact.partition("?")[0].partition(":")[0]
    if problem == docker.PODMAN:
        return "podman's own command knows more of its containers: -c podman, or default_contact: podman"
    socket, daemon, group = _SOCKETS.get(runtime, ("", "", ""))
    if socket and not os.path.exists(socket):
        return f"start the daemon ({daemon}): there is no {socket}"
    if socket and not os.access(socket, os.W_OK):
        return f"{socket} is not yours to use: as root, or in its group ({group})"
    return f"try: {_TELLING.get(runtime, f'{runtime} info')}"


def _long_runroot(path: Any) -> tuple[str, str] | None:
    """A runroot that podman's clean-up refuses: it then finds the end of a container late."""
    if not isinstance(path, str) or len(path) <= podman.LONGEST_RUNROOT:
        return None
    text = f"its runroot {path} has more than {podman.LONGEST_RUNROOT} characters: exit codes come 20 s late"
    return text, "name a shorter runroot in storage.conf (rootless: a shorter XDG_RUNTIME_DIR)"


def _no_session(target: Target) -> tuple[str, str] | None:
    """Rootless podman by a user who has not logged in, as in cron or after su."""
    from proctracker.tracker import sessionless

    if sessionless.CGROUPFS not in target.engine.command:
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
