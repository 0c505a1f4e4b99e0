"""Slurm's words for states; what they look like in real answers is in the recordings."""

from __future__ import annotations

import os

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState
from proctracker.runtimes import slurm_states

NAME = "proctracker-abcdef12-7-1"


def _line(state="RUNNING", reason="None", code=0, restart=0, name=NAME, task="N/A", job="65", node="n1", **more):
    fields = {
        "JobArrayID": job, "JobID": "70", "ArrayJobID": "65", "ArrayTaskID": task, "State": state, "NodeList": node,
        "StartTime": "2026-11-30T09:04:34", "EndTime": "2026-11-30T09:05:00", "Partition": "main", "exit_code": str(code),
        "RestartCnt": str(restart), "UserName": "me", "NumCPUs": "2", "Reason": reason, "Name": name, **more,
    }  # fmt: skip
    return "".join(f"{fields[column]}|" for column in slurm_states.FIELDS) + "\n"


def _look(*lines):
    return slurm_states.parse_look(Completed(("squeue",), 0, "".join(lines)))


def _one(*args, **more):
    return _look(_line(*args, **more))[NAME]


@pytest.mark.parametrize(
    ("word", "reason", "restart", "state", "sub_state"),
    [
        ("PENDING", "Priority", 0, "QUEUED", "pending:Priority"),
        ("PENDING", "(Resources)", 0, "QUEUED", "pending:Resources"),
        ("PENDING", "JobHeldUser", 0, "QUEUED_HELD", "held"),
        ("PENDING", "JobHeldAdmin", 0, "QUEUED_HELD", "held-by-admin"),
        ("PENDING", "DependencyNeverSatisfied", 0, "QUEUED", "never:DependencyNeverSatisfied"),
        ("PENDING", "PartitionTimeLimit", 0, "QUEUED", "never:PartitionTimeLimit"),
        ("PENDING", "PartitionNodeLimit", 0, "QUEUED", "never:PartitionNodeLimit"),
        ("PENDING", "PartitionConfig", 0, "QUEUED", "never:PartitionConfig"),
        ("PENDING", "PartitionDown", 0, "QUEUED", "never:PartitionDown"),
        ("PENDING", "BadConstraints", 0, "QUEUED", "never:BadConstraints"),
        ("PENDING", "BeginTime", 1, "REQUEUED", "requeued"),
        ("PENDING", "job requeued in held state", 1, "REQUEUED_HELD", "held"),
        ("PENDING", "launch failed requeued held", 1, "REQUEUED_HELD", "launch-failed"),
        ("SPECIAL_EXIT", "job_requeued_in_held_state", 1, "REQUEUED_HELD", "special-exit"),
        ("CONFIGURING", "None", 0, "QUEUED", "configuring"),
        ("RUNNING", "Prolog", 0, "RUNNING", None),
        ("STOPPED", "None", 0, "SUSPENDED", "stopped"),
        ("SUSPENDED", "None", 0, "SUSPENDED", "suspended"),
        ("COMPLETING", "None", 0, "RUNNING", "completing"),
        ("REVOKED", "None", 0, "UNDETERMINED", "revoked"),
        ("A_NEW_WORD", "None", 0, "UNDETERMINED", "A_NEW_WORD"),
    ],
)
def test_words_of_jobs_that_live(word, reason, restart, state, sub_state):
    seen = _one(word, reason, restart=restart)
    assert (seen.state.name, seen.sub_state) == (state, sub_state)
    assert bool(seen.annotation) == seen.state.queued


@pytest.mark.parametrize(
    ("word", "code", "state", "sub_state", "status", "signal"),
    [
        ("COMPLETED", 0, "DONE", None, 0, None),
        ("FAILED", 3 << 8, "FAILED", None, 3, None),
        ("FAILED", 200 << 8, "FAILED", None, 200, None),
        ("FAILED", 11, "FAILED", None, None, "SIGSEGV"),
        ("FAILED", 53, "FAILED", "start-failed", 125, None),
        ("CANCELLED", 0, "FAILED", "cancelled", None, None),
        ("CANCELLED", 15, "FAILED", "cancelled", None, "SIGTERM"),
        ("CANCELLED", 5 << 8, "FAILED", "cancelled", 5, None),
        ("TIMEOUT", 15, "FAILED", "time-limit", None, "SIGTERM"),
        ("DEADLINE", 1, "FAILED", "deadline", None, None),
        ("OUT_OF_MEMORY", 125, "FAILED", "oom-killed", None, None),
        ("NODE_FAIL", 0, "FAILED", "node-fail", None, None),
        ("BOOT_FAIL", 0, "FAILED", "boot-fail", None, None),
        ("PREEMPTED", 15, "FAILED", "preempted", None, "SIGTERM"),
    ],
)
def test_words_of_ends(word, code, state, sub_state, status, signal):
    seen = _one(word, code=code)
    assert (seen.state.name, seen.sub_state, seen.exit_status, seen.terminating_signal) == (
        state,
        sub_state,
        status,
        signal,
    )
    assert seen.oom == (word == "OUT_OF_MEMORY")
    assert (seen.started, seen.finished) == (1796029474.0, 1796029500.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [("51200", (0, 200)), ("11", (11, 0)), ("200:0", (0, 200)), ("0:11", (11, 0)), ("0", (0, 0)), ("", (0, 0))],
)
def test_exit_codes_of_all_versions(text, found):
    assert slurm_states.exit_code(text) == found


