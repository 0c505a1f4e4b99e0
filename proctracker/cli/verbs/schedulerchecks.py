"""Checks a scheduler for ``doctor``: what it keeps, and what its nodes see."""

from __future__ import annotations

from proctracker.cli.verbs.checks import Check
from proctracker.errors import Drmaa2Exception
from proctracker.linux import netfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.cli.access import Access
    from proctracker.runtimes.base import Dialog, Engine
    from proctracker.runtimes.batch import Config
    from proctracker.runtimes.runtime import Runtime
    from proctracker.tracker.contacts import Target

PATIENCE = 120.0
"""Seconds that a probe may pend and run."""

_SCRIPT = "uname -n; command -v python3 >/dev/null && exec python3 -V; echo no python3"

_SESSION = "doctor"


def config(runtime: Runtime, engine: Engine) -> Dialog[Config]:
    """Ask how the scheduler is set up."""
    batch = runtime.batch
    assert batch is not None
    (done,) = yield [batch.config_argv(engine)]
    return batch.parse_config(done)


def described(target: Target, version: str, found: Config, home: str) -> Check:
    """Return what its set-up means for jobs."""
    memory = "accounting" if found.accounting else f"no accounting, ended jobs are known for {found.min_job_age} s"
    text = f"{version}, cluster {found.cluster or '?'}; {memory}; arrays up to {found.max_array_size - 1}"
    if netfs.file_system(home) is None:
        advice = "its nodes must see that directory: doctor --probe tries; else set PROCTRACKER_HOME to a shared one"
        return Check(f"tracker {target.contact}", "warn", f"{text}; {home} is on a local disk", advice)
    return Check(f"tracker {target.contact}", "ok", text)


def probe(access: Access, target: Target) -> Check:
    """Run a job that tells where it ran and what Python there is, and forget it."""
    from proctracker.model import JobState, JobTemplate
    from proctracker.tracker import waits
    from proctracker.tracker.jobtracker import JobTracker

    name = f"probe {target.contact}"
    tracker = JobTracker(_SESSION, target.contact, at=access.place)
    template = JobTemplate(remote_command="sh", args=["-c", _SCRIPT], working_directory="/")
    job = tracker.add_job(template)
    try:
        (row,) = waits.wait(access.place, [job], timeout=PATIENCE)
        info = tracker.job_info(job)
        text = _text(info.output_path)
        if row.state != JobState.DONE or not text:
            why = row.annotation or f"it ended {JobState(row.state).name}, and its output is not to be seen here"
            return Check(
                name, "fails", why, f"have nodes see {access.home.path}, or set PROCTRACKER_HOME to a shared directory"
            )
        node, _, python = text.partition("\n")
        return Check(name, "ok", f"ran on {node.strip()}, which sees {access.home.path}; {python.strip()} there")
    except Drmaa2Exception as error:
        access.place.act([job], "terminate")
        return Check(name, "fails", f"job {job}: {error.message}", f"proctracker info {job} tells why it waits")
    finally:
        access.place.act([job], "reap")


def _text(path: str | None) -> str:
    try:
        with open(path or "", encoding="utf-8", errors="replace") as file:
            return file.read(4096)
    except OSError:
        return ""
