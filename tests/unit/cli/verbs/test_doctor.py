"""``doctor``."""

from __future__ import annotations

import json
import os

import pytest

from proctracker.cli.access import Access
from proctracker.cli.verbs import doctor
from proctracker.linux import cage, pidfd
from proctracker.store import Store


def test_it_looks_at_everything_and_starts_nothing(pt, home):
    found = json.loads(pt("doctor", "--json").out)
    assert {"proctracker", "state directory", "file system", "limits", "tracker process"} <= {
        each["name"] for each in found
    }
    assert all(each["grade"] in doctor._GRADES for each in found)
    assert not home.check()


@pytest.fixture
def few(monkeypatch):
    """Trackers that answer at once; ctr without its daemon takes its time."""
    monkeypatch.setattr(Access, "contacts", lambda access: ["process", "nerdctl"])


def test_it_fails_if_the_default_tracker_cannot_work(pt, few):
    assert pt("doctor").code == 0
    assert pt("-c", "nerdctl", "doctor").code == 1 or os.path.exists("/usr/local/bin/nerdctl")


def test_trackers_of_the_configuration_are_looked_at(pt, tmp_path, monkeypatch):
    path = tmp_path / "c.json"
    trackers = {"mine": {"runtime": "process"}, "wrong": {"runtime": "podmn"}}
    path.write_text(json.dumps({"default_contact": "wrong", "trackers": trackers}), encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(path))
    monkeypatch.setattr(Access, "contacts", lambda access: ["mine", "wrong"])
    found = pt("doctor", "--json")
    assert found.code == 1
    mine, wrong = json.loads(found.out)[-2:]
    assert (mine["name"], mine["grade"], wrong["grade"]) == ("tracker mine", "ok", "fails")
    assert wrong["text"].startswith("trackers: wrong: no runtime 'podmn' (did you mean podman?)")


def test_a_default_contact_with_an_address_is_looked_at(pt, few):
    found = pt("-c", "docker:unix:///nowhere.sock", "doctor")
    assert found.code == 1
    assert "tracker docker:unix:///nowhere.sock" in found.out


def test_a_state_directory_others_can_write_to_is_a_fault(pt, home, few):
    pt("run", "true")
    os.chmod(home.path, 0o777)
    found = pt("doctor")
    os.chmod(home.path, 0o700)
    assert found.code == 1
    assert "fails    state directory" in found.out


def test_a_store_that_cannot_be_read_is_a_fault(pt, home, few):
    home.prepare()
    with open(home.database, "wb") as file:
        file.write(b"no database" * 1000)
    found = pt("doctor")
    assert found.code == 1
    assert f"fails    state directory   {home.database}: file is not a database: move it away" in found.out


@pytest.mark.parametrize(("length", "grade"), [(50, "ok"), (51, "warn")])
def test_a_runroot_too_long_for_podmans_clean_up(pt, tmp_path, monkeypatch, length, grade):
    program = tmp_path / "podman"
    program.write_text(f"#!/bin/sh\ncase $3 in *RunRoot*) echo /{'r' * (length - 1)};; *) echo 4.3.1;; esac\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Access, "contacts", lambda access: ["podman"])
    (found,) = [each for each in json.loads(pt("doctor", "--json").out) if each["name"] == "tracker podman"]
    assert found["grade"] == grade
    assert ("20 s late" in found["text"]) == (grade == "warn")


def test_a_cage_is_named(pt, few, monkeypatch):
    monkeypatch.setattr(cage, "describe", lambda: {"NoNewPrivs": "1", "Seccomp": "2", cage.ROOT: "1:2"})
    assert "NoNewPrivs, Seccomp unlike an ordinary login's" in pt("doctor").out


@pytest.mark.parametrize("told", [True, False])
def test_it_says_which_deaths_lose_exit_codes(pt, few, monkeypatch, told):
    monkeypatch.setattr(pidfd, "tells", lambda: told)
    [text] = [each["text"] for each in json.loads(pt("doctor", "--json").out) if each["name"] == "exit codes"]
    assert ("also one after the other" in text, "outlive both" in text) == (told, not told)


def test_a_home_that_is_not_there_yet_is_no_fault(pt, few, tmp_path, monkeypatch):
    monkeypatch.setenv("PROCTRACKER_HOME", str(tmp_path / "not" / "yet"))
    found = {each["name"]: each for each in json.loads(pt("doctor", "--json").out)}
    assert found["supervisor"]["text"] == "not running; the next job starts it"
    assert found["state directory"]["text"].endswith("will be made")
    assert not [each for each in found.values() if each["grade"] == "fails" and not each["name"].startswith("tracker")]
    assert os.listdir(tmp_path) == []


def test_a_store_that_was_cut_off_is_a_fault(pt, home, few):
    Store(home).close()
    os.truncate(home.database, 50)
    for words in (["doctor"], ["ps"], ["ps", "-a"], ["info", "1"], ["run", "true"]):
        found = pt(*words)
        assert found.code in (1, 125)
        assert f"{home.database}: cut off, 50 bytes are left: move it away" in found.out + found.err


@pytest.mark.parametrize("place", ["/nonexistent/out", "{home}"])
def test_the_configuration_is_looked_at(pt, home, few, tmp_path, monkeypatch, place):
    path = tmp_path / "c.yaml"
    path.write_text(f"output_dir: {place.format(home=tmp_path)}\n", encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(path))
    found = pt("doctor")
    assert found.code == (1 if "nonexistent" in place else 0)
    told = "output_dir: /nonexistent: No such file" if found.code else str(path)
    assert told in next(line for line in found.out.splitlines() if "configuration" in line)
