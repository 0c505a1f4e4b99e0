"""Controls, ``reap`` and ``resubmit``."""

from __future__ import annotations

import os
import time

import pytest


def test_the_life_of_a_job(pt):
    pt("submit", "--hold", "sleep", "60")
    assert pt("release", "1") == (0, "", "")
    pt("wait", "--started", "1")
    assert pt("suspend", "1") == (0, "", "")
    assert pt("ps", "-q", "--state", "SUSPENDED").out == "1\n"
    assert pt("resume", "1") == (0, "", "")
    assert pt("terminate", "1") == (0, "", "")
    assert pt("wait", "1").code == 143


def test_a_job_in_another_state_is_told_of_and_the_others_are_reached(pt):
    pt("run", "true")
    pt("submit", "sleep", "60")
    found = pt("suspend", "1", "2", "77")
    assert found.code == 1
    assert "no job 77" in found.err
    assert "job 1 is DONE" in found.err
    assert pt("ps", "-q", "--state", "SUSPENDED").out == "2\n"


def test_tasks_that_do_not_fit_are_passed_over_if_one_fits(pt):
    pt("array", "1-3", "--max-parallel", "1", "--", "sleep", "60")
    assert pt("suspend", "1") == (0, "", "")
    assert pt("suspend", "1") == (1, "", "proctracker: error: array 1: none of its tasks is in a state for suspend\n")
    assert pt("suspend", "1_3").code == 1


def test_all_of_a_session_and_of_a_state(pt):
    pt("submit", "--hold", "true")
    pt("-s", "night", "submit", "--hold", "true")
    pt("submit", "sleep", "60")
    assert pt("terminate", "--all", "-s", "night").code == 0
    assert pt("ps", "-q").out == "1\n3\n"
    assert pt("terminate", "--all", "--state", "QUEUED_HELD").code == 0
    assert pt("ps", "-q").out == "3\n"


def test_terminate_takes_a_signal_and_a_grace(pt):
    pt("submit", "--", "sh", "-c", "trap 'exit 9' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done")
    while not pt("logs", "1").out:
        pass
    assert pt("terminate", "--signal", "usr1", "1").code == 0
    assert pt("wait", "1").code == 9
    pt("submit", "--", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    while not pt("logs", "2").out:
        pass
    began = time.monotonic()
    pt("terminate", "--grace", "0.1", "2")
    assert pt("wait", "2").code == 137
    assert time.monotonic() - began < 5
    assert pt("terminate", "--signal", "nosuch", "1").code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["suspend"],
        ["suspend", "--all", "1"],
        ["suspend", "--state", "RUNNING", "1"],
        ["reap"],
        ["reap", "--older-than", "1d", "1"],
        ["resubmit"],
    ],
)
def test_wrong_words(pt, words):
    assert pt(*words).code == 2


def test_reap_says_what_it_removed_and_touches_nothing_live(pt, home):
    pt("run", "echo", "x")
    pt("submit", "sleep", "60")
    assert pt("reap", "--finished", "--dry-run").err == "proctracker: would remove 1 job: 1\n"
    assert pt("reap", "--finished", "--older-than", "1h").err == "proctracker: no ended jobs\n"
    found = pt("reap", "1", "2")
    assert found.code == 1
    assert "removed 1 job: 1" in found.err
    assert "job 2" in found.err
    assert pt("ps", "-aq").out == "2\n"
    assert not os.path.exists(home.kept("1", 1, "out"))
    assert pt("reap", "--finished").err == "proctracker: no ended jobs\n"


def test_a_dry_run_says_what_reap_says(pt):
    pt("run", "true")
    pt("submit", "sleep", "60")
    pt("wait", "--started", "2")
    dry = pt("reap", "--dry-run", "1", "2")
    assert (dry.code, dry.err.splitlines()[0]) == (1, "proctracker: would remove 1 job: 1")
    alone, real = pt("reap", "--dry-run", "2"), pt("reap", "2")
    assert alone == real
    assert real.code == 1
    assert "job 2 is RUNNING" in real.err
    assert pt("reap", "1", "2").err.splitlines()[1] == dry.err.splitlines()[1]
    assert pt("reap", "--finished", "--dry-run") == (0, "", "proctracker: would remove nothing\n")


def test_resubmit_is_the_same_job_again(pt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pt("run", "-n", "mine", "-e", "X=1", "--", "sh", "-c", 'pwd; echo "$X"; exit 2')
    monkeypatch.chdir("/")
    assert pt("resubmit", "1").out == "2\n"
    assert pt("wait", "2").code == 2
    assert pt("logs", "2").out == f"{tmp_path}\n1\n"
    assert "resubmitted_from: 1\n" in pt("info", "2").out


def test_resubmit_takes_the_failed_tasks_of_an_array(pt):
    pt("array", "1-4", "--", "sh", "-c", "echo $TASK_ID; exit $((TASK_ID % 2))")
    pt("wait", "1")
    assert pt("resubmit", "--failed", "1").out == "2\n"
    pt("wait", "2")
    assert pt("logs", "2").out == "2_1: 1\n2_3: 3\n"


def test_resubmit_waits_for_the_end(pt):
    pt("submit", "sleep", "60")
    found = pt("resubmit", "1")
    assert (found.code, found.out) == (1, "")
    assert "has not ended" in found.err


def test_resubmit_says_in_one_line_that_the_callers_environment_is_another_one(pt, monkeypatch):
    pt("run", "true")
    assert pt("resubmit", "1").err == ""
    monkeypatch.setenv("ANOTHER", "one")
    found = pt("resubmit", "1")
    assert (found.code, found.out, len(found.err.splitlines())) == (0, "3\n", 1)
    assert found.err.startswith("proctracker: job 1: its caller's environment is not kept")


def test_resubmit_keeps_dependencies_among_the_jobs_named(pt, tmp_path):
    done = tmp_path / "done"
    pt("submit", "--", "sh", "-c", f"test -e {done}")
    pt("submit", "--after", "1", "--", "test", "-e", str(done))
    pt("submit", "--after-any", "2", "true")
    assert pt("wait", "--all").code == 1
    refused = pt("resubmit", "2")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        "proctracker: error: job 2 followed on 1, which is not submitted again with it:"
        " name that too, or say --after 1\n"
    )
    done.touch()
    assert pt("resubmit", "3", "2", "1").out == "6\n5\n4\n"
    assert pt("wait", "4", "5", "6").code == 0
    events = [line.split()[2:4] for line in pt("events").out.splitlines()]
    assert events.index(["4", "DONE"]) < events.index(["5", "RUNNING"])
    assert events.index(["5", "DONE"]) < events.index(["6", "RUNNING"])
    assert pt("resubmit", "--failed", "1", "2", "3").out == "7\n8\n"
    assert pt("wait", "8").code == 0
    assert pt("resubmit", "--after", "4", "2").out == "9\n"
    assert pt("wait", "9").code == 0
    assert pt("resubmit", "--after", "77", "2").err == (
        "proctracker: error: job 2: after: no job 77: `proctracker ps -a` lists those there are\n"
    )
    assert pt("resubmit", "--after", "", "2").code == 2


def test_what_follows_on_a_job_that_cannot_be_submitted_again_is_not_either(pt, tmp_path):
    (tmp_path / "in").touch()
    pt("submit", "-i", str(tmp_path / "in"), "false")
    pt("submit", "--after", "1", "true")
    pt("wait", "1", "2")
    (tmp_path / "in").unlink()
    found = pt("resubmit", "1", "2")
    assert (found.code, found.out, len(found.err.splitlines())) == (1, "", 2)
    assert "followed on 1" in found.err.splitlines()[1]
