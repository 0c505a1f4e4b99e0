"""A cluster with slurmdbd: what the controller has forgotten, and no record tells, its accounting does."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import slurm
from contract.kit import LONG, cli, until
from e2e.day import kill, seat, submit
from e2e.test_slurm_faults import begun, brief, ended, gate, info
from engines import remove, short_folder
from proctracker.store import Home

__all__ = ["gate"]


@pytest.fixture(scope="module")
def accounted(request: pytest.FixtureRequest) -> Iterator[slurm.Cluster]:
    """A cluster with mariadb and slurmdbd."""
    why = slurm.missing(accounting=True)
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"slurm: {why}", pytrace=False)
    if why:
        pytest.skip(why)
    made = slurm.Cluster(short_folder(), accounting=True, min_job_age=2)
    try:
        yield made.start()
    finally:
        made.stop()
        remove(made.folder)


@pytest.fixture
def cluster(accounted: slurm.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[slurm.Cluster]:
    """The same; its jobs are gone after the test."""
    monkeypatch.setenv("SLURM_CONF", accounted.conf)
    monkeypatch.setenv("PROCTRACKER_CONTACT", "slurm")
    yield accounted.start()
    accounted.clear()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("exit 0", ("DONE", 0, None)),
        ("exit 3", ("FAILED", None, None)),
        ("kill -SEGV $$", ("FAILED", None, "SIGSEGV")),
    ],
)
def test_what_only_the_accounting_knows(
    cluster: slurm.Cluster, home: Home, gate: Path, script: str, told: tuple[str, int | None, str | None]
) -> None:
    """Nobody of ours was there as it ended, and its record went with the folder.

    sacct's codes are right from 26.05 on; before, of any but 0 nothing is told but that it failed.
    """
    right = tuple(map(int, re.findall(r"\d+", cluster.call("sinfo", "--version"))[:2])) >= (26, 5)
    told = ("FAILED", 3, None) if right and script == "exit 3" else told
    job, number = begun("--", "sh", "-c", f"read line <{gate}; {script}")
    there = seat(home)
    kill(there.supervisor, there.keeper)
    shutil.rmtree(home.records)
    gate.write_text("go\n")
    until(
        lambda: number not in cluster.call("squeue", "--noheader", "--states=all", "--format=%i").split(),
        "it is forgotten",
    )
    found = ended(job)
    assert (found["job_state"], found["exit_status"], found["terminating_signal"]) == told, brief(found)


def test_who_cancelled_what_is_forgotten(cluster: slurm.Cluster, home: Home) -> None:
    job = submit("--hold", "--", "true")
    number = until(lambda: info(job)["scheduler_id"], "its id", LONG)
    there = seat(home)
    kill(there.supervisor, there.keeper)
    cluster.call("scancel", number)
    until(
        lambda: number not in cluster.call("squeue", "--noheader", "--states=all", "--format=%i").split(),
        "it is forgotten",
    )
    found = ended(job)
    assert (found["job_state"], found["job_sub_state"], found["exit_status"]) == ("FAILED", "cancelled", None)


def test_doctor_tells_of_it(cluster: slurm.Cluster, home: Home) -> None:
    said = cli("doctor", "--json", "-c", "slurm").stdout
    assert "no accounting" not in said and "accounting" in said
    assert os.path.isdir(home.path)
