"""Which jobs a word means."""

from __future__ import annotations

import pytest

from proctracker.cli import names
from proctracker.errors import InvalidArgumentException


def test_ids_in_a_line():
    assert names.listed(["1", "2"]) == "1 2"
    assert names.listed(["1", "2", "3"], 2) == "1 2 and 1 more"


def test_ids_of_a_word():
    for word in ("42", "43_1", "render", "a_[1-2]", "43_[1", ""):
        assert list(names.ids(word)) == [word]
    assert list(names.ids("43_[1-2,9]")) == ["43_1", "43_2", "43_9"]
    with pytest.raises(InvalidArgumentException):
        list(names.ids("43_[x]"))


def test_a_name_is_taken_where_an_id_is(pt):
    pt("submit", "-n", "render", "--", "sh", "-c", "echo picture; exit 3")
    assert pt("wait", "render").code == 3
    assert pt("logs", "render").out == "picture\n"
    assert "job_id: 1\n" in pt("info", "render").out
    assert pt("resubmit", "render").out == "2\n"
    assert pt("wait", "2").code == 3
    assert pt("reap", "2").code == 0
    pt("submit", "-n", "last", "--after-any", "render", "true")
    assert pt("wait", "last").code == 0
    pt("submit", "-n", "held", "--hold", "true")
    assert [pt(command, "held").code for command in ("release", "wait", "reap")] == [0, 0, 0]
    assert pt("info", "held").err == "proctracker: error: no job held: `proctracker ps -a` lists those there are\n"


def test_an_arrays_name_means_its_tasks(pt):
    pt("array", "1-2", "-n", "many", "--", "sh", "-c", "echo $TASK_ID")
    assert pt("wait", "many").code == 0
    assert pt("logs", "many").out == "1_1: 1\n1_2: 2\n"
    pt("submit", "--after", "many", "true")
    assert pt("wait", "2").code == 0


def test_of_several_of_a_name_there_is_a_list(pt):
    for session in ("default", "default", "night"):
        pt("-s", session, "submit", "-n", "twin", "true")
    pt("wait", "--all")
    found = pt("logs", "twin")
    assert (found.code, found.out, found.err) == (1, "", "proctracker: error: 3 jobs are called 'twin': 1 2 3\n")
    assert pt("wait", "twin").code == 125
    assert pt("submit", "--after", "twin", "true").err == found.err
    assert pt("-s", "night", "wait", "twin").code == 0


def test_an_id_wins_over_a_name(pt):
    pt("submit", "-n", "2", "false")
    pt("submit", "true")
    assert pt("wait", "2").code == 0
