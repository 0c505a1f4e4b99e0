"""``wait``."""

from __future__ import annotations

import contextlib
import os
import signal

import proctracker
from conftest import close
from proctracker.store import Reader


def test_one_job(pt):
    pt("submit", "sh", "-c", "exit 3")
    assert pt("wait", "1") == (3, "", "")


def test_it_says_why_as_run_does(pt):
    pt("submit", "nosuch-command")
    assert pt("wait", "1") == (127, "", "proctracker: job 1: nosuch-command: command not found\n")
    pt("submit", "--", "sh", "-c", "kill -9 $$")
    assert pt("wait", "2") == (137, "", "proctracker: job 2: ended by SIGKILL\n")
    pt("submit", "--time-limit", "0.1", "sleep", "60")
    assert pt("wait", "3").err == "proctracker: job 3: time-limit\n"
    assert pt("wait", "1", "2", "3").err.splitlines()[-1] == "3 of 3 failed: 1 2 3"
    pt("submit", "--", "sh", "-c", "exit 126")
    assert pt("wait", "4") == (126, "", "")


def test_several_jobs_name_those_that_failed(pt):
    pt("array", "1-3", "--", "sh", "-c", "exit $((TASK_ID - 1))")
    assert pt("wait", "1") == (1, "", "2 of 3 failed: 1_2 1_3\n")
    assert pt("wait", "1_1") == (0, "", "")
    assert pt("wait", "1_[2-3]").code == 1


def test_any_prints_the_one_that_ended(pt):
    pt("submit", "sleep", "60")
    pt("submit", "false")
    assert pt("wait", "--any", "1", "2") == (1, "2\n", "")
    assert pt("wait", "--any", "2", "1") == (1, "2\n", "")


def test_a_time_out(pt):
    pt("submit", "sleep", "60")
    assert pt("wait", "--timeout", "0.05", "1") == (124, "", "proctracker: the time-out of 0.05 s is over\n")
    assert pt("wait", "--timeout", "0", "1").code == 124
    assert pt("wait", "--timeout", "soon", "1").code == 125


def test_started(pt):
    pt("submit", "sleep", "60")
    pt("submit", "nosuch-command")
    pt("submit", "--hold", "true")
    assert pt("wait", "--started", "1").code == 0
    assert pt("wait", "--started", "2").code == 127
    assert pt("wait", "--started", "--timeout", "0.05", "3").code == 124


def test_all_tells_of_each_end_once(pt):
    pt("submit", "false")
    pt("submit", "true")
    assert pt("wait", "--all") == (1, "", "1 of 2 failed: 1\n")
    assert pt("wait", "--all") == (0, "", "")
    pt("submit", "sh", "-c", "exit 4")
    assert pt("wait", "--all").code == 4


def test_a_job_that_ends_while_all_are_looked_for_is_one_that_ended(pt, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "end")
    pt("submit", "--", "sh", "-c", f"read line <{tmp_path}/end; exit 4")
    pt("submit", "true")
    jobs = Reader.jobs

    def and_then_it_ends(self, *args, **terms):
        rows = jobs(self, *args, **terms)
        if terms.get("live"):
            assert [row.id for row in rows][:1] == ["1"]
            (tmp_path / "end").write_text("go\n")
            proctracker.job_session().get_job("1").wait_terminated(20)
        return rows

    monkeypatch.setattr(Reader, "jobs", and_then_it_ends)
    assert pt("wait", "--all") == (4, "", "1 of 2 failed: 1\n")


def test_all_leaves_out_what_was_told_before(pt, home):
    assert pt("run", "--", "sh", "-c", "exit 3").code == 3
    pt("submit", "false")
    assert pt("wait", "2").code == 1
    pt("submit", "false")
    assert pt("wait", "--any", "3").code == 1
    pt("array", "1-2", "false")
    assert pt("wait", "4_1").code == 1
    proctracker.run("false", session="default")
    assert pt("wait", "4_2", "--timeout", "20").code == 1
    assert pt("wait", "--all") == (0, "", "")


def test_looking_is_no_telling(pt):
    pt("submit", "sh", "-c", "sleep 0.2; exit 4")
    assert pt("wait", "--started", "1").code == 0
    assert pt("wait", "--timeout", "0", "1").code == 124
    proctracker.job_session().get_job("1").wait_started(20)
    while pt("ps", "-q").out:
        pass
    pt("info", "1")
    pt("logs", "1")
    assert pt("wait", "--all").code == 4
    assert pt("wait", "--all").code == 0


def test_what_was_told_stays_told_without_a_supervisor(pt, home):
    pt("submit", "false")
    while pt("ps", "-q").out:
        pass
    close(home)
    assert pt("wait", "1").code == 1
    assert pt("wait", "--all").code == 0


def test_all_does_not_wait_for_its_own_job(pt):
    assert pt("run", "--", "timeout", "20", "python3", "-m", "proctracker", "wait", "--all").code in (0, 1)


def test_interrupted_it_says_that_the_job_goes_on(begin, pt):
    pt("submit", "sleep", "60")
    process = begin("wait", "1", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    while not any(link.startswith("socket") for link in _links(process.pid)):
        pass
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "job 1 goes on\n")


def _links(pid: int) -> list[str]:
    """What a process has open."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return found


def test_an_unknown_id_is_told_before_anything_is_waited_for(pt):
    pt("submit", "sleep", "60")
    assert pt("wait", "1", "77") == (
        125,
        "",
        "proctracker: error: no job 77: `proctracker ps -a` lists those there are\n",
    )
