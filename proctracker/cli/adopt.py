"""``adopt``: a lost store is built again from what containers carry as labels."""

from __future__ import annotations

import os
import time

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.main import Call
from proctracker.errors import Drmaa2Exception, UnsupportedOperationException
from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.model import Observation
    from proctracker.tracker.contacts import Target

_SEEING = 5.0
"""Seconds in which the supervisor sees how what has ended did: the next command is to tell it."""

_LIVE = (JobState.RUNNING, JobState.SUSPENDED)


def adopt(call: Call) -> int:
    """Take in the containers of this home of one contact, or of every CLI that is here; print the ids found."""
    call.no_words()
    access = Access(call)
    contacts = [call.contact] if call.contact else access.contacts()
    for contact in contacts:
        target = access.target(contact)
        if not target.runtime.containers or not (call.contact or _present(target)):
            continue
        try:
            ids = _adopt(access, target)
        except UnsupportedOperationException:
            continue  # its containers end with their jobs' processes
        except Drmaa2Exception as error:
            access.tell(f"{contact}: {error.message}")
            continue
        formats.write("".join(f"{job_id}\n" for job_id in ids))
    return 1 if access.failed else 0


def _present(target: Target) -> bool:
    """Whether the CLI is there: its path was found."""
    return os.path.isabs(target.engine.command[0])


def _adopt(access: Access, target: Target) -> list[str]:
    """Ask the engine for this home's containers and hand them to the supervisor; the ids that are new."""
    from proctracker.runner import Runner

    labels = {"proctracker.home": access.home.uuid, "proctracker.owner": str(os.getuid())}
    runner = Runner(target.engine, access.config.cli_timeout)
    seen = runner.converse(target.runtime.ours(target.engine, labels))
    found = [_told(name, each, target) for name, each in seen.items() if _named(access, name, each)]
    if not found:
        return []
    adopted: list[str] = access.client.call("adopt", contact=target.contact, found=found)["ids"]
    live = {each.labels.get("proctracker.job") for each in seen.values() if each.state in _LIVE}
    over = [name for name in adopted if name not in live]
    if over:
        access.client.wait(over, timeout=_SEEING)
    return adopted


def _named(access: Access, name: str, seen: Observation) -> bool:
    """Whether a container has the name that goes with its labels: an image made of a job's container has those, too."""
    job, attempt = seen.labels.get("proctracker.job"), seen.labels.get("proctracker.attempt") or ""
    return job is not None and attempt.isdecimal() and name == access.home.container(job, int(attempt))


def _told(name: str, seen: Observation, target: Target) -> dict[str, Any]:
    """A container as the supervisor takes it in: what it was told to run is all that is known of its template."""
    from proctracker.model import JobTemplate
    from proctracker.templates import make_spec

    engine = target.engine
    template = JobTemplate(job_category=seen.image, args=list(seen.command) if seen.command else None)
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
