"""The program that runs a job on a node, run for real."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import proctracker.node
from proctracker.model import JobState
from proctracker.runtimes.slurm_records import parse_record

PROGRAM = proctracker.node.__file__


class Run:
    def __init__(self, folder):
        self.record = folder / "records" / "proctracker-x-1-1.0"
        self.record.parent.mkdir()
        self.output, self.error = folder / "out", folder / "err"
        self.folder, self.program = folder, PROGRAM

    def argv(self, *command, **words):
        words = {"record": self.record, "output": self.output, "error": self.error, "directory": self.folder, **words}
        return [
            sys.executable, "-I", "-S", self.program,
            *(f"{name}={value}" for name, value in words.items() if value is not None), "--", *command,
        ]  # fmt: skip

    def start(self, *command, environ=None, **words):
        return subprocess.Popen(
            self.argv(*command, **words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": os.environ["PATH"], **(environ or {})}, start_new_session=True,
        )  # fmt: skip

    def __call__(self, *command, **more):
        process = self.start(*command, **more)
        said, _ = process.communicate(timeout=60)
        assert said == b""
        return process.returncode

    @property
    def told(self):
        return parse_record(self.record.read_text())


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_code_streams_usage_and_times_are_told(run):
    before = time.time()
    assert run("sh", "-c", "echo out; echo err >&2; exit 200") == 200
    told = run.told
    assert (told.state, told.exit_status, told.terminating_signal) == (JobState.FAILED, 200, None)
    assert before <= told.started <= told.finished <= time.time()
    assert told.cpu_time > 0 and 0 < told.max_rss <= int(told.labels["rss_floor"]) < 40_000 and told.nodes
    assert (run.output.read_text(), run.error.read_text()) == ("out\n", "err\n")


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_by_the_jobs_own_signal(run, number):
    assert run("sh", "-c", f"kill -{int(number)} $$") == -number
    assert run.told.terminating_signal == number.name and run.told.exit_status is None


def test_what_all_processes_get_is_the_jobs_and_is_noted(run):
    process = run.start("sh", "-c", 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done')
    _until(lambda: run.output.exists() and run.output.read_text() and run.record.exists())
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, number)
    assert run.told.state == JobState.RUNNING and process.poll() is None
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(30) == 7 and run.told.exit_status == 7
    assert run.told.labels["told"] == "SIGHUP"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 0)])
def test_what_was_told_to_end_did_not_end_well_for_the_scheduler(run, number, status):
    name = number.name[3:]
    process = run.start("sh", "-c", f'trap "exit 0" {name}; echo ready; while :; do sleep 0.05; done')
    _until(lambda: run.output.exists() and run.output.read_text() and run.record.exists())
    os.killpg(process.pid, number)
    assert (process.wait(30), run.told.exit_status, run.told.state) == (status, 0, JobState.DONE)


def test_a_job_has_default_signals_and_only_three_descriptors(run):
    code = (
        "import os, signal; print([n for n in range(1, 32) if n not in (9, 19) and signal.getsignal(n) == signal.SIG_IGN],"
        " sorted(os.listdir('/proc/self/fd'))[:3], len(os.listdir('/proc/self/fd')), os.getpgid(0) == os.getppid())"
    )
    assert run(sys.executable, "-c", code) == 0
    assert run.output.read_text() == "[13, 25] ['0', '1', '2'] 4 True\n"  # Python's own


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        (["/nowhere/to/be"], 127, "/nowhere/to/be: no such file"),
        (["no-such-command"], 127, "no-such-command: command not found"),
        (["echo hi"], 127, "echo hi: command not found (it holds shell characters: try sh -c '…')"),
        (["/etc"], 126, "/etc: is a directory"),
        (["/etc/passwd"], 126, "/etc/passwd: not executable (chmod +x it, or name its interpreter)"),
    ],
)
def test_commands_that_cannot_be_run(run, command, status, reason):
    assert run(*command, environ={"PATH": "/usr/bin:/bin"}) == status
    assert (run.told.state, run.told.exit_status, run.told.annotation) == (JobState.FAILED, status, reason)
    assert run.told.sub_state is None


@pytest.mark.parametrize("stream", ["input", "output", "error", "directory"])
def test_what_cannot_be_opened_is_named(run, stream):
    assert run("true", **{stream: "/no/where"}) == 125
    assert (run.told.sub_state, run.told.exit_status) == ("start-failed", 125)
    assert "/no/where: No such file or directory" in run.told.annotation


def test_input_that_is_the_output_too_is_refused(run):
    (run.folder / "out").write_text("kept\n")
    assert run("cat", input=run.folder / "out", append="1") == 125
    assert "same file" in run.told.annotation and (run.folder / "out").read_text() == "kept\n"


def test_joined_and_appended(run):
    run.output.write_text("before\n")
    assert run("sh", "-c", "echo out; echo err >&2", error=None, append="1") == 0
    assert run.output.read_text() == "before\nout\nerr\n"


def test_one_file_by_two_names_gets_both_streams_whole(run):
    os.symlink(run.output, run.error)
    assert run("sh", "-c", "echo a long line of output; echo an error >&2; echo more") == 0
    assert run.output.read_text() == "a long line of output\nan error\nmore\n"


def test_the_record_of_a_start_tells_the_jobs_process(run):
    os.mkfifo(run.folder / "in")
    process = run.start("sh", "-c", "exec 3<in; echo $$; read x <&3")
    with open(run.folder / "in", "w") as file:
        _until(lambda: run.record.exists() and run.output.read_text())
        assert run.told.pid == int(run.output.read_text())
        file.write("go\n")
    assert process.wait(30) == 0


def test_an_image_without_what_runs_it_is_125(run):
    assert run("no-apptainer", "exec", "some-image", image="some-image") == 125
    assert run.told.annotation.startswith("some-image: no-apptainer is not to be had on ")


def test_time_limit_ends_all_that_is_the_jobs(run):
    mark = f"test/{os.getpid()}/1"
    body = "trap '' TERM; setsid sleep 600 & echo $! >pid; while :; do sleep 0.1; done"
    assert run("sh", "-c", body, environ={"PROCTRACKER_JOB": mark}, limit="0.5", grace="0.3") == -signal.SIGKILL
    assert (run.told.sub_state, run.told.terminating_signal) == ("time-limit", "SIGKILL")
    _until(lambda: not os.path.exists(f"/proc/{(run.folder / 'pid').read_text().strip()}"))


def test_a_job_that_leaves_at_its_limit_with_0_has_not_ended_well(run):
    assert run("sh", "-c", 'trap "exit 0" TERM; while :; do sleep 0.05; done', limit="0.3") == 125
    assert (run.told.state, run.told.sub_state, run.told.exit_status) == (JobState.FAILED, "time-limit", 0)


def test_the_limit_stands_still_while_all_is_stopped(run):
    process = run.start("sh", "-c", "echo ready; sleep 1.2; exit 4", limit="2.5")
    _until(lambda: run.output.exists() and run.output.read_text())
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(5)  # stopped for longer than its limit: that is what is tried
    os.kill(process.pid, signal.SIGCONT)
    assert process.wait(30) == 4


def test_deadlines(run):
    assert run("sleep", "60", deadline=str(time.time() + 0.3)) == -signal.SIGTERM
    assert run.told.sub_state == "deadline"
    assert run("sh", "-c", "echo ran", deadline="1") == 125
    assert run.told.sub_state == "deadline" and run.told.exit_status is None and run.output.read_text() == ""


def test_limits_hold_and_one_that_cannot_be_had_is_named(run):
    assert run("sh", "-c", "ulimit -n; ulimit -c", rlimits="NOFILE:77,CORE:0") == 0
    assert run.output.read_text() == "77\n0\n"
    if os.geteuid():
        assert run("true", rlimits=f"NOFILE:{2**40}") == 125 and "NOFILE" in run.told.annotation


def test_a_crash_leaves_a_core_file_only_where_the_caller_has_them(run):
    assert run("sh", "-c", "ulimit -S -c; ulimit -H -c", core="0") == 0
    soft, hard = run.output.read_text().split()
    assert (
        soft == "0"
        and hard
        == subprocess.run(["sh", "-c", "ulimit -H -c"], capture_output=True, text=True, check=True).stdout.strip()
    )


def test_environment_umask_and_locale_are_the_jobs(run):
    odd = "PROCTRACKER_NAMES=" + b"BASH_FUNC_f%%=() { echo f; }".hex()
    body = (
        "import os; print(os.environ.get('LC_CTYPE'), os.environ['BASH_FUNC_f%%'], 'PROCTRACKER_NAMES' in os.environ)"
    )
    name, value = odd.split("=")
    assert run(sys.executable, "-E", "-c", body, environ={name: value, "LC_ALL": "C"}, umask="077") == 0
    assert run.output.read_text().endswith("() { echo f; } False\n")
    assert stat.S_IMODE(run.output.stat().st_mode) == 0o600


def test_what_reaches_us_just_after_the_end_is_noted(run, tmp_path):
    """Slurm tells one process after the other, and may be slow to."""
    text = Path(PROGRAM).read_text(encoding="utf-8")
    run.program = tmp_path / "node.py"
    run.program.write_text(re.sub(r"(?m)^LATE = .*", "LATE = 3.0", text), encoding="utf-8")
    os.mkfifo(tmp_path / "gate")
    process = run.start("sh", "-c", "read line <gate")
    _until(run.record.exists)
    _until(lambda: _gone(process.pid, tmp_path / "gate"))
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert (run.told.exit_status, run.told.labels["told"]) == (0, "SIGTERM")


def _gone(pid, gate):
    """Let a job end, and tell whether it has: the only child there was is reaped."""
    children = f"/proc/{pid}/task/{pid}/children"
    with open(children, encoding="ascii") as file:
        if not file.read():
            return True
    with contextlib.suppress(OSError), open(os.open(gate, os.O_WRONLY | os.O_NONBLOCK), "w") as pipe:
        pipe.write("go\n")
    return False


def test_a_record_that_cannot_be_written_is_no_failure_of_the_job(run):
    run.record.parent.rmdir()
    assert run("sh", "-c", "exit 3") == 3


def test_a_record_that_cannot_take_its_place_leaves_nothing(run):
    run.record.mkdir()
    assert run("sh", "-c", "exit 3") == 3
    assert [*run.record.parent.iterdir()] == [run.record]


def test_a_kill_leaves_the_record_of_the_start(run):
    process = run.start("sleep", "600")
    _until(run.record.exists)
    child = _until(
        lambda: subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False).stdout
    )
    process.kill()
    process.wait(10)
    os.kill(int(child), signal.SIGKILL)
    assert run.told.state == JobState.RUNNING
    assert [each.name for each in run.record.parent.iterdir()] == [run.record.name]


def test_podman_is_told_of_a_term_and_removed(run):
    log = run.folder / "calls"
    cli = run.folder / "podman"
    cli.write_text(f'#!/bin/sh\necho "$@" >>{log}\n')
    cli.chmod(0o755)
    process = run.start("sleep", "0.7", container="proctracker-x-1-1", engine=str(cli))
    _until(lambda: run.record.exists() and run.output.exists())
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 143
    assert log.read_text() == "kill --signal=TERM proctracker-x-1-1\nrm --force proctracker-x-1-1\n"


def test_it_is_written_for_the_oldest_python_of_nodes():
    with open(PROGRAM, encoding="utf-8") as file:
        source = file.read()
    assert "\nfrom __future__" not in source
    ast.parse(source, feature_version=(3, 6))


def _until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end
        time.sleep(0.01)


def _record(run, name, *lines):
    (run.record.parent / name).write_text("\n".join(["proctracker 1", *lines, "end", ""]))


@pytest.mark.parametrize(
    ("words", "name", "lines", "why"),
    [
        ({"after": "a-1"}, "a-1.0", ["state running"], "a-1 has not ended"),
        ({"after": "a-1"}, "a-1.0", ["state ended", "code 3"], "a-1 has not ended well"),
        ({"after": "a-1"}, "a-1.0", ["state ended", "signal 9"], "a-1 has not ended well"),
        ({"after": "a-1"}, "a-1.0", ["state ended", "code 0", "why time-limit"], "a-1 has not ended well"),
        ({"after": "a-1"}, "a-1.0", ["state ended", "code 0", "told 15"], "a-1 has not ended well"),
        ({"after": "a-1"}, "a-1.0", ["state ended", "code 0"], None),
        ({"after": "b,a-1"}, "a-1.0", ["state ended", "code 1"], "a-1 has not ended well"),
        ({"after": "a-1"}, "a-10.0", ["state running"], None),
        ({"after": "a-1_*"}, "a-1_7.0", ["state ended", "code 1"], "a-1_7 has not ended well"),
        ({"after": "a-1_*"}, "a-10_7.0", ["state ended", "code 1"], None),
        ({"after_any": "a-1"}, "a-1.0", ["state ended", "code 3"], None),
        ({"after_any": "a-1"}, "a-1.0", ["state running"], "a-1 has not ended"),
        ({"after": "a-1"}, "other.0", ["state running"], None),
    ],
)
def test_what_its_scheduler_was_to_wait_for_is_seen_to_have_ended(run, words, name, lines, why):
    _record(run, name, *lines)
    assert run("sh", "-c", "echo ran", **words) == (125 if why else 0)
    told = run.told
    assert (told.state, told.sub_state, told.exit_status) == (
        (JobState.FAILED, "dependency", 125) if why else (JobState.DONE, None, 0)
    )
    assert told.annotation == why
    assert run.output.exists() == (why is None)


def test_the_last_run_of_what_it_waits_for_counts(run):
    _record(run, "a-1.0", "state ended", "code 1")
    _record(run, "a-1.10", "state ended", "code 0")
    _record(run, "a-1.9", "state running")
    assert run("true", after="a-1") == 0
