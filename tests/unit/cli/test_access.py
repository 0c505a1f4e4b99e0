"""What commands share: which jobs are meant, whose they are."""

from __future__ import annotations

import os
import shutil

import pytest

from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS
from proctracker.errors import InvalidArgumentException
from proctracker.records import replace
from proctracker.store import Home
from proctracker.tracker import schedulers


@pytest.fixture
def made(pt):
    pt("submit", "--hold", "true")
    pt("array", "1-3", "--hold", "--", "true")
    return Access(Call(COMMANDS["wait"], {}, []))


def ids(rows):
    return [row.id for row in rows]


def test_words_are_ids_arrays_and_ranges_each_once(made):
    assert ids(made.named(["1", "2"])) == ["1", "2_1", "2_2", "2_3"]
    assert ids(made.named(["2_3", "2_[1-2]", "2_1"])) == ["2_3", "2_1", "2_2"]


def test_what_is_unknown_is_told_of_or_raised(made, capfd):
    assert ids(made.named(["77", "1", "x"])) == ["1"]
    assert made.failed
    assert capfd.readouterr().err.count("proctracker: error: no job") == 2
    with pytest.raises(InvalidArgumentException, match="no job 77"):
        made.named(["1", "77"], strict=True)
    with pytest.raises(InvalidArgumentException, match="no job 2_9"):
        made.named(["2_9"])


def test_a_job_of_another_host_is_read_and_not_touched(pt, home, monkeypatch):
    pt("submit", "--hold", "true")
    here = home.here
    other = Home(home.path, "login1")
    pt("terminate", "1")
    shutil.copytree(here, other.here, ignore=shutil.ignore_patterns("run", "*.log"))
    pt("reap", "1")
    told = "proctracker: error: job 1 is on login1: ssh login1 proctracker wait 1\n"
    assert pt("wait", "1") == (125, "", told)
    assert pt("terminate", "1").code == 1
    assert pt("info", "1").code == 0
    assert pt("ps", "-aq").out == ""
    assert pt("ps", "-aq", "--all-hosts").out == "1\n"
    assert os.path.exists(other.database)


def test_a_scheduler_is_asked_once_for_a_command(made, monkeypatch):
    """``ps`` lists live jobs, and tells of each what is seen: an answer may take seconds."""
    asked = []
    monkeypatch.setattr(schedulers, "refreshed", lambda rows, *more: asked.append(ids(rows)) or list(rows))
    rows = [replace(row, container="proctracker-x-1-1") for row in made.named(["1", "2_1"])]
    assert made.refreshed(made.refreshed(rows)) == rows
    made.refreshed([replace(row, container="y") for row in made.named(["2_2"])])
    assert asked == [["1", "2_1"], ["2_2"]]


def test_the_own_job_is_known_by_its_mark(made, home, monkeypatch):
    monkeypatch.setenv("PROCTRACKER_JOB", f"{home.uuid}/2_1/1")
    assert made.own_job() == "2_1"
    monkeypatch.setenv("PROCTRACKER_JOB", "another-home/2_1/1")
    assert made.own_job() is None
