"""What a job finds around it: environment, directory, ids, user, host; and that secrets stay out of argv."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, until
from proctracker.linux import oomscore


def test_its_environment(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script('echo "$A|$B|$C"', job_environment={"A": "1 2", "B": 'it\'s "$HOME"', "C": ""}))
    job.wait_terminated(LONG)
    assert job.read_output() == b'1 2|it\'s "$HOME"|\n'


def test_a_value_of_several_lines(kit: Kit, session: pt.JobSession) -> None:
    template = kit.script('echo "$LINES_OF_MINE"', job_environment={"LINES_OF_MINE": "one\ntwo"})
    if kit.runtime == "ctr":
        with pytest.raises(pt.UnsupportedAttributeException, match="LINES_OF_MINE"):
            session.run_job(template)
        return
    job = session.run_job(template)
    job.wait_terminated(LONG)
    assert job.read_output() == b"one\ntwo\n"


def test_its_ids(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script('echo "$JOB_ID $PROCTRACKER_SESSION $PROCTRACKER_ATTEMPT [$TASK_ID]"'))
    job.wait_terminated(LONG)
    assert job.read_output().decode() == f"{job.job_id} {session.session_name} 1 []\n"


def test_its_mark(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script('echo "$PROCTRACKER_JOB"'))
    job.wait_terminated(LONG)
    home, number, attempt = job.read_output().decode().split()[0].split("/")
    assert (len(home), number, attempt) == (36, job.job_id, "1")


def test_tasks_know_their_number(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script('echo "$JOB_ID $TASK_ID"'), 3, 7, 4)
    array.wait_terminated(LONG)
    found = {job.job_id: job.read_output().decode() for job in array.jobs}
    assert found == {f"{array.id}_{task}": f"{array.id}_{task} {task}\n" for task in (3, 7)}


def test_a_process_has_the_callers_environment_and_a_container_has_not(
    kit: Kit, session: pt.JobSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLERS_OWN", "seen")
    job = session.run_job(kit.script('echo "[$CALLERS_OWN]"'))
    job.wait_terminated(LONG)
    assert job.read_output() == (b"[]\n" if kit.containers else b"[seen]\n")


def test_its_oom_score_adj_is_as_if_the_submitter_had_started_it(kit: Kit, session: pt.JobSession) -> None:
    session.run_job(kit.job("true")).wait_terminated(LONG)  # the supervisor is there, with what we had then
    with oomscore.lent(900):
        job = session.run_job(kit.job("cat", oomscore.PATH))
        name = "oom-by-hand"
        words = (kit.image, name) if kit.runtime == "ctr" else ("--name", name, kit.image)
        by_hand = kit.bare("run", "--rm", *map(str, words), "cat", oomscore.PATH) if kit.containers else "900\n"
        if kit.runtime == "slurm":
            by_hand = kit.by_srun("cat", oomscore.PATH)  # the node's own
    job.wait_terminated(LONG)
    assert job.read_output().decode() == by_hand


def test_its_soft_limits_are_as_if_the_submitter_had_started_it(kit: Kit, session: pt.JobSession) -> None:
    session.run_job(kit.job("true")).wait_terminated(LONG)  # the supervisor is there, with limits of its own
    show = ["sh", "-c", "ulimit -Sc; ulimit -Ss; ulimit -Sn"]
    before = {number: resource.getrlimit(number) for number in (resource.RLIMIT_CORE, resource.RLIMIT_STACK)}
    for number in before:
        resource.setrlimit(number, (4 * 2**20, before[number][1]))
    try:
        job = session.run_job(kit.job(*show))
        name = "limits-by-hand"
        words = (kit.image, name) if kit.runtime == "ctr" else ("--name", name, kit.image)
        by_hand = kit.bare("run", "--rm", *map(str, words), *show) if kit.containers else _called(show)
        if kit.runtime == "slurm":
            by_hand = kit.by_srun(*show)  # the node's own, but for dumps of core
            by_hand = "\n".join([_called(show).partition("\n")[0], *by_hand.split("\n")[1:]])
    finally:
        for number, pair in before.items():
            resource.setrlimit(number, pair)
    job.wait_terminated(LONG)
    assert job.read_output().decode() == by_hand


def _called(words: list[str]) -> str:
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_its_working_directory(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    where = "/tmp" if kit.containers else str(tmp_path)
    job = session.run_job(kit.script("pwd", working_directory=where))
    job.wait_terminated(LONG)
    assert job.read_output().decode() == f"{where}\n"
    assert job.get_info().working_directory == where


def test_without_a_working_directory(
    kit: Kit, session: pt.JobSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = session.run_job(kit.script("pwd"))
    job.wait_terminated(LONG)
    assert job.read_output().decode() == ("/\n" if kit.containers else f"{tmp_path}\n")


def test_secrets_are_in_nobodys_argv(kit: Kit, session: pt.JobSession) -> None:
    secret = f"sesame-{os.getpid()}-{id(session)}"
    over, seen, looks = threading.Event(), [], [0]

    def watch() -> None:
        while not over.is_set():
            looks[0] += 1
            seen.extend(line for line in _command_lines() if secret in line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        jobs = [
            session.run_job(kit.script('echo "$SECRET"; sleep 0.5', job_environment={"SECRET": secret}))
            for _ in range(3)
        ]
        session.wait_all_terminated(jobs, LONG)
    finally:
        over.set()
        watcher.join()
    assert jobs[0].read_output().decode() == f"{secret}\n"
    assert seen == []
    assert looks[0] > 3


def _command_lines() -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                found.append(file.read())
        except OSError:
            continue
    return found


def test_labels_name_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper(job_environment={"SECRET": "sesame-labels"}))
    job.wait_started(LONG)
    container = job.get_info().container_id
    if not kit.containers:
        assert container is None
        return
    words = ("container", "info") if kit.runtime == "ctr" else ("container", "inspect")
    told = kit.bare(*words, str(container))
    for label, value in (("session", session.session_name), ("job", job.job_id)):
        assert f'"proctracker.{label}": "{value}"' in told
    assert '"proctracker.owner"' in told and '"proctracker.home"' in told


def test_what_a_container_needs_is_refused_where_there_is_none(kit: Kit, session: pt.JobSession) -> None:
    if kit.image:
        job = session.run_job(kit.job("true"))
        assert job.get_info().job_category == kit.image
        job.wait_terminated(LONG)
        return
    words = "user exposedPorts restart ipc uts pid network devices pull".split()
    if kit.runtime != "slurm":  # whose nodes may have a CLI for images
        words += ["volumes", "gpus", "entrypoint"]
        with pytest.raises(pt.UnsupportedAttributeException, match="job_category"):
            session.run_job(kit.job("true", job_category="localhost/busybox:test"))
    more = {"privileged": True, **({} if kit.runtime == "slurm" else {"rm": "true"})}
    for name, value in {**dict.fromkeys(words, "x"), **more}.items():
        with pytest.raises(pt.UnsupportedAttributeException, match=name):
            session.run_job(kit.extended(kit.job("true"), **{name: value}))
    assert session.get_jobs() == []


def test_a_missing_image_attribute_is_refused(kit: Kit, session: pt.JobSession) -> None:
    if not kit.image:
        assert session.job_categories == []
        return
    with pytest.raises(pt.InvalidArgumentException, match="job_category"):
        session.run_job({"remote_command": "true"})
    assert session.get_jobs() == []


def test_what_nobody_here_can_do_is_refused(kit: Kit, session: pt.JobSession) -> None:
    words = dict.fromkeys(("reservation_id", "queue_name", "accounting_id"), "x")
    files = {name: {"a": "b"} for name in ("stage_in_files", "stage_out_files")}
    schedulers = {**words, "email": ["me@example.org"], "max_slots": 2}
    for attribute, value in {**files, **({} if kit.queues else schedulers)}.items():
        with pytest.raises(pt.UnsupportedAttributeException, match=attribute):
            session.run_job(kit.job("true", **{attribute: value}))
    assert session.get_jobs() == []


def test_what_a_scheduler_alone_can_do_is_done(kit: Kit, session: pt.JobSession) -> None:
    assert session.contact is not None
    capabilities = {pt.supports(name, session.contact) for name in ("JT_EMAIL", "JT_MAXSLOTS", "JT_ACCOUNTINGID")}
    assert capabilities == {bool(kit.queues)}
    if not kit.queues:
        return
    mail = {"email": ["nobody@localhost"], "email_on_started": False, "email_on_terminated": False}
    asked = {"queue_name": kit.queues[-1], "accounting_id": "project", "min_slots": 2, "max_slots": 4, **mail}
    job = session.run_job(kit.script('echo "$SLURM_JOB_PARTITION $SLURM_NTASKS $SLURM_JOB_ACCOUNT"', **asked))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.queue_name, info.slots) == (pt.JobState.DONE, kit.queues[-1], 2)
    assert job.read_output() == f"{kit.queues[-1]} 2 project\n".encode()
    wrong = session.run_job(kit.job("true", reservation_id="nosuch")).wait_terminated(LONG)
    assert (wrong.job_state, wrong.exit_status) == (pt.JobState.FAILED, 125)
    assert "reservation" in (wrong.annotation or "").lower()


def test_a_missing_working_directory_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    template = kit.job("true", working_directory=str(tmp_path / "missing"))
    if kit.containers:
        # A container's directories are the engine's own affair: it makes them, or the start fails.
        assert session.run_job(template).wait_terminated(LONG).job_state in (pt.JobState.DONE, pt.JobState.FAILED)
        return
    with pytest.raises(pt.InvalidArgumentException, match="missing"):
        session.run_job(template)
    assert session.get_jobs() == []


def test_a_volume_is_mounted(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from the host\n")
    template = kit.extended(kit.job("cat", "/mnt/file"), volumes=[f"{tmp_path}:/mnt:ro"])
    if not kit.image:
        with pytest.raises(pt.UnsupportedAttributeException):
            session.run_job(template)
        return
    job = session.run_job(template)
    job.wait_terminated(LONG)
    assert job.read_output() == b"from the host\n"


def test_a_missing_volume_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    template = kit.extended(kit.job("true"), volumes=[f"{tmp_path}/missing:/mnt"])
    with pytest.raises((pt.InvalidArgumentException, pt.UnsupportedAttributeException)):
        session.run_job(template)
    assert session.get_jobs() == []


def test_categories_are_the_local_images(kit: Kit, session: pt.JobSession) -> None:
    name = str(kit.image).split("/")[-1]
    assert any(name in each for each in session.job_categories) is kit.containers


def test_the_process_tree_is_the_jobs_own_session(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    pid = job.get_info().pid
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    job.terminate()
    job.wait_terminated(LONG)
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end")


def test_the_engine_keeps_the_environment_until_the_job_is_reaped(kit: Kit, session: pt.JobSession) -> None:
    if not kit.containers or kit.runtime == "nerdctl":  # whose replay keeps none
        return
    job = session.run_job(kit.script("true", job_environment={"SECRET": "sesame"}))
    job.wait_terminated(LONG)
    container = str(job.get_info().container_id)
    words = ("container", "info" if kit.runtime == "ctr" else "inspect", container)
    assert "SECRET=sesame" in kit.bare(*words)
    job.reap()
    assert container not in kit.listed()
