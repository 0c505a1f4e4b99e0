"""``session``."""

from __future__ import annotations

import json


def test_create_list_set_destroy(pt):
    assert pt("session", "create", "night", "--max-running", "2") == (0, "", "")
    assert pt("session", "create", "night").code == 1
    assert pt("session", "set", "night", "max_running=5").code == 0
    (found,) = json.loads(pt("session", "list", "--json").out)
    assert list(found) == ["session_name", "contact", "max_running", "live", "ended", "created"]
    assert (found["session_name"], found["contact"], found["max_running"]) == ("night", "process", 5)
    assert pt("session").out.splitlines()[1].split()[:3] == ["night", "process", "5"]
    assert pt("session", "destroy", "night") == (0, "", "proctracker: session night: removed nothing\n")
    assert "no session 'night'" in pt("session", "destroy", "night").err


def test_destroy_refuses_while_jobs_live_unless_told(pt):
    pt("-s", "night", "submit", "sleep", "60")
    assert pt("session", "destroy", "night").code == 1
    assert pt("session", "destroy", "night", "--terminate", "--leave").code == 2
    assert pt("session", "destroy", "night", "--terminate").err == "proctracker: session night: removed 1 job: 1\n"
    assert pt("ps", "-aq").out == ""


def test_max_running_holds_jobs_back(pt):
    pt("session", "create", "one", "--max-running", "1")
    for _ in range(2):
        pt("-s", "one", "submit", "sleep", "60")
    pt("wait", "--started", "1")
    assert pt("ps", "-q", "--state", "QUEUED").out == "2\n"
    pt("session", "set", "one", "max_running=2")
    assert pt("wait", "--started", "2").code == 0


def test_start_says_how_many_go_on(pt):
    assert pt("session", "start") == (0, "", "proctracker: 0 queued jobs go on\n")


def test_wrong_words(pt):
    for words in (
        ["create"],
        ["create", "a", "b"],
        ["set", "x"],
        ["set", "x", "y=1"],
        ["set", "x", "max_running=-1"],
        ["lst"],
    ):
        assert pt("session", *words).code == 2
