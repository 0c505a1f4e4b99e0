"""Starts through ctr: flags, environment, and the shell that carries an attached start's streams."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate
from proctracker.runtimes.base import ATTACHED, DETACHED, PASSED, Engine, Launch, Request
from proctracker.runtimes.ctr import RUNTIME
from proctracker.runtimes.ctr_launch import carried

CLI = Engine(("ctr",), {"namespace": "x"})


def launch(
    extensions: dict[str, Any] | None = None, request: dict[str, Any] | None = None, engine: Engine = CLI, **more: Any
) -> Launch:
    """The start of a template with these extensions and attributes."""
    template = JobTemplate(
        {"job_category": "image", "args": ["x"], "implementation_specific": extensions or {}, **more}
    )
    RUNTIME.check(template, engine)
    given = {"folder": "/f", "keep_output": "/k/out", "keep_error": "/k/err", **(request or {})}
    return RUNTIME.launch(Request(engine, template, "7", 1, "n", **given))


def words(*args: Any, **more: Any) -> list[str]:
    """What stands between our own words and the image."""
    argv = launch(*args, **more).argv
    return list(argv[6 : argv.index("image")])


def test_detached_with_a_logger_and_a_pid_file() -> None:
    found = launch(request={"output": "/o"}, remote_command="a", args=["b", "-c"])
    assert found.argv[:5] == ("ctr", "--connect-timeout=5s", "--namespace=x", "run", "--pid-file=/f/pid")
    assert found.argv[5] == "--detach"
    assert found.argv[6].startswith("--log-uri=binary:///bin/sh?-c=")
    assert found.argv[7:] == ("image", "n", "a", "b", "-c")
    assert found.files == {"/f/out": b"/o\n", "/f/err": b"/k/err\n"}
    assert (found.kind, found.pid_file, found.stdin, found.stdout) == (DETACHED, "/f/pid", None, None)
    assert found.environment == {}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"remote_command": "a", "args": ["b"]}, ["a", "b"]),
        ({"args": ["a", "b"]}, ["a", "b"]),
        ({"args": None}, []),
        ({"extensions": {"entrypoint": "e"}, "args": ["b"]}, ["e", "b"]),
        ({"extensions": {"entrypoint": ["e", "f"]}, "args": None}, ["e", "f"]),
        ({"extensions": {"entrypoint": ""}, "args": ["b"]}, ["b"]),
    ],
)
def test_the_command_replaces_the_images_own(more: dict[str, Any], expected: list[str]) -> None:
    argv = launch(**more).argv
    assert list(argv[argv.index("n") + 1 :]) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("user", 1000, ["--user=1000"]),
        ("ipc", "host", ["--with-ns=ipc:/proc/self/ns/ipc"]),
        ("uts", "private", []),
        ("pid", "host", ["--with-ns=pid:/proc/self/ns/pid"]),
        ("network", "host", ["--net-host=true"]),
        ("network", "none", []),
        ("devices", ["/dev/a", "/dev/b"], ["--device=/dev/a", "--device=/dev/b"]),
        ("gpus", "0,2", ["--gpus=0", "--gpus=2"]),
        ("memory_limit", "16M", ["--memory-limit=16777216"]),
        ("cpus", 0.5, ["--cpus=0.5"]),
        ("privileged", True, ["--privileged"]),
        ("rm", True, []),
        ("pull", "missing", []),
        ("options", ["--cni", "--read-only"], ["--cni", "--read-only"]),
        ("volumes", ["/a:/b"], ["--mount=type=bind,src=/a,dst=/b,options=rbind:rw"]),
        ("volumes", "/a:/b:ro", ["--mount=type=bind,src=/a,dst=/b,options=rbind:ro"]),
        ("volumes", ['/a,"b:/c'], ['--mount=type=bind,"src=/a,""b",dst=/c,options=rbind:rw']),
    ],
)
def test_extensions(name: str, value: Any, expected: list[str]) -> None:
    assert words({name: value})[1:] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ipc", "container:x"),
        ("network", "bridge"),
        ("devices", "/dev/a:/dev/b"),
        ("gpus", "all"),
        ("pull", "often"),
        ("cpus", 0),
        ("volumes", "name:/b"),
        ("volumes", "/a:b"),
    ],
)
def test_values_ctr_has_no_words_for(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgumentException, match=name):
        launch({name: value})


def test_attributes() -> None:
    assert words(working_directory="/w", candidate_machines=["h"])[1:] == ["--hostname=h", "--cwd=/w"]
    for more in ({"working_directory": "w"}, {"candidate_machines": ["a", "b"]}, {"job_category": None}):
        with pytest.raises(InvalidArgumentException):
            launch(**more)
    with pytest.raises(InvalidArgumentException, match="entrypoint"):
        launch({"entrypoint": ""}, args=None)


def test_labels_are_ids_alone() -> None:
    labels = {"proctracker.job": "7", "proctracker.template": "{}"}
    assert words(request={"labels": labels})[1:] == ["--label=proctracker.job=7"]


def test_environment_is_never_in_sight() -> None:
    found = launch(request={"environment": {"TOKEN": "s3cret", "Q": 'it\'s "#1" = x'}})
    assert found.files["/f/env"] == b'TOKEN=s3cret\nQ=it\'s "#1" = x\n'
    assert "--env-file=/f/env" in found.argv
    assert "s3cret" not in " ".join(found.argv)


@pytest.mark.parametrize("value", ["two\nlines", "ends\r", "x" * 70000, "\udcff"])
def test_values_no_line_can_carry_are_refused(value: str) -> None:
    with pytest.raises(UnsupportedAttributeException) as caught:
        launch(job_environment={"NAME": value})
    assert value not in caught.value.message


def test_append_and_join_reach_the_logger() -> None:
    found = launch(request={"append": True, "output": "/o"}, join_files=True)
    assert found.files == {"/f/out": b"/o\n", "/f/err": b"/o\n"}
    assert "%3E%3E" in found.argv[6] and "7%3E%266" in found.argv[6]


@pytest.mark.parametrize("given", ["/i", PASSED])
def test_with_an_input_the_command_stays(given: str) -> None:
    found = launch(request={"input": given, "output": "/o", "append": True})
    assert (found.kind, found.stdin, found.stdout, found.stderr, found.append) == (
        ATTACHED,
        given,
        "/o",
        "/k/err",
        True,
    )
    assert found.argv[:2] == ("/bin/sh", "-c")
    assert found.argv[3:9] == (
        "proctracker-ctr",
        "ctr",
        "--connect-timeout=5s",
        "--namespace=x",
        "run",
        "--pid-file=/f/pid",
    )
    assert "--fifo-dir=/f/fifo" in found.argv
    assert not {"--detach", "--null-io"} & set(found.argv)
    assert found.files == {}
    assert launch(request={"input": "/dev/null"}).kind == DETACHED


FAKE = """#!/bin/sh
case "$*" in
*" run "*) cat; echo said >&2; {run} ;;
*"tasks ls"*) echo "n 7 RUNNING" ;;
*"shim"*) {shim} ;;
*"containers label"*) echo "$*" >>{folder}/labels ;;
esac
"""


def carry(folder: Path, run: str, shim: str = "exit 1") -> tuple[int, str, str]:
    """Run an attached start with a ctr of ours: its status, its output, the label it wrote."""
    fake = folder / "a ctr"
    fake.write_text(FAKE.format(run=run, shim=shim, folder=folder))
    fake.chmod(0o700)
    (folder / "in").write_text("data")
    request = {"input": str(folder / "in"), "folder": str(folder), "keep_output": "/k", "keep_error": "/k"}
    found = launch(request=request, engine=Engine((str(fake),)))
    with open(folder / "in", "rb") as stdin:
        done = subprocess.run(found.argv, stdin=stdin, capture_output=True, text=True, timeout=20, check=False)
    labels = folder / "labels"
    return done.returncode, done.stdout, labels.read_text().split("n ")[-1].strip() if labels.exists() else ""


def test_the_code_is_kept_as_a_label(tmp_path: Path) -> None:
    found = carry(tmp_path, f"echo 7 >{tmp_path}/pid; exit 9")
    assert found == (9, "data", "proctracker.exit=9")


def test_a_start_that_failed_leaves_no_code(tmp_path: Path) -> None:
    assert carry(tmp_path, "exit 1") == (1, "data", "")


def test_a_command_cut_off_from_its_daemon_lets_the_shim_tell(tmp_path: Path) -> None:
    stopped = """echo '{ "status": 3, "exit_status": 4 }'"""
    assert carry(tmp_path, f"echo 7 >{tmp_path}/pid; exit 1", stopped) == (4, "data", "proctracker.exit=4")


def test_a_task_that_still_runs_has_no_code_yet(tmp_path: Path) -> None:
    running = """echo '{ "status": 2 }'"""
    assert carry(tmp_path, f"echo 7 >{tmp_path}/pid; kill -9 $$", running) == (137, "data", "")


def test_zero_is_left_out_by_the_shim(tmp_path: Path) -> None:
    stopped = """echo '{ "status": 3, "exited_at": "x" }'"""
    assert carry(tmp_path, f"echo 7 >{tmp_path}/pid; exit 1", stopped) == (0, "data", "proctracker.exit=0")


def test_nothing_of_a_users_goes_through_the_shell() -> None:
    found = launch(request={"input": "/i$(x)", "environment": {"A": "$(y)"}}, args=["$(z)"])
    script = found.argv[2]
    assert not any(word in script for word in ("$(x)", "$(y)", "$(z)"))
    assert os.path.basename(found.argv[0]) == "sh"


def test_the_end_of_carrying_is_waited_for(tmp_path: Path) -> None:
    carry(tmp_path, f"echo 7 >{tmp_path}/pid; exit 9")
    for folder in (tmp_path, tmp_path / "gone"):
        assert subprocess.run(carried(f"{folder}/fifo/1/n-stdout"), timeout=1, check=False).returncode == 0
