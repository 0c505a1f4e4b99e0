"""A store that was lost is built again from what the engine's containers carry."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import proctracker as pt
from conftest import close
from contract.kit import LONG, Kit, cli
from proctracker.store import Home


def test_what_has_ended_is_known_at_once(alone: Kit, home: Home) -> None:
    if not alone.containers:
        assert cli("-c", alone.contact, "adopt").stdout == ""
        return
    session = pt.create_job_session("night", alone.contact)
    failed, killed = session.run_job(alone.script("exit 3")), session.run_job(alone.sleeper())
    assert failed.wait_terminated(LONG).exit_status == 3
    killed.wait_started(LONG)
    close(home)
    shutil.rmtree(home.here)
    with pytest.raises(pt.InvalidArgumentException):
        pt.open_job_session("night")
    adopted = cli("-c", alone.contact, "adopt")
    assert (sorted(adopted.stdout.split()), adopted.stderr) == (sorted([failed.id, killed.id]), "")
    info = failed.get_info()
    assert (info.job_state, info.exit_status, info.session_name) == (pt.JobState.FAILED, 3, "night")
    # What ended the supervisor ended every process that bears a job's mark.
    assert killed.wait_terminated(LONG).terminating_signal == "SIGKILL"


def _lost(kit: Kit, home: Home, folder: str) -> str:
    """Make a state directory go, as far as this folder of it, with its supervisor; its uuid."""
    uuid = home.uuid
    close(home)
    shutil.rmtree(folder)
    return uuid


def test_the_whole_state_directory_went(alone: Kit, home: Home, tmp_path: Path) -> None:
    """Its containers are listed with the uuid they carry, and taken in under that; a number that is in use is changed."""
    if not alone.containers:
        return
    out, err = tmp_path / "out, 50%", tmp_path / "err"
    session = pt.create_job_session("night", alone.contact)
    template = alone.script(
        "echo told; exit 3", job_name="my job, the 1st=x", output_path=f"{out}%", error_path=str(err)
    )
    failed, alive = session.run_job(template), session.run_job(alone.sleeper(job_name="é"))
    tasks = session.run_bulk_jobs(alone.script("exit $TASK_ID"), 4, 5)
    assert failed.wait_terminated(LONG).exit_status == 3
    alive.wait_started(LONG)
    session.wait_all_terminated(tasks.jobs, LONG)
    uuid = _lost(alone, home, home.path)
    listed = cli("-c", alone.contact, "adopt")
    assert (listed.returncode, listed.stdout) == (1, "")
    assert (
        f"4 containers of another state directory: if that is lost, `proctracker adopt --home {uuid}`" in listed.stderr
    )
    mine = pt.create_job_session("day", alone.contact).run_job(alone.script("exit 7"))
    assert mine.wait_terminated(LONG).exit_status == 7
    assert mine.id == failed.id == "1"
    adopted = cli("-c", alone.contact, "adopt", "--home", uuid)
    ids = adopted.stdout.split()
    assert (len(ids), adopted.returncode, adopted.stderr) == (4, 0, "")
    assert {alive.id, *(task.id for task in tasks.jobs)} <= set(ids)
    (new,) = set(ids) - {alive.id, *(task.id for task in tasks.jobs)}
    found = {each["job_id"]: each for each in json.loads(cli("info", "--json", *ids, mine.id).stdout)}
    assert (found[mine.id]["exit_status"], found[mine.id]["session_name"]) == (7, "day")
    told = found[new]
    assert (told["exit_status"], told["job_state"], told["session_name"]) == (3, "FAILED", "night")
    assert (told["job_name"], told["output_path"], told["error_path"]) == ("my job, the 1st=x", str(out), str(err))
    assert cli("logs", new).stdout == "told\n"
    assert [found[task.id]["exit_status"] for task in tasks.jobs] == [4, 5]
    assert found[alive.id]["job_name"] == "é"
    assert cli("-c", alone.contact, "adopt", "--home", uuid).stdout == ""
    more = pt.open_job_session("day").run_job(alone.script("true"))
    assert more.id not in found
    # What ended the supervisor ended every process that bears a job's mark.
    assert cli("wait", alive.id).returncode == 137
    assert cli("reap", *ids).returncode == 0
    assert cli("-c", alone.contact, "adopt", "--home", uuid).stdout == ""


def test_a_number_of_an_adopted_job_is_never_given_again(alone: Kit, home: Home) -> None:
    if not alone.containers:
        return
    session = pt.create_job_session("night", alone.contact)
    jobs = [session.run_job(alone.script("true")) for _ in range(3)]
    session.wait_all_terminated(jobs, LONG)
    uuid = _lost(alone, home, home.path)
    assert cli("-c", alone.contact, "adopt", "--home", uuid).stdout.split() == ["1", "2", "3"]
    assert pt.open_job_session("night").run_job(alone.script("true")).id not in ("1", "2", "3")


def test_labels_that_no_start_of_ours_writes(alone: Kit, home: Home) -> None:
    """They are told of and left alone; what is ours is taken in all the same."""
    if alone.runtime not in ("podman", "docker"):
        return
    job = pt.create_job_session("night", alone.contact).run_job(alone.script("exit 3"))
    job.wait_terminated(LONG)
    labels = {"proctracker.home": home.uuid, "proctracker.owner": str(os.getuid()), "proctracker.attempt": "1"}
    name = f"proctracker-{home.uuid[:8]}"
    forged = {
        "xa": {"proctracker.job": "9;rm"},
        "xb": {"proctracker.job": "9" * 30},
        "xc": {"proctracker.job": "9", "proctracker.attempt": "x"},
        "xd": {"proctracker.job": "9", "proctracker.session": "a\x1b[1mb"},
        "xe": {"proctracker.job": "9"},
        f"{name}-9-2": {"proctracker.job": "9"},
        f"{name}-1_2_3-1": {"proctracker.job": "1_2_3"},
        "xf": {"proctracker.home": "x;y"},
    }
    made = []
    for each, more in forged.items():
        words = [f"--label={key}={value}" for key, value in {**labels, **more}.items()]
        alone.bare("create", f"--name={each}", *words, str(alone.image), "true")
        made.append(each)
    try:
        close(home)
        shutil.rmtree(home.here)
        adopted = cli("-c", alone.contact, "adopt")
        assert (adopted.returncode, adopted.stdout) == (0, f"{job.id}\n")
        lines = adopted.stderr.splitlines()
        assert all(line.endswith("it is left alone") and line.isprintable() for line in lines), lines
        assert {each for each in made if any(f"container {each}: " in line for line in lines)} == {*made} - {"xf"}
        assert job.get_info().exit_status == 3
    finally:
        alone.bare("rm", "-f", *made)
