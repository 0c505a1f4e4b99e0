"""The rows of the podman tracker's tables, each a test named after it, on every container runtime that has the row."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state, unseen, until
from engines import containerd_version

HAS_NOT = {"ctr": {"exposedPorts", "restart"}, "nerdctl": {"restart"}}
"""What a CLI has no option for, or none that works; asserted to be refused."""


@pytest.fixture(autouse=True)
def _containers(kit: Kit, session: pt.JobSession) -> None:
    """The process tracker has no images: it refuses them, and then there are no rows to look at."""
    if kit.image and not kit.containers:
        pytest.skip(f"{kit.name} keeps no containers")
    if not kit.containers:
        with pytest.raises(pt.UnsupportedAttributeException, match="job_category"):
            session.run_job({"remote_command": "true", "job_category": "localhost/busybox:test"})
        pytest.skip("the process tracker refuses job_category, as asserted")


def _output(kit: Kit, session: pt.JobSession, template: dict[str, object]) -> str:
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert info.job_state == pt.JobState.DONE, (info.annotation, job.read_output("stderr"))
    return job.read_output().decode().strip()


def _refused(kit: Kit, session: pt.JobSession, template: dict[str, object], row: str) -> bool:
    """Whether this runtime has not got the row; then it says so and starts nothing."""
    if row not in HAS_NOT.get(kit.runtime, ()):
        return False
    with pytest.raises(pt.UnsupportedAttributeException, match=row):
        session.run_job(template)
    assert session.get_jobs() == []
    return True


def _too_old(kit: Kit, session: pt.JobSession, template: dict[str, object]) -> bool:
    """Whether this is a ctr before 1.7, which has no flag for it; then the job says so."""
    if kit.runtime != "ctr" or containerd_version() >= (1, 7):
        return False
    info = session.run_job(template).wait_terminated(LONG)
    assert info.exit_status == 125 and "1.7 or newer" in str(info.annotation)
    return True


def test_podman_seed_suspend(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    assert state(job) == pt.JobState.SUSPENDED


def test_podman_seed_resume(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    job.resume()
    assert state(job) == pt.JobState.RUNNING


def test_podman_seed_terminate(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.terminate()
    assert job.wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_podman_seed_hold_of_a_running_container(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    with pytest.raises(pt.InvalidStateException):
        job.hold()


def test_podman_seed_release_of_a_running_container(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    with pytest.raises(pt.InvalidStateException):
        job.release()


def test_podman_seed_state_failed(kit: Kit, session: pt.JobSession) -> None:
    assert session.run_job(kit.script("exit 1")).wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_podman_seed_state_done(kit: Kit, session: pt.JobSession) -> None:
    assert session.run_job(kit.script("exit 0")).wait_terminated(LONG).job_state == pt.JobState.DONE


def test_podman_seed_state_suspended(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    job.suspend()
    assert job.get_info().job_state == pt.JobState.SUSPENDED
    assert session.get_jobs({"job_state": pt.JobState.SUSPENDED}) == [job]


def test_podman_seed_state_running(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    assert state(job) == pt.JobState.RUNNING


def test_podman_seed_state_restarting_is_running(kit: Kit, session: pt.JobSession) -> None:
    template = kit.extended(kit.script("echo once; sleep 0.3; exit 1"), restart="always")
    if _refused(kit, session, template, "restart"):
        return
    job = session.run_job(template)
    until(lambda: job.read_output().count(b"once") >= 2, "a restart")
    assert state(job) == pt.JobState.RUNNING
    job.terminate()
    assert job.wait_terminated(LONG).job_state == pt.JobState.FAILED


def test_podman_seed_state_queued_by_us(kit: Kit, session: pt.JobSession) -> None:
    session.max_running = 1
    jobs = [session.run_job(kit.sleeper()) for _ in range(2)]
    jobs[0].wait_started(LONG)
    assert state(jobs[1]) == pt.JobState.QUEUED


def test_podman_seed_state_undetermined_if_inspect_fails(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.sleeper())
    job.wait_started(LONG)
    with unseen():
        kit.by_hand("remove", job)
    assert job.wait_terminated(LONG).job_state == pt.JobState.UNDETERMINED


def test_podman_seed_delete_job_is_rm(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 0"))
    container = str(job.wait_terminated(LONG).container_id)
    job.reap()
    assert container not in kit.listed()


def test_podman_seed_remote_command_and_args(kit: Kit, session: pt.JobSession) -> None:
    assert _output(kit, session, kit.job("echo", "one", "two words")) == "one two words"


def test_podman_seed_job_category(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.job("true"))
    assert job.wait_terminated(LONG).job_category == kit.image


def test_podman_seed_candidate_machines(kit: Kit, session: pt.JobSession) -> None:
    template = kit.job("hostname", candidate_machines=["borrowed-name"])
    if not _too_old(kit, session, template):
        assert _output(kit, session, template) == "borrowed-name"


def test_podman_seed_two_candidate_machines(kit: Kit, session: pt.JobSession) -> None:
    with pytest.raises((pt.InvalidArgumentException, pt.UnsupportedAttributeException), match="candidate_machines"):
        session.run_job(kit.job("hostname", candidate_machines=["one", "two"]))
    assert session.get_jobs() == []


def test_podman_seed_working_directory(kit: Kit, session: pt.JobSession) -> None:
    assert _output(kit, session, kit.job("pwd", working_directory="/etc")) == "/etc"


def test_podman_seed_working_directory_not_set(kit: Kit, session: pt.JobSession) -> None:
    assert _output(kit, session, kit.job("pwd")) == "/"


def test_podman_seed_job_environment(kit: Kit, session: pt.JobSession) -> None:
    assert _output(kit, session, kit.script('echo "$COLOUR"', job_environment={"COLOUR": "blue"})) == "blue"


@pytest.mark.parametrize(("user", "uid"), [("1000:1000", "1000"), ("user", "1000")])
def test_podman_seed_user(kit: Kit, session: pt.JobSession, user: str, uid: str) -> None:
    template = kit.extended(kit.job("id", "-u"), user=user)
    if not _too_old(kit, session, template):
        assert _output(kit, session, template) == uid


@pytest.mark.parametrize("spelling", ["exposedPorts", "exposed_ports"])
def test_podman_seed_exposed_ports(kit: Kit, session: pt.JobSession, spelling: str) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    template = kit.extended(kit.sleeper(), **{spelling: f"127.0.0.1:{port}:8080"})
    if _refused(kit, session, template, "exposed"):
        return
    if kit.runtime == "ctr":
        with pytest.raises(pt.UnsupportedAttributeException):
            session.run_job(template)
        return
    job = session.run_job(template)
    # The host's network, which the test engines use, has no ports to map: the CLI was told, or told us so.
    job.wait_started(LONG)
    info = job.get_info()
    assert info.job_state == pt.JobState.RUNNING or str(port) in (info.annotation or ""), info.annotation


def test_podman_seed_a_port_that_is_none(kit: Kit, session: pt.JobSession) -> None:
    with pytest.raises((pt.InvalidArgumentException, pt.UnsupportedAttributeException)):
        session.run_job(kit.extended(kit.sleeper(), exposedPorts="nonsense"))
    assert session.get_jobs() == []


@pytest.mark.parametrize("flag", ["TRUE", True])
def test_podman_seed_privileged(kit: Kit, session: pt.JobSession, flag: object) -> None:
    script = kit.script("grep CapEff /proc/self/status")
    plain = int(_output(kit, session, script).split()[1], 16)
    job = session.run_job(kit.extended(script, privileged=flag))
    info = job.wait_terminated(LONG)
    if info.exit_status == 125:
        # docker asks for every capability there is, and this machine has not got all.
        assert "apply caps" in (info.annotation or "")
        return
    more = int(job.read_output().split()[1], 16)
    assert bin(more).count("1") > bin(plain).count("1")


def test_podman_seed_restart(kit: Kit, session: pt.JobSession) -> None:
    template = kit.extended(kit.script("echo once; exit 1"), restart="on-failure:2")
    if _refused(kit, session, template, "restart"):
        return
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 1)
    assert job.read_output().count(b"once") == 3


@pytest.mark.parametrize("namespace", ["ipc", "uts", "pid"])
def test_podman_seed_namespaces(kit: Kit, session: pt.JobSession, namespace: str) -> None:
    script = kit.job("readlink", f"/proc/self/ns/{namespace}")
    shared = kit.extended(script, **{namespace: "host"})
    if _refused(kit, session, shared, namespace):
        return
    ours = os.readlink(f"/proc/self/ns/{namespace}")
    assert _output(kit, session, script) != ours
    if namespace == "ipc" and not os.path.exists("/dev/mqueue"):
        # podman mounts the host's message queues too, and this machine has none.
        info = session.run_job(shared).wait_terminated(LONG)
        assert info.exit_status == 0 or "/dev/mqueue" in (info.annotation or "")
        return
    assert _output(kit, session, shared) == ours


@pytest.mark.parametrize("flag", ["true", "TRUE"])
def test_podman_seed_rm(kit: Kit, session: pt.JobSession, flag: str) -> None:
    job = session.run_job(kit.extended(kit.script("echo bye; exit 2"), rm=flag))
    info = job.wait_terminated(LONG)
    assert (info.exit_status, job.read_output()) == (2, b"bye\n")
    until(lambda: str(info.container_id) not in kit.listed(), "the removal")


def test_podman_seed_array_jobs(kit: Kit, session: pt.JobSession) -> None:
    array = session.run_bulk_jobs(kit.script("exit $TASK_ID"), 1, 3)
    array.wait_terminated(LONG)
    assert [job.get_info().exit_status for job in array.jobs] == [1, 2, 3]


def test_podman_seed_list_job_categories(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    assert (
        str(kit.image) in session.job_categories or f"{kit.image}".removeprefix("localhost/") in session.job_categories
    )
    assert "busybox:test" in cli("-c", kit.contact, "categories").stdout
