"""The script that goes to a node, run by shells for real; with the program, and where there is no Python without it."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from proctracker.model import JobState, JobTemplate
from proctracker.records import replace
from proctracker.runtimes import slurm_script
from proctracker.runtimes.base import Engine, Request
from proctracker.runtimes.batch import Submission, Task
from proctracker.runtimes.slurm_records import parse_record

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


@pytest.fixture(params=["python", *SHELLS])
def node(request, tmp_path):
    return Node(tmp_path, request.param)


class Node:
    def __init__(self, folder, kind):
        self.folder, self.shell, self.python = folder, "sh" if kind == "python" else kind, kind == "python"
        self.records = folder / "records"
        self.records.mkdir()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in "date uname mv cat sh sleep env printf rm ls echo true".split():
            os.symlink(shutil.which(name), self.bin / name)

    def submission(self, *tasks, attributes=None, **more):
        template = JobTemplate({"remote_command": "x", **(attributes or {})})
        request = Request(
            Engine(("sbatch",)), template, tasks[0].job_id, 2, "proctracker-abc-1-2", "/f", "", "",
            directory=str(self.folder), append=more.pop("append", False),
        )  # fmt: skip
        return Submission(request, tasks, str(self.records), "uuid", "my session", **more)

    def run(self, submission, index=None, unset=(), **environ):
        text = slurm_script.text(submission, unset)
        if not self.python:
            text = text.replace(slurm_script.PYTHONS.encode(), b"/none")
        path = self.folder / "slurm_script"
        path.write_bytes(text)
        environ = {"PATH": os.environ["PATH"] if self.python else str(self.bin), "SLURM_JOB_ID": "9", **environ}
        if index is not None:
            environ.update(SLURM_ARRAY_TASK_ID=str(index), SLURM_ARRAY_JOB_ID="8")
        shell = shutil.which(self.shell)
        return subprocess.run([shell, str(path)], env=environ, capture_output=True, timeout=60, check=False, cwd="/")

    def told(self, name="proctracker-abc-1-2.0"):
        return parse_record((self.records / name).read_text())


def _task(node, *command, **more):
    return Task("1", command, str(node.folder / "out"), str(node.folder / "err"), **more)


def test_code_streams_and_record(node):
    task = _task(node, "sh", "-c", "echo out; echo err >&2; pwd; exit 7")
    done = node.run(node.submission(task), SLURM_JOB_PARTITION="short")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"", b"")
    assert (node.folder / "out").read_text() == f"out\n{node.folder}\n"
    assert (node.folder / "err").read_text() == "err\n"
    told = node.told()
    assert (told.state, told.exit_status, told.container_id, told.queue) == (JobState.FAILED, 7, "9", "short")
    assert told.started and told.finished and told.nodes and (told.max_rss is not None) == node.python


def test_a_death_by_signal_is_told(node):
    node.run(node.submission(_task(node, "sh", "-c", "kill -9 $$")))
    assert node.told().terminating_signal == "SIGKILL"


def test_a_term_that_reaches_all_is_noted_and_the_jobs(node):
    body = 'trap "exit 4" TERM; kill -TERM $PPID $$; sleep 5'
    assert node.run(node.submission(_task(node, "sh", "-c", body))).returncode == 4
    assert (node.told().exit_status, node.told().labels["told"]) == (4, "SIGTERM")


@pytest.mark.parametrize(("name", "status"), [("TERM", 143), ("USR1", 0)])
def test_what_was_told_to_end_did_not_end_well_for_the_scheduler(node, name, status):
    body = f'trap "exit 0" {name}; kill -{name} $PPID $$; sleep 5'
    assert node.run(node.submission(_task(node, "sh", "-c", body))).returncode == status
    assert node.told().exit_status == 0


def test_words_arrive_as_they_are(node):
    odd = ["a b", "", "$HOME `x` \\", "it's", "new\nline", "\n#PROGRAM\n", "100%", "\udcff", "ü", "*"]
    node.run(node.submission(_task(node, "sh", "-c", 'printf "%s|" "$@"', "sh", *odd)))
    assert (node.folder / "out").read_bytes().decode("utf-8", "surrogateescape") == "".join(f"{each}|" for each in odd)


def test_no_variable_of_the_jobs_is_touched(node):
    given = dict.fromkeys("n p record output error input item code each state new name directory".split(), "kept")
    node.run(node.submission(_task(node, "env")), unset=["TZ", "A-B"], TZ="UTC0", **given)
    found = dict(line.split("=", 1) for line in (node.folder / "out").read_text().splitlines())
    assert given.items() <= found.items() and "TZ" not in found and not any(name.startswith("_pt") for name in found)
    assert found["JOB_ID"] == "1" and found["PROCTRACKER_JOB"] == "uuid/1/2" and "TASK_ID" not in found
    assert found["PROCTRACKER_ATTEMPT"] == "2" and found["PROCTRACKER_SESSION"] == "my session"


def test_tasks_have_what_is_theirs(node):
    tasks = [
        Task(
            f"43_{i}", ("sh", "-c", "cat; echo $TASK_ID $TASK_ITEM $JOB_ID $PROCTRACKER_JOB $1 $2", "sh", f"w{i}", f"i{i * i}"),
            str(node.folder / f"{i}.out"), None, str(node.folder / f"in{i * i}"), i, f"i{i * i}",
        )
        for i in (1, 2, 11)
    ]  # fmt: skip
    for task in tasks:
        (node.folder / f"in{task.index * task.index}").write_text(f"input {task.index}\n")
        done = node.run(node.submission(*tasks), task.index)
        assert done.returncode == 0, done.stderr
        i = task.index
        wanted = f"input {i}\n{i} i{i * i} 43_{i} uuid/43_{i}/2 w{i} i{i * i}\n"
        assert (node.folder / f"{i}.out").read_text() == wanted
        assert node.told(f"proctracker-abc-1-2_{i}.0").container_id == f"8_{i}"


def test_commands_of_other_lengths(node):
    tasks = [Task(f"4_{i}", ("echo", *"abc"[:i]), str(node.folder / f"{i}.out"), None, None, i) for i in (1, 2, 3)]
    node.run(node.submission(*tasks), 3)
    assert (node.folder / "3.out").read_text() == "a b c\n"


def test_a_restart_has_a_record_of_its_own_and_appends(node):
    submission = node.submission(_task(node, "sh", "-c", "echo out"))
    node.run(submission)
    node.run(submission, SLURM_RESTART_COUNT="3")
    assert sorted(each.name for each in node.records.iterdir()) == ["proctracker-abc-1-2.0", "proctracker-abc-1-2.3"]
    assert (node.folder / "out").read_text() == "out\nout\n"
    node.run(submission)
    assert (node.folder / "out").read_text() == "out\n"


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [({"output": "/no/out"}, "/no/out"), ({"input": "/no/in"}, "/no/in"), ({"error": "/no/err"}, "/no/err")],
)
def test_what_cannot_be_opened_is_named(node, attributes, reason):
    task = Task("1", ("true",), **{"output": str(node.folder / "out"), **attributes})
    assert node.run(node.submission(task)).returncode == 125
    assert node.told().sub_state == "start-failed" and reason in node.told().annotation


def test_a_command_that_is_not_there(node):
    assert node.run(node.submission(_task(node, "no-such"))).returncode == 127
    assert node.told().exit_status == 127 and node.told().annotation == "no-such: command not found"


def test_limits(node):
    submission = node.submission(
        _task(node, "sh", "-c", "ulimit -n"), attributes={"resource_limits": {"OPEN_FILES": 66}}
    )
    node.run(submission)
    assert (node.folder / "out").read_text() == "66\n"


def test_the_callers_core_limit_goes_with_the_job(tmp_path):
    node = Node(tmp_path, "python")
    submission = node.submission(_task(node, "sh", "-c", "ulimit -S -c"))
    node.run(replace(submission, request=replace(submission.request, limits={"CORE": (0, -1)})))
    assert (node.folder / "out").read_text() == "0\n"


def test_time_limit_is_for_the_program(tmp_path):
    node = Node(tmp_path, "python")
    node.run(node.submission(_task(node, "sleep", "60"), time_limit=0.3, grace=1.0))
    assert node.told().sub_state == "time-limit"


def test_a_thousand_tasks_are_a_small_script(tmp_path):
    node = Node(tmp_path, "python")
    tasks = [
        Task(f"43_{i}", ("echo", "x"), f"/home/me/out/43_{i}.1.out", f"/home/me/43-{i}.err", None, i)
        for i in range(1, 1001)
    ]
    assert len(slurm_script.text(node.submission(*tasks))) < 22_000
    other = [
        Task(f"43_{i}", ("echo", f"item {i * 7}"), "/dev/null", None, None, i, f"item {i * 7}") for i in range(1, 1001)
    ]
    assert len(slurm_script.text(node.submission(*other))) < 80_000


def test_carried_environment():
    found = slurm_script.carried({"A": "x\ny", "BASH_FUNC_f%%": "() {\n}", "B": "\udcff"})
    *pairs, end = found.split(b"\0")
    assert end == b"" and pairs[:2] == [b"A=x\ny", b"B=\xff"]
    name, _, value = pairs[2].partition(b"=")
    assert name.decode() == slurm_script.NAMES and bytes.fromhex(value.decode()) == b"BASH_FUNC_f%%=() {\n}"


def test_a_container_has_the_records_name(node):
    """By which it is ended and removed, and which no other run has."""
    cli = node.bin / "podman"
    cli.write_text(f'#!/bin/sh\necho "$@" >>{node.folder}/calls\n[ "$1" = run ] && exit 6\nexit 0\n')
    cli.chmod(0o755)
    submission = node.submission(
        _task(node, "--network=host", "busybox", "true"), attributes={"job_category": "busybox"}
    )
    submission = replace(
        submission, request=replace(submission.request, engine=Engine(("sbatch",), {"engine": "podman"}))
    )
    path = {"PATH": f"{node.bin}:{os.environ['PATH']}"} if node.python else {}
    done = node.run(submission, SLURM_RESTART_COUNT="2", **path)
    name = "proctracker-abc-1-2.2"
    calls = (node.folder / "calls").read_text().splitlines()
    assert (done.returncode, calls[0]) == (6, f"run --rm --interactive --name={name} --network=host busybox true")
    assert calls[1:] == ([f"rm --force {name}"] if node.python else [])
    assert node.told(name).exit_status == 6
