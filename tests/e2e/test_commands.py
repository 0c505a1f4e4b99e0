"""``run`` and ``wait`` from the shell: exit codes, streams, signals."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys

import pytest

from contract.kit import LONG, cli, until
from e2e.day import PROGRAM, one_line, running, started, submit
from proctracker.store import Home

STUBBORN = "trap 'echo no' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["no-such-command"], 127),
        (["/etc/passwd"], 126),
        (["--workdir", "/nonexistent", "--", "true"], 125),
        (["--no-such-option", "--", "true"], 125),
        ([], 125),
    ],
)
def test_exit_codes_of_run(home: Home, words: list[str], code: int) -> None:
    assert cli("run", *words).returncode == code


def test_the_codes_of_others_are_1_and_2(home: Home) -> None:
    assert cli("info", "4711").returncode == 1
    assert cli("ps", "--nonsense").returncode == 2
    assert cli("nonsense").returncode == 2
    assert "proctracker --help" in cli("nonsense").stderr


@pytest.mark.parametrize(
    "command", ["suspend", "resume", "hold", "release", "terminate", "reap", "info", "logs", "resubmit"]
)
def test_an_unknown_job_is_an_error(home: Home, command: str) -> None:
    done = cli(command, "4711")
    assert done.returncode == 1
    assert "4711" in one_line(done)


def test_a_hint_for_what_was_meant_for_a_shell(home: Home) -> None:
    done = cli("run", "--", "echo hi | cat")
    assert done.returncode == 127
    assert "sh -c" in done.stderr


def test_wait_tells_the_first_failure_in_the_given_order(home: Home) -> None:
    good, one, two = submit("true"), submit("sh", "-c", "exit 3"), submit("sh", "-c", "exit 4")
    assert cli("wait", good).returncode == 0
    done = cli("wait", good, two, one)
    assert done.returncode == 4
    assert f"2 of 3 failed: {two} {one}" in done.stderr


def test_wait_all_reports_each_job_once(home: Home) -> None:
    failed = submit("sh", "-c", "exit 3")
    cli("wait", failed)
    assert cli("wait", "--all").returncode in (0, 3)
    assert cli("wait", "--all").returncode == 0


def test_wait_started(home: Home) -> None:
    job = submit("sleep", "600")
    assert cli("wait", "--started", job).returncode == 0
    assert cli("terminate", job).returncode == 0
    assert cli("wait", job).returncode == 143


def test_output_is_shown_while_the_job_runs(home: Home) -> None:
    with started("run", "--", "sh", "-c", "echo first; sleep 600") as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "first\n"
        assert run.poll() is None


def test_run_shows_what_it_writes_to_a_file_too(home: Home, tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "out")
    done = cli("run", "-o", path, "--", "echo", "both")
    assert (done.stdout, open(path).read()) == ("both\n", "both\n")  # noqa: SIM115


def test_words_after_the_command_are_the_jobs(home: Home) -> None:
    assert cli("run", "echo", "-n", "--help", "-s").stdout == "--help -s"
    assert cli("run", "--", "printf", "%s", "--").stdout == "--"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_terminates_the_job(home: Home, number: int) -> None:
    with started("run", "--", "sleep", "600") as run:
        [job] = running()
        run.send_signal(number)
        assert run.wait(LONG) == 143
    assert '"job_sub_state": "terminated"' in cli("info", "--json", job).stdout


def test_a_second_signal_leaves_the_job(home: Home) -> None:
    with started("run", "--", "sh", "-c", STUBBORN) as run:
        assert run.stdout is not None and run.stderr is not None
        assert run.stdout.readline() == "ready\n"
        [job] = running()
        run.send_signal(signal.SIGINT)
        assert run.stdout.readline() == "no\n"
        run.send_signal(signal.SIGINT)
        run.wait(LONG)
        assert f"job {job} goes on" in run.stderr.read()
    assert job in cli("ps", "-q").stdout.split()


def test_a_hangup_leaves_the_job(home: Home) -> None:
    with started("run", "--", "sleep", "600") as run:
        [job] = running()
        run.send_signal(signal.SIGHUP)
        run.wait(LONG)
    assert cli("ps", "-q", "--state", "RUNNING").stdout == f"{job}\n"


def test_a_closed_stdout_terminates_the_job(home: Home) -> None:
    with started("run", "--", "sh", "-c", "while :; do echo y; sleep 0.05; done") as run:
        [job] = running()
        assert run.stdout is not None
        run.stdout.close()
        run.wait(LONG)
        run.stdout = None
    assert cli("wait", job).returncode in (141, 143)


def test_an_interrupted_wait_leaves_the_job(home: Home) -> None:
    job = submit("sleep", "600")
    with started("wait", job) as wait:
        # It waits once it has asked the supervisor, which it tells of by a connected socket.
        until(lambda: _has_socket(wait.pid), "a connection")
        wait.send_signal(signal.SIGINT)
        assert wait.wait(LONG) == 130
    assert cli("ps", "-q").stdout == f"{job}\n"


def test_time_out_of_wait(home: Home) -> None:
    job = submit("sleep", "600")
    assert cli("wait", "--timeout", "0", job).returncode == 124
    assert cli("wait", "--timeout", "0.1", job).returncode == 124


def test_submit_warns_of_a_pipe_that_nobody_will_read(home: Home) -> None:
    done = cli("submit", "cat", stdin="lost\n")
    assert done.returncode == 0
    assert "-i" in done.stderr


def test_submit_keeps_its_input(home: Home) -> None:
    job = cli("submit", "-i", "-", "cat", stdin="kept\n").stdout.strip()
    assert cli("wait", job).returncode == 0
    assert cli("logs", job).stdout == "kept\n"


def test_python_minus_m_and_the_command_are_the_same(home: Home) -> None:
    script = os.path.join(os.path.dirname(sys.executable), "proctracker")
    both = [
        subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
        for command in ([script], PROGRAM)
    ]
    assert both[0] == both[1]
    assert "commands:" in both[0]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["wait", "4711"], "4711"),
        (["-s", "nobody", "ps"], "nobody"),
        (["run", "-i", "/nonexistent/in", "--", "cat"], "/nonexistent/in"),
        (["run", "-o", "/nonexistent/out", "--", "cat"], "/nonexistent"),
        (["run", "-e", "NOT_SET_HERE", "--", "true"], "NOT_SET_HERE"),
        (["run", "-c", "podmann", "--", "true"], "podman"),
        (["run", "--image", "x", "--", "true"], "--image"),
        (["run", "--memory", "1G", "--", "true"], "--limit"),
        (["run", "--time-limit", "soon", "--", "true"], "soon"),
        (["run", "--limit", "CPU_TIMES=1", "--", "true"], "CPU_TIME"),
        (["run", "--after", "4711", "--", "true"], "4711"),
        (["array", "5-1", "--", "true"], "5-1"),
        (["suspend", "4711"], "4711"),
        (["session", "destroy", "nobody"], "nobody"),
    ],
)
def test_an_error_is_one_line_that_names_its_cause(home: Home, words: list[str], names: str) -> None:
    done = cli(*words)
    assert done.returncode in (1, 2, 125)
    assert done.stdout == ""
    assert names in one_line(done)


def _has_socket(pid: int) -> bool:
    try:
        return any("socket:" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


@pytest.mark.parametrize("command", ["run", "submit", "array 1-2"])
def test_a_shells_process_substitution_is_refused(home: Home, command: str) -> None:
    """What ``<(...)`` names is a descriptor of the command's, which no job has."""
    words = " ".join(map(shlex.quote, PROGRAM))
    script = f"{words} {command} -- cat <(echo lost)"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode in (1, 125)
    assert "/dev/fd/63 is this command's own file, as <(...) makes one" in done.stderr
    assert cli("ps", "-a", "-q").stdout == ""
    with_own = f"{words} run -- tee /dev/fd/2 < <(echo kept)"
    done = subprocess.run(["bash", "-c", with_own], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept\n", "kept\n")
