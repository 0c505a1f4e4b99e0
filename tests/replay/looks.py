"""What the stand-in says of its containers."""

from __future__ import annotations

import json
from typing import Any

from replay import recordings
from replay.store import Container

OLD = "1.7"
"""The shapes of 1.7.7 instead: an array for each container asked for, also beside unknown ones, no start, old pids."""

_INSPECTED = {"": "look-created", "running": "look-running", "paused": "look-paused", "exited": "look-done"}
_LISTED = {"": "Created", "running": "Up", "paused": "Paused", "exited": "Exited"}
_NEVER = "0001-01-01T00:00:00Z"


def inspected(container: Container, old: bool) -> dict[str, Any]:
    """What ``inspect`` says of a container: a recorded one in its state, with what is this one's."""
    case = "look-nocommand" if container.error.startswith("failed to create") else _INSPECTED[container.status]
    found = recordings.container(case)
    about, task = container.about, container.task
    started, finished = task.get("started"), task.get("finished")
    first, *rest = about["command"]
    found.update(Id=container.id, Created=recordings.moment(about["created"]), Path=first, Args=rest or None)
    found.update(Image=about["image"], Name=container.name)
    found["State"].update(
        Pid=0 if finished else task.get("pid", 0),
        ExitCode=task.get("code", 0),
        Error=container.error,
        StartedAt=recordings.moment(started) if started else "",
        FinishedAt=recordings.moment(finished) if finished else "",
    )
    if old:
        del found["State"]["StartedAt"]
        found["State"].update(Pid=task.get("pid", 0), FinishedAt=found["State"]["FinishedAt"] or _NEVER)
    found["HostConfig"]["ContainerIDFile"] = about["cidfile"]
    config = found["Config"]
    theirs = {key: value for key, value in config["Labels"].items() if not key.startswith("proctracker.")}
    config.update(Image=about["image"], Labels={**theirs, "nerdctl/name": container.name, **about["labels"]})
    return found


def listed(container: Container) -> dict[str, Any]:
    """A line of ``ps --format json``: a recorded one of its state, with what is this one's."""
    found = recordings.line(_LISTED[container.status])
    about = container.about
    status = found["Status"]
    if container.status == "exited":
        status = f"Exited ({container.task['code']}) {status.partition(') ')[2]}"
    found.update(ID=container.id, Names=container.name, Image=about["image"], Status=status)
    found.update(Command=json.dumps(" ".join(about["command"])), CreatedAt=recordings.moment(about["created"]))
    return found
