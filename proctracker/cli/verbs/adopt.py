"""``adopt``: a lost store is built again from what containers carry as labels."""

from __future__ import annotations

import os
import re
import time

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.engines import Engines
from proctracker.cli.options import UsageError, text
from proctracker.errors import Drmaa2Exception, UnsupportedOperationException
from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from proctracker.model import Observation
    from proctracker.tracker.contacts import Target

_SEEING = 5.0
"""Seconds in which the supervisor looks how ended containers did."""

_LIVE = (JobState.RUNNING, JobState.SUSPENDED)

_JOB = re.compile(r"([1-9]\d{0,8})(_[1-9]\d{0,8})?")
_ATTEMPT = re.compile(r"[1-9]\d{0,8}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def adopt(call: Call) -> int:
    """Adopt the containers of one home, of one contact or of every CLI here."""
    call.no_words()
    access = Access(call)
    home = _home(access, text(call.values, "home"))
    others: dict[str, int] = {}
    engines = Engines(access)
    asked = [target for target in engines.here() if target.runtime.containers]
    labels = {"proctracker.owner": str(os.getuid())}
    for target, seen in zip(asked, engines.ask(asked, lambda runtime, engine: runtime.ours(engine, labels))):
        if isinstance(seen, UnsupportedOperationException):
            continue  # its containers end with their jobs' processes
        if isinstance(seen, Drmaa2Exception):
            access.tell(f"{target.contact}: {seen.message}")
            continue
        ids = _adopt(access, target, _sorted(target, seen, home, others), _SEEING if engines.named else engines.left)
        formats.write("".join(f"{job_id}\n" for job_id in ids))
    for other in sorted(others) if "home" not in call.values else ():
        which = "container" if others[other] == 1 else "containers"
        formats.say(
            f"{others[other]} {which} of another state directory: if that is lost, `proctracker adopt --home {other}`"
        )
    if home is None and asked:
        access.tell(f"no proctracker state in {access.home.path}, so no container is its own")
    return 1 if access.failed else 0


def _home(access: Access, given: str | None) -> str | None:
    """Return the uuid of the home that is meant, or None for ours, which is not there."""
    if given is not None:
        if not _UUID.fullmatch(given):
            raise UsageError(f"--home: the uuid of a state directory is expected, as `adopt` lists it, not {given!r}")
        return given
    return access.home.uuid if access.home.check() or os.path.exists(os.path.join(access.home.path, "uuid")) else None


def _sorted(
    target: Target, seen: Mapping[str, Observation], home: str | None, others: dict[str, int]
) -> dict[str, Observation]:
    """Return the containers of that home, and count in ``others`` those of other homes."""
    ours: dict[str, Observation] = {}
    for name, each in seen.items():
        of = each.labels.get("proctracker.home", "")
        wrong = _malformed(name, each.labels)
        if of != home and wrong is None:
            others[of] = others.get(of, 0) + 1
        elif of == home and wrong is not None:
            formats.say(f"{target.contact}: container {name}: {wrong}: it is left alone")
        elif of == home:
            ours[name] = each
    return ours


def _adopt(access: Access, target: Target, ours: Mapping[str, Observation], patience: float) -> list[str]:
    """Hand containers to the supervisor, and return the ids that are new."""
    if not ours:
        return []
    found = [_told(name, each, target) for name, each in ours.items()]
    adopted = access.client.adopt(target.contact, found)
    live = {each.labels.get("proctracker.job") for each in ours.values() if each.state in _LIVE}
    over = [name for name in adopted if name not in live]
    if over:
        access.client.wait(over, timeout=patience)
    return adopted


def _malformed(name: str, labels: Mapping[str, str]) -> str | None:
    """Say what shows that labels are not ours, as anybody may label a container."""
    home, job = labels.get("proctracker.home", ""), labels.get("proctracker.job", "")
    attempt = labels.get("proctracker.attempt", "1")
    if not _UUID.fullmatch(home):
        return f"its label proctracker.home is {home!r}, which is none"
    if not _JOB.fullmatch(job):
        return f"its label proctracker.job is {job!r}, which is no job's id"
    if not _ATTEMPT.fullmatch(attempt):
        return f"its label proctracker.attempt is {attempt!r}, which is no number"
    if not labels.get("proctracker.session", "default").isprintable():
        return f"its label proctracker.session is {labels['proctracker.session']!r}, which is no name"
    if name != f"proctracker-{home[:8]}-{job}-{attempt}":
        return f"it has the labels of job {job}, but another name"
    return None


def _told(name: str, seen: Observation, target: Target) -> dict[str, Any]:
    """Describe a container to the supervisor by its command and labels."""
    from proctracker.model import JobTemplate
    from proctracker.supervisor.serving import adoption
    from proctracker.templates import make_spec

    engine, labels = target.engine, adoption.told(seen.labels)
    template = JobTemplate(
        job_category=seen.image,
        args=list(seen.command) if seen.command else None,
        job_name=labels.get("name"),
        working_directory=labels.get("workdir"),
        join_files=True if labels.get("join") else None,
    )
    spec = make_spec(
        template,
        contact=target.contact,
        runtime=target.runtime.name,
        engine={"command": engine.command, "options": engine.options, "env": engine.env},
        cwd="/",
        home_dir="/",
        now=time.time(),
        containers=True,
    )
    return {
        "name": name,
        "labels": dict(seen.labels),
        "container_id": seen.container_id,
        "started": seen.started,
        "spec": spec,
    }
