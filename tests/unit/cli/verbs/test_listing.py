"""``ps`` and ``info``."""

from __future__ import annotations

import json

import pytest

import proctracker
from proctracker.cli import formats
from proctracker.cli.options import UsageError
from proctracker.cli.verbs import listing
from proctracker.model import JobInfo, JobRow, JobState

KEYS = (
    "job_id job_name exit_status terminating_signal annotation job_state job_sub_state allocated_machines"
    " submission_machine job_owner slots queue_name wallclock_time cpu_time submission_time dispatch_time finish_time"
    " session_name contact runtime job_category command pid container_id scheduler_id max_rss max_rss_at_most array_id task_id host"
    " working_directory input_path output_path error_path attempt resubmitted_from"
).split()


def test_json_has_every_key_and_is_ascii(pt):
    pt("submit", "-n", 'a\n"ü', "--", "echo", "\udcff\udcfe", "x y")
    pt("wait", "1")
    out = pt("ps", "-a", "--json").out
    assert out.isascii()
    (found,) = json.loads(out)
    assert list(found) == KEYS
    assert found["job_name"] == 'a\n"ü'
    assert found["command"] == ["echo", "\udcff\udcfe", "x y"]
    assert found["job_state"] == "DONE"
    assert found["exit_status"] == 0
    assert found["finish_time"].endswith("Z")
    assert json.loads(pt("info", "1", "--json").out) == [found]


def test_info_is_a_line_for_each_thing_that_is_set(pt):
    pt("submit", "-n", "two\nlines", "true")
    pt("wait", "1")
    lines = pt("info", "1").out.splitlines()
    assert "job_name: two\\nlines" in lines
    assert "exit_status: 0" in lines
    assert all(line.split(":")[0] in KEYS for line in lines)
    assert not any(line.startswith("annotation") for line in lines)


def test_of_several_the_unknown_is_told_and_the_others_are_shown(pt):
    pt("submit", "true")
    found = pt("info", "77", "1")
    assert found.code == 1
    assert found.out.startswith("job_id: 1\n")
    assert "no job 77" in found.err


def test_ps_lists_the_live_and_with_a_the_ended(pt):
    pt("submit", "true")
    pt("wait", "1")
    pt("submit", "--hold", "true")
    assert pt("ps", "-q").out == "2\n"
    assert pt("ps", "-aq").out == "1\n2\n"
    assert pt("ps", "-q", "--state", "done").out == "1\n"
    assert pt("ps", "-q", "--state", "QUEUED_HELD,RUNNING").out == "2\n"


def test_ps_narrows_by_session(pt):
    pt("submit", "--hold", "true")
    pt("-s", "night", "submit", "--hold", "true")
    assert [line.split()[:2] for line in pt("ps").out.splitlines()] == [
        ["ID", "SESSION"],
        ["1", "default"],
        ["2", "night"],
    ]
    assert [line.split()[:2] for line in pt("ps", "-s", "night").out.splitlines()] == [["ID", "NAME"], ["2", "-"]]


def test_queued_tasks_are_one_line(pt):
    pt("array", "1-500", "--hold", "--", "true")
    assert [line.split()[0] for line in pt("ps").out.splitlines()] == ["ID", "1_[1-500]"]


def test_nothing_there_is_no_error_and_starts_nothing(pt, home):
    assert pt("ps").out.split() == ["ID", "SESSION", *listing._HEAD[1:]]
    assert pt("ps", "--json").out == "[]\n"
    assert not home.check()


def test_states_are_read_in_any_case():
    assert listing.read_states("running,queued-held") == [3, 2]
    assert listing.read_states(None) is None
    with pytest.raises(UsageError, match=r"did you mean DONE\?"):
        listing.read_states("DOEN")


def test_how_a_job_ended():
    def row(**values):
        return JobRow("1", 1, **values)

    assert listing.how(row()) == "-"
    assert listing.how(row(finished=1.0, exit_status=3)) == "3"
    assert listing.how(row(finished=1.0, signal="SIGKILL")) == "SIGKILL"
    assert listing.how(row(finished=1.0, sub_state="lost")) == "lost"


