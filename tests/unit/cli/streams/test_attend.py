"""Signals to ``run``, and readers that leave."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

LONG = ["run", "--", "sh", "-c", "echo started; exec sleep 60"]
DEAF = ["run", "--", "sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.1; done"]


def started(process: subprocess.Popen[str]) -> None:
    assert process.stdout.readline() == "started\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_ends_the_job(begin, pt, number):
    process = begin(*LONG)
    started(process)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (143, "proctracker: job 1: terminated\n")
    assert pt("ps", "-q").out == ""


def test_a_second_one_leaves_it(begin, pt):
    process = begin(*DEAF)
    started(process)
    process.send_signal(signal.SIGINT)
    until = time.monotonic() + 20
    while "terminating" not in pt("info", "1").out:  # sent sooner, the kernel may make one of both
        assert time.monotonic() < until, "the first signal was not taken"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "job 1 goes on\n")


def test_a_hangup_leaves_it(begin, pt):
    process = begin(*LONG)
    started(process)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (129, "job 1 goes on\n")
    assert pt("ps", "-q").out == "1\n"


def test_under_nohup_a_hangup_is_nothing(begin):
    process = begin(*LONG, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    started(process)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143


def test_a_closed_stdout_ends_the_job(begin):
    process = begin("run", "--", "sh", "-c", "while :; do echo y; sleep 0.05; done")
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    assert process.wait(timeout=20) == 143


def test_killed_it_leaves_the_job_and_its_code_is_kept(begin, pt, tmp_path):
    os.mkfifo(tmp_path / "go")
    process = begin("run", "--", "sh", "-c", f"echo started; cat {tmp_path}/go; exit 7")
    started(process)
    process.kill()
    process.wait()
    (tmp_path / "go").write_text("", encoding="utf-8")
    assert pt("wait", "1").code == 7


def test_where_the_output_cannot_be_shown_the_job_is_left(begin, pt):
    with open("/dev/full", "wb") as full:
        process = begin(*LONG, stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 125
    assert err == "job 1 goes on\nproctracker: error: standard output: No space left on device\n"
    assert pt("ps", "-q").out == "1\n"


@pytest.mark.parametrize("append", [[], ["--append"]])
@pytest.mark.parametrize("name", ["F", "link"])
def test_a_file_is_not_copied_into_itself(begin, tmp_path, append, name):
    path = tmp_path / "F"
    path.touch()
    (tmp_path / "link").symlink_to("F")
    with path.open("ab") as file:
        process = begin("run", "-o", str(tmp_path / name), *append, "--", "echo", "hi", stdout=file)
        assert process.wait(timeout=20) == 0
    assert path.read_text() == "hi\n"


def test_two_files_are_not_copied_into_each_other(begin, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    with one.open("ab") as out, other.open("ab") as err:
        words = ["-o", str(other), "--error", str(one), "--", "sh", "-c", "echo out; echo err >&2"]
        process = begin("run", *words, stdout=out, stderr=err)
        assert process.wait(timeout=20) == 0
    assert (one.read_text(), other.read_text()) == ("err\n", "out\n")


@pytest.mark.parametrize("words", [["logs"], ["logs", "-f"], ["logs", "-n", "5"]])
def test_logs_of_a_file_into_itself(begin, pt, tmp_path, words):
    path = tmp_path / "F"
    assert pt("run", "-o", str(path), "--", "echo", "hi").code == 0
    with path.open("ab") as file:
        process = begin(*words, "1", stdout=file)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, path.read_text()) == (0, "hi\n")
    assert f"{path} is where this goes: it is not copied into itself" in err


def test_term_ends_it_though_nobody_reads(begin, pt):
    process = begin("run", "--", "sh", "-c", "echo started; exec yes")
    started(process)  # and no more is read
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143
    assert pt("ps", "-q").out == ""


def test_term_ends_it_in_the_middle_of_output_without_end(begin, pt, tmp_path):
    path = tmp_path / "out"
    with open(os.devnull, "wb") as null:
        process = begin("run", "-o", str(path), "--", "sh", "-c", "ulimit -f 2000000; exec yes", stdout=null)
        until = time.monotonic() + 20
        while not path.exists() or path.stat().st_size < 1 << 24:
            assert time.monotonic() < until
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 143
    assert pt("ps", "-q").out == ""


@pytest.mark.parametrize("name", ["F", "$DRMAA2_WORKING_DIR$/F", "$DRMAA2_HOME_DIR$/F", "%%F"])
def test_what_an_appended_file_held_is_not_shown(pt, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / name.replace("%%", "%").rpartition("/")[2]).write_text("old\n", encoding="utf-8")
    assert pt("run", "--append", "-o", name, "--", "echo", "new") == (0, "new\n", "")
