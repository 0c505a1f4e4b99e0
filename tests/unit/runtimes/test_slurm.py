"""The runtime's own members: what it refuses, and that it answers."""

from __future__ import annotations

import pytest

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, UnsupportedOperationException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes import slurm
from proctracker.runtimes.base import Engine
from proctracker.runtimes.batch import Batch

RUNTIME = slurm.RUNTIME
ENGINE = Engine(("/usr/bin/sbatch",))


def test_its_scheduler_has_every_member():
    members = [name for name in vars(Batch) if not name.startswith("_")]
    assert members and all(hasattr(RUNTIME.batch, name) for name in members) and RUNTIME.batch.hands_over


@pytest.mark.parametrize(
    "attributes",
    [
        {"remote_command": "x", "stage_in_files": {"a": "b"}},
        {"remote_command": "x", "machine_arch": "X64"},
        {"remote_command": "x", "implementation_specific": {"network": "host"}},
        {"remote_command": "x", "implementation_specific": {"volumes": ["/a:/b"]}},
        {"remote_command": "x", "resource_limits": {"NO_SUCH": 1}},
        {"remote_command": "x", "priority": 9},
        {},
    ],
)
def test_refused(attributes):
    with pytest.raises(Drmaa2Exception):
        RUNTIME.check(JobTemplate(attributes), ENGINE)


def test_taken():
    RUNTIME.check(JobTemplate({"args": ["echo"], "queue_name": "p", "min_slots": 2, "rerunnable": True}), ENGINE)


def test_jobs_are_handed_over_never_launched():
    with pytest.raises(UnsupportedOperationException):
        RUNTIME.launch(None)


def test_version_asks_the_controller_as_well():
    dialog = RUNTIME.version(ENGINE)
    assert next(dialog) == [("/usr/bin/sbatch", "--version"), ("/usr/bin/scontrol", "ping")]
    with pytest.raises(StopIteration) as stop:
        dialog.send(
            [
                Completed(("sbatch",), 0, "slurm-wlm 22.05.8\n"),
                Completed(("scontrol",), 0, "Slurmctld(primary) is UP\n"),
            ]
        )
    assert stop.value.value == "22.05.8"
    dialog = RUNTIME.version(ENGINE)
    next(dialog)
    with pytest.raises(DrmCommunicationException, match="is DOWN"):
        dialog.send(
            [Completed(("sbatch",), 0, "x\n"), Completed(("scontrol",), 1, "Slurmctld(primary) at l is DOWN\n")]
        )


def test_a_submission_that_failed():
    assert RUNTIME.failed_start(Completed(("sbatch",), 1, "", "sbatch: error: Invalid --time\n")) == (
        125,
        "sbatch: Invalid --time",
    )