def test_folding_stops_where_something_differs():
    rows = [JobRow(f"4_{n}", 4, n, state=int(JobState.QUEUED)) for n in (1, 2, 3)]
    rows[0].state = int(JobState.RUNNING)
    rows.append(JobRow("5_1", 5, 1))
    assert [shown for shown, _ in listing._folded(rows)] == ["4_1", "4_[2-3]", "5_1"]


def test_a_record_leaves_captured_output_out():
    assert list(listing.record(JobInfo())) == KEYS


def test_queued_jobs_say_why(pt, monkeypatch):
    pt("submit", "--hold", "true")
    pt("submit", "--after", "1", "true")
    pt("submit", "--start", "+1h", "true")
    pt("session", "create", "narrow", "--max-running", "1")
    pt("-s", "narrow", "array", "1-3", "sleep", "60")
    pt("wait", "--started", "4_1")
    infos = {each["job_id"]: each for each in json.loads(pt("ps", "--json").out)}
    words = {name: each["job_sub_state"] for name, each in infos.items()}
    assert words == {
        "1": "held",
        "2": "dependency",
        "3": "start-time",
        "4_1": None,
        "4_2": "max-running",
        "4_3": "max-running",
    }
    assert infos["2"]["annotation"] == "it starts after 1"
    assert "annotation: it starts after 1\n" in pt("info", "2").out
    table = pt("ps").out.splitlines()
    assert table[0].endswith("EXIT  REASON")
    assert table[2].endswith("it starts after 1")
    assert table[5].startswith("4_[2-3]")
    assert table[5].endswith("session narrow runs 1 of 1 at once (max_running)")
    monkeypatch.setattr(formats, "terminal_width", lambda: 80)
    assert "REASON" not in pt("ps").out
    monkeypatch.setattr(formats, "terminal_width", lambda: 120)
    assert all(len(line) <= 120 for line in pt("ps").out.splitlines())
    assert "REASON" in pt("ps").out
    assert proctracker.job_session().get_job("2").get_info().job_sub_state == "dependency"
    assert [job.id for job in proctracker.job_session().get_jobs({"job_sub_state": "held"})] == ["1"]
    pt("terminate", "--all")
    pt("wait", "--all")
    assert "REASON" not in pt("ps").out


def test_by_name_and_in_another_order(pt):
    pt("run", "-n", "b", "--", "sh", "-c", "exit 5")
    pt("run", "-n", "a", "true")
    pt("submit", "-n", "b", "--hold", "true")
    assert pt("ps", "-a", "-q", "-n", "b").out == "1\n3\n"
    assert [each["job_id"] for each in json.loads(pt("ps", "--json", "-n", "b").out)] == ["3"]
    for key, order in (
        *(("id", "123"), ("-id", "321"), ("name", "213"), ("state", "321"), ("start", "123"), ("exit", "213")),
        *(("-exit", "312"), ("session", "123"), ("contact", "123")),
    ):
        assert pt("ps", "-a", "-q", f"--sort={key}").out.split() == list(order), key
    assert pt("ps", "-a", "--sort", "-id").out.splitlines()[1].startswith("3 ")
    assert sorted(pt("ps", "-a", "-q", "--sort", "wall").out.split()) == ["1", "2", "3"]
    assert pt("ps", "--sort", "nmae").err == (
        "proctracker: error: --sort: no key 'nmae' (did you mean name?): id name state session contact start wall exit\n"
    )


def test_an_array_begins_with_a_summary(pt):
    pt("array", "1-4", "-n", "many", "--", "sh", "-c", "exit $((TASK_ID == 3))")
    pt("wait", "1")
    for word in ("1", "many"):
        found = pt("info", word).out
        assert found.startswith("array_id: 1\njob_name: many\ntasks: 4, 3 DONE, 1 FAILED\n\njob_id: 1_1\n")
        assert found.count("tasks: ") == 1
    assert pt("info", "1_2").out.startswith("job_id: 1_2\n")
    assert len(json.loads(pt("info", "1", "--json").out)) == 4
