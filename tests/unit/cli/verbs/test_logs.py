"""``logs``."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def written(pt):
    pt("submit", "--", "sh", "-c", "echo a; echo b; echo e >&2")
    pt("wait", "1")
    return pt


def test_both_streams_or_one(written):
    assert written("logs", "1") == (0, "a\nb\ne\n", "")
    assert written("logs", "--stdout", "1") == (0, "a\nb\n", "")
    assert written("logs", "--stderr", "1") == (0, "e\n", "")


def test_last_lines(written):
    assert written("logs", "--tail", "1", "1") == written("logs", "--lines=1", "1")
    assert written("logs", "-n", "1", "1") == (0, "e\n", "")
    assert written("logs", "-n", "2", "1") == written("logs", "-f", "-n", "2", "1") == (0, "b\ne\n", "")
    assert written("logs", "-n", "1", "--stdout", "1") == (0, "b\n", "")
    assert written("logs", "-n", "9", "1") == (0, "a\nb\ne\n", "")
    assert written("logs", "-n", "0", "1") == (0, "", "")


def test_lines_in_files_have_no_times(written):
    for words in (["--since", "10m"], ["-t"], ["-f", "--since", "2026-01-31T18:00"]):
        found = written("logs", *words, "1")
        assert (found.code, found.out) == (1, "")
        assert "its output is in files, which hold no times of lines" in found.err
    assert written("logs", "--since", "soon", "1").code == 2


def test_a_line_without_an_end_does_not_run_into_the_other_streams(pt):
    pt("run", "--", "sh", "-c", "printf o; printf e >&2")
    assert pt("logs", "1").out == "o\ne"


def test_of_several_each_line_begins_with_the_id(written):
    written("run", "false")
    written("run", "--", "sh", "-c", "printf x; exit 1")
    assert written("logs", "1", "3").out == "1: a\n1: b\n1: e\n3: x\n"
    assert written("logs", "--failed", "1", "2", "3").out == "3: x\n"


def test_files_of_the_job_count_and_missing_ones_are_told_of(pt, tmp_path):
    path = tmp_path / "o"
    pt("run", "-o", str(path), "--join", "--", "sh", "-c", "echo a; echo e >&2")
    assert pt("logs", "1") == (0, "a\ne\n", "")
    path.unlink()
    assert pt("logs", "1") == (1, "", f"proctracker: error: job 1: {path} is no longer there\n")


def test_a_job_that_never_started_says_why(pt):
    pt("run", "nosuch-command")
    assert pt("logs", "1") == (0, "", "proctracker: job 1: nosuch-command: command not found\n")


def test_following_waits_for_the_start_and_ends_with_the_job(pt, begin, tmp_path):
    os.mkfifo(tmp_path / "go")
    pt("submit", "--hold", "--", "sh", "-c", f"echo a; cat {tmp_path}/go; echo b; exit 3")
    process = begin("logs", "-f", "1")
    pt("release", "1")
    assert process.stdout.readline() == "a\n"
    (tmp_path / "go").write_text("", encoding="utf-8")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "b\n", "")


def test_following_several(pt, begin):
    pt("array", "1-3", "--max-parallel", "1", "--", "sh", "-c", "echo $TASK_ID")
    out, _ = begin("logs", "-f", "1").communicate(timeout=20)
    assert sorted(out.splitlines()) == ["1_1: 1", "1_2: 2", "1_3: 3"]


def test_following_what_has_ended_shows_it(written):
    assert written("logs", "-f", "1") == (0, "a\nb\ne\n", "")


TWICE = ["--retries", "2", "--retry-delay", "60", "--", "sh", "-c", "echo try $PROCTRACKER_ATTEMPT; exit 3"]


@pytest.fixture
def failed_once(pt):
    """A job whose first attempt has failed, and which waits to be tried again."""
    pt("submit", *TWICE)
    while "REQUEUED" not in pt("ps").out:
        pass
    return pt


def test_a_job_that_waits_to_be_tried_again(failed_once):
    assert failed_once("logs", "1") == (0, "try 1\n", "")
    assert failed_once("logs", "--attempt", "all", "1") == (0, "try 1\n", "")
    assert failed_once("logs", "--attempt", "2", "1") == (
        *(1, "", "proctracker: error: job 1 has no attempt 2: it has had 1\n"),
    )
    assert "annotation: attempt 1: exit status 3\n" in failed_once("info", "1").out
    failed_once("terminate", "1")
    assert failed_once("wait", "1").code > 0
    assert failed_once("logs", "1").out == "try 1\n"


def test_following_a_job_that_waits_to_be_tried_again_begins_with_what_there_is(failed_once, begin):
    process = begin("logs", "-f", "1")
    assert process.stdout.readline() == "try 1\n"
    failed_once("terminate", "1")
    assert process.communicate(timeout=20) == ("", "")


def test_earlier_attempts(pt, tmp_path):
    pt("run", *(word if word != "60" else "0" for word in TWICE))
    assert pt("logs", "1").out == "try 3\n"
    assert pt("logs", "--attempt", "2", "1").out == "try 2\n"
    assert pt("logs", "--attempt", "all", "1") == (
        *(0, "try 1\ntry 2\ntry 3\n", "job 1, attempt 1:\njob 1, attempt 2:\njob 1, attempt 3:\n"),
    )
    assert pt("logs", "-f", "--attempt", "all", "1").out == "try 1\ntry 2\ntry 3\n"
    for words in (["--attempt", "0"], ["--attempt", "x"], ["-f", "--attempt", "1"]):
        assert pt("logs", *words, "1").code == 2
    pt(
        "run",
        "-o",
        str(tmp_path / "o"),
        "--retries",
        "1",
        "--",
        "sh",
        "-c",
        "echo $PROCTRACKER_ATTEMPT; echo e >&2; exit 3",
    )
    assert pt("logs", "--attempt", "all", "2").out == "1\n2\ne\ne\n"
    assert pt("logs", "--attempt", "1", "2").out == "1\n2\ne\n"
    assert "annotation" not in pt("info", "2").out


def test_a_next_attempt_that_does_not_start_is_told_of_after_the_one_that_ran(pt, tmp_path):
    script = tmp_path / "once"
    script.write_text("#!/bin/sh\necho ran\nrm $0\nexit 3\n", encoding="utf-8")
    script.chmod(0o755)
    pt("run", "--retries", "1", str(script))
    found = pt("logs", "1")
    assert found.out == "ran\n"
    assert "no such file" in found.err
