"""Slurm's command lines and their environments."""

from __future__ import annotations

import pytest

from proctracker.errors import (
    DeniedByDrmsException,
    Drmaa2Exception,
    ImplementationSpecificException,
    InvalidArgumentException,
)
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes import batch
from proctracker.runtimes.base import SUBMITTED, Engine, Request
from proctracker.runtimes.batch import Submission, Task
from proctracker.runtimes.slurm_batch import BATCH, ranges

ENGINE = Engine(
    ("/opt/slurm/bin/sbatch",), {},
    {"PATH": "/bin", "HOME": "/home/me", "SLURM_CONF": "/etc/slurm.conf", "SBATCH_ACCOUNT": "acc", "SBATCH_WAIT": "1",
     "XDG_RUNTIME_DIR": "/run/user/1"},
)  # fmt: skip


def submission(tasks=None, attributes=None, environment=None, engine=ENGINE, **more):
    template = JobTemplate({"remote_command": "echo", "args": ["secret"], **(attributes or {})})
    request = Request(
        engine, template, "7", 1, "proctracker-abcdef12-7-1", "/folder", "", "", directory="/home/me",
        environment=environment or {},
    )  # fmt: skip
    return Submission(request, tasks or [Task("7", ("echo", "secret"), "/out")], "/records", "uuid", "default", **more)


def test_a_submission():
    launch = BATCH.submit(submission(environment={"PATH": "/usr/bin", "TOKEN": "hidden"}))
    assert launch.kind == SUBMITTED and launch.stdin == "/folder/script"
    assert launch.argv == (
        "/opt/slurm/bin/sbatch", "--parsable", "--job-name=proctracker-abcdef12-7-1", "--export=ALL",
        "--export-file=/folder/env", "--chdir=/", "--output=/dev/null", "--error=/dev/null", "--no-requeue",
    )  # fmt: skip
    assert launch.environment == {
        "PATH": "/bin", "HOME": "/home/me", "SLURM_CONF": "/etc/slurm.conf", "LC_ALL": "C", "TZ": "UTC0", "SBATCH_ACCOUNT": "acc"
    }  # fmt: skip
    assert launch.files["/folder/env"] == b"PATH=/usr/bin\0TOKEN=hidden\0"
    assert b"unset HOME SLURM_CONF LC_ALL TZ SBATCH_ACCOUNT" in launch.files["/folder/script"]
    assert not any(word in " ".join(launch.argv) for word in ("secret", "hidden", "/out", "/home/me"))


def test_an_allocation_that_we_are_called_in_is_not_the_jobs():
    environment = {
        "SLURM_JOB_ID": "5",
        "SLURM_CONF": "/c",
        "SBATCH_ARRAY_INX": "1-2",
        "SLURMD_NODENAME": "n",
        "SBATCH_QOS": "q",
    }
    launch = BATCH.submit(submission(environment=environment))
    assert launch.files["/folder/env"] == b"SLURM_CONF=/c\0SBATCH_QOS=q\0"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"held": True}, ["--no-requeue", "--hold"]),
        ({"begin": 1796029473.2}, ["--no-requeue", "--begin=2026-11-30T09:04:34"]),
        ({"time_limit": 61.0}, ["--no-requeue", "--time=2"]),
        ({"deadline": 1796029474.0, "now": 1796029000.0}, ["--no-requeue", "--deadline=2026-11-30T09:06:00", "--time-min=1"]),
        ({"deadline": 1796029474.0, "now": 1796029400.0}, ["--no-requeue"]),
        ({"after": ["5", "6_2"], "after_any": ["9"]},
         ["--no-requeue", "--dependency=afterok:5,afterok:6_2,afterany:9", "--kill-on-invalid-dep=yes"]),
        ({"attributes": {"rerunnable": True}}, ["--requeue"]),
        ({"attributes": {"queue_name": "short"}}, ["--no-requeue", "--partition=short"]),
        ({"tasks": [Task(f"7_{i}", ("x",), "/o", index=i) for i in range(1, 1001)], "throttle": 5},
         ["--no-requeue", "--array=1-1000%5"]),
    ],
)  # fmt: skip
def test_what_is_handed_over(more, wanted):
    assert list(BATCH.submit(submission(**more)).argv[8:]) == wanted


@pytest.mark.parametrize(
    ("indices", "text"),
    [
        ([1], "1"), ([1, 2], "1-2"), ([1, 3], "1,3"), ([1, 3, 5, 7], "1-7:2"), ([1, 2, 3, 7, 12, 13], "1-3,7,12-13"),
        ([5, 10, 15, 16, 17], "5-15:5,16-17"),
    ],
)  # fmt: skip
def test_ranges(indices, text):
    assert ranges([Task("x", ("x",), "/o", index=i) for i in indices]) == text


def test_ids_and_refusals():
    assert BATCH.submitted(Completed(("sbatch",), 0, "1234\n")) == "1234"
    assert BATCH.submitted(Completed(("sbatch",), 0, "a site's greeting\n1234;cl1\n")) == "1234"
    with pytest.raises(ImplementationSpecificException):
        BATCH.submitted(Completed(("sbatch",), 0, ""))
    assert BATCH.refused(Completed(("sbatch",), -9)).kind == batch.UNKNOWN


def test_looks_and_the_accounting():
    look = BATCH.look_argv(ENGINE)
    assert look[:5] == ("/opt/slurm/bin/squeue", "--me", "--noheader", "--array", "--states=all")
    assert BATCH.accounting_argv(ENGINE, ["5", "6_1", "6_2"])[-2] == "--jobs=5,6"
    assert BATCH.environment(Engine(("sbatch",), {"cluster": "c2"}, {}))["SLURM_CLUSTERS"] == "c2"


@pytest.mark.parametrize(
    ("action", "argv"),
    [
        ("hold", ("scontrol", "hold", "5,6_1")),
        ("suspend", ("scontrol", "suspend", "5,6_1")),
        ("stop", ("scancel", "--signal=STOP", "--full", "5", "6_1")),
        ("cont", ("scancel", "--signal=CONT", "--full", "5", "6_1")),
        ("signal", ("scancel", "--signal=TERM", "--full", "5", "6_1")),
        ("cancel", ("scancel", "5", "6_1")),
    ],
)
def test_controls(action, argv):
    assert BATCH.control_argv(Engine(("sbatch",)), action, ["5", "6_1"]) == argv
    with pytest.raises(InvalidArgumentException):
        BATCH.control_argv(ENGINE, action, [])


def test_a_control_by_name_as_well():
    argv = BATCH.control_argv(Engine(("sbatch",)), "signal", ["5"], "SIGKILL", "proctracker-x-1-1")
    assert argv == ("scancel", "--signal=KILL", "--full", "--name=proctracker-x-1-1", "5")
    argv = BATCH.control_argv(Engine(("sbatch",)), "cancel", ["5_2"], name="proctracker-x-1-1")
    assert argv == ("scancel", "5_2")  # a name would make it all that waits of the array


def test_controls_that_are_denied():
    BATCH.controlled(Completed(("scontrol",), 0))
    BATCH.controlled(Completed(("/usr/bin/scancel",), 229))
    for cut_off in (Completed(("/usr/bin/scancel",), -9), Completed(("scontrol",), 229)):
        with pytest.raises(Drmaa2Exception):
            BATCH.controlled(cut_off)
    with pytest.raises(DeniedByDrmsException):
        BATCH.controlled(Completed(("scontrol",), 1, "", "Access/permission denied for job 5\n"))