def test_a_dependency_that_failed_is_told():
    assert _one("CANCELLED", "DependencyNeverSatisfied").sub_state == "dependency"


def test_tasks_have_a_key_each():
    found = _look(_line(task="3", job="65_3"), _line("PENDING", "Priority", task="4", job="65_4", node=""))
    assert list(found) == [f"{NAME}/3", f"{NAME}/4"]
    assert found[f"{NAME}/3"].container_id == "65_3" and found[f"{NAME}/4"].nodes == ()


def test_what_is_not_ours_is_left_out_whatever_its_name():
    assert _look(_line(name="a|b"), _line(name="two\nlines"), "rubbish\n", _line(name="")) == {}
    assert _look(_line(name="x|proctracker-abc-1-1")) == {}
    listed = slurm_states.parse_listing(Completed(("squeue",), 0, _line(name="a|b")))
    assert listed["65"].name == "a|b" and listed["65"].labels == {"owner": "me", "slots": "2"}


def test_of_two_jobs_of_a_name_the_living_one_counts_else_the_first():
    ended, living = _line("FAILED", code=256, job="9"), _line(job="10")
    for lines in ([ended, living], [living, ended]):
        assert _look(*lines)[NAME].container_id == "10"
    assert _look(_line(job="10"), _line(job="9"))[NAME].container_id == "9"


def test_a_controller_that_does_not_answer():
    down = Completed(
        ("squeue",), 1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"
    )
    with pytest.raises(
        DrmCommunicationException, match=r"^squeue: Unable to contact slurm controller \(connect failure\)$"
    ):
        slurm_states.parse_look(down)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []), ("(null)", []), ("n1", ["n1"]), ("n1,n2", ["n1", "n2"]), ("n[1-3,7]", ["n1", "n2", "n3", "n7"]),
        ("n[08-10],login1", ["n08", "n09", "n10", "login1"]), ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
    ],
)  # fmt: skip
def test_names_of_nodes(text, names):
    assert list(slurm_states.nodes(text)) == names


RECORDED = os.path.join(os.path.dirname(__file__), "..", "..", "recorded", "slurm")
READ = {
    "done": ("DONE", None, 0, None, True),
    "left200": ("FAILED", None, 200, None, True),
    "signal11": ("FAILED", None, None, "SIGSEGV", True),
    "nofile": ("FAILED", "start-failed", 125, None, True),
    "held": ("QUEUED_HELD", "held", None, None, False),
    "begin": ("QUEUED", "pending:BeginTime", None, None, False),
    "failed": ("FAILED", None, 1, None, True),
    "never": ("QUEUED", "never:DependencyNeverSatisfied", None, None, False),
    "dependency": ("FAILED", "dependency", None, None, False),
    "toolong": ("QUEUED", "never:PartitionTimeLimit", None, None, False),
    "tasks/1": ("RUNNING", None, None, None, True),
    "tasks/2": ("QUEUED", "pending:JobArrayTaskLimit", None, None, False),
    "tasks/3": ("QUEUED", "pending:JobArrayTaskLimit", None, None, False),
    "running": ("RUNNING", None, None, None, True),
    "stopped": ("SUSPENDED", "stopped", None, None, True),
    "cancelled": ("FAILED", "cancelled", None, "SIGTERM", True),
    "caught": ("FAILED", "cancelled", 5, None, True),
    "early": ("FAILED", "cancelled", None, None, False),
    "again": ("REQUEUED", "requeued", None, None, False),
    "heldagain": ("REQUEUED_HELD", "held", None, None, False),
}
"""A job of scripts/record-slurm -> state, sub-state, code, signal, whether it has started."""


@pytest.mark.parametrize("version", sorted(os.listdir(RECORDED)))
def test_what_real_clusters_say(version):
    with open(os.path.join(RECORDED, version, "look.txt"), encoding="utf-8") as file:
        found = slurm_states.parse_look(Completed(("squeue",), 0, file.read()))
    read = {
        key.replace("proctracker-recorded-", "").replace("-1", "", 1): (
            seen.state.name, seen.sub_state, seen.exit_status, seen.terminating_signal, seen.started is not None
        )
        for key, seen in found.items()
    }  # fmt: skip
    assert read == READ


def test_every_state_is_one_of_ours():
    assert {JobState[word] for word in slurm_states.STATES.values()}
