"""nerdctl beyond its recordings: 1.7's and 2's ways with unknown names, batches, starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import (
    DrmCommunicationException,
    InvalidStateException,
    UnsupportedAttributeException,
    UnsupportedOperationException,
)
from proctracker.model import Completed, JobState, JobTemplate
from proctracker.runtimes.base import ATTACHED, DETACHED, Engine, Launch, Request
from proctracker.runtimes.nerdctl import RUNTIME, parse, parse_list

CLI = Engine(("nerdctl",), {"namespace": "x", "address": "/c.sock"})
LEAD = ("nerdctl", "--address", "/c.sock", "--namespace", "x")


def said(stdout: str = "", code: int = 0, stderr: str = "") -> Completed:
    return Completed(("nerdctl",), code, stdout, stderr)


def hold(dialog: Any, answers: Mapping[str, list[Completed]]) -> tuple[Any, list[str]]:
    """Carry a dialog through; each word has its answers in order. Also what was asked."""
    asked: list[str] = []
    try:
        (argv,) = next(dialog)
        while True:
            assert argv[: len(LEAD)] == LEAD
            asked.append(" ".join(argv[len(LEAD) :]))
            key = next(key for key in answers if asked[-1].startswith(key))
            (argv,) = dialog.send([answers[key].pop(0)])
    except StopIteration as stop:
        return stop.value, asked


def whole(name: str, word: str, **more: Any) -> dict[str, Any]:
    """A container as ``inspect`` prints it."""
    state = {
        "Status": word,
        "Running": word == "running",
        "Paused": word == "paused",
        "Pid": 7,
        "ExitCode": 0,
        "Error": "",
        **more,
    }
    return {"Id": f"id-{name}", "Name": name, "State": state, "Config": {"Labels": {}}, "Image": "i"}


def listed(*rows: tuple[str, str]) -> Completed:
    return said(
        "".join(
            json.dumps({"ID": f"id-{name}", "Names": name, "Status": status, "Image": "i"}) + "\n"
            for name, status in rows
        )
    )


UNKNOWN = said(code=1, stderr='time="t" level=fatal msg="1 errors:\\nno such container: b"\n')


def test_version_2_says_nothing_of_any_where_one_is_unknown() -> None:
    answers = {
        "container inspect": [UNKNOWN, said(json.dumps([whole("a", "running")]))],
        "ps": [listed(("a", "Up"), ("c", "Up"))],
    }
    seen, asked = hold(RUNTIME.look(CLI, ["a", "b"]), answers)
    assert list(seen) == ["a"]
    assert asked == ["container inspect a b", "ps --all --no-trunc --format json", "container inspect a"]


def test_version_1_prints_an_array_each_and_leaves_the_unknown_out() -> None:
    text = json.dumps([whole("a", "running")]) + "\n" + json.dumps([whole("c", "paused")])
    seen, asked = hold(RUNTIME.look(CLI, ["a", "b", "c"]), {"container inspect": [said(text, 1, UNKNOWN.stderr)]})
    assert [(name, each.state) for name, each in seen.items()] == [("a", JobState.RUNNING), ("c", JobState.SUSPENDED)]
    assert len(asked) == 1


def test_none_known_is_an_empty_answer() -> None:
    assert hold(RUNTIME.look(CLI, ["b"]), {"container inspect": [UNKNOWN], "ps": [said()]})[0] == {}
    assert hold(RUNTIME.look(CLI, []), {}) == ({}, [])


def test_many_cost_one_list_and_a_look_at_the_ended() -> None:
    names = [f"n{number}" for number in range(40)]
    rows = [(name, "Up") for name in names[3:]] + [
        ("n0", "Exited (5) 2 seconds ago"),
        ("n1", "Paused"),
        ("n2", "Restarting (3) now"),
        ("", "Up"),
    ]
    ended = said(json.dumps([whole("n0", "exited", ExitCode=5)]))
    seen, asked = hold(RUNTIME.look(CLI, [*names, "unknown"]), {"ps": [listed(*rows)], "container inspect": [ended]})
    assert sorted(seen) == sorted(names)
    assert (seen["n0"].exit_status, seen["n1"].state, seen["n2"].sub_state) == (5, JobState.SUSPENDED, "restarting")
    assert asked[1:] == ["container inspect n0"]


@pytest.mark.parametrize(
    ("word", "more", "expected"),
    [
        ("", {}, (JobState.QUEUED, None, None)),
        ("created", {}, (JobState.QUEUED, None, None)),
        ("pausing", {}, (JobState.RUNNING, None, None)),
        ("restarting", {}, (JobState.RUNNING, "restarting", None)),
        ("unknown", {}, (JobState.UNDETERMINED, "unknown", None)),
        ("exited", {"ExitCode": 0}, (JobState.DONE, None, 0)),
        (
            "exited",
            {"ExitCode": 5, "Error": "cannot kill container x: container is not running"},
            (JobState.FAILED, None, 5),
        ),
        ("", {"Error": "cannot pause container x: no task"}, (JobState.QUEUED, None, None)),
        (
            "",
            {"Error": "failed to create shim task: exec: stat /no: no such file or directory"},
            (JobState.FAILED, None, 127),
        ),
    ],
)
def test_words_and_what_error_means(word: str, more: dict[str, Any], expected: tuple[Any, ...]) -> None:
    seen = parse(said(json.dumps([whole("a", word, **more)])))["a"]
    assert (seen.state, seen.sub_state, seen.exit_status) == expected
    assert bool(seen.annotation) == (expected[2] == 127)


def test_the_pid_of_an_ended_process_is_nobodys() -> None:
    assert parse(said(json.dumps([whole("a", "exited")])))["a"].pid is None
    assert parse(said(json.dumps([whole("a", "running")])))["a"].pid == 7


def test_ours_asks_for_the_ids_that_bear_the_labels() -> None:
    answers = {"ps": [listed(("a", "Up"))], "container inspect": [said(json.dumps([whole("a", "running")]))]}
    seen, asked = hold(RUNTIME.ours(CLI, {"k": "v"}), answers)
    assert list(seen) == ["a"]
    assert asked == ["ps --all --no-trunc --format json --filter=label=k=v", "container inspect id-a"]


@pytest.mark.parametrize("text", ["garbage\n", "[1]\n", '"x"\n'])
def test_what_is_no_list_is_no_answer(text: str) -> None:
    with pytest.raises(DrmCommunicationException):
        parse_list(said(text))


def test_a_daemon_that_is_down() -> None:
    for text in (
        "dial unix /c.sock: connect: connection refused",
        'cannot access containerd socket \\"/c.sock\\": no such file',
    ):
        down = said(code=1, stderr=f'time="t" level=fatal msg="{text}"\n')
        for dialog in (RUNTIME.look(CLI, ["a"]), RUNTIME.control(CLI, "suspend", "a"), RUNTIME.ours(CLI, {})):
            with pytest.raises(DrmCommunicationException):
                hold(dialog, {"": [down]})


def test_a_control_in_a_wrong_state() -> None:
    for text in ("container x is already paused", "container x is not running", "no running task found: task x"):
        with pytest.raises(InvalidStateException):
            hold(
                RUNTIME.control(CLI, "suspend", "a"),
                {"pause": [said(code=1, stderr=f'time="t" level=fatal msg="{text}"\n')]},
            )


def test_a_failed_start_returns_1_with_the_reason_in_its_log() -> None:
    text = 'time="t" level=fatal msg="failed to create shim task: exec: \\"x\\": executable file not found in $PATH"\n'
    assert RUNTIME.failed_start(said(code=1, stderr=text))[0] == 127
    text = 'time="t" level=warning msg="old"\ntime="t" level=fatal msg="image not available: \\"i\\""\n'
    assert RUNTIME.failed_start(said(code=1, stderr=text)) == (125, 'image not available: "i"')


def launch(extensions: dict[str, Any] | None = None, **more: Any) -> Launch:
    template = JobTemplate(job_category="image", args=["x"], implementation_specific=extensions or {})
    RUNTIME.check(template, CLI)
    return RUNTIME.launch(Request(CLI, template, "7", 1, "n", "/f", "/k/out", "/k/err", **more))


def test_detached_with_a_logger_of_ours() -> None:
    found = launch(output="/o")
    assert (found.kind, found.pid_file, found.id_file, found.stdout) == (DETACHED, "/f/pid", "/f/id", None)
    assert any(word.startswith("--log-driver=binary:///bin/sh?-c=") for word in found.argv)
    assert "--pidfile=/f/pid" in found.argv and "--interactive" not in found.argv
    assert {path: found.files[path] for path in ("/f/out", "/f/err")} == {"/f/out": b"/o\n", "/f/err": b"/k/err\n"}


def test_an_input_without_content_is_none() -> None:
    found = launch(input="/dev/null", output="/o")
    assert found.kind == DETACHED
    assert "--interactive" not in found.argv


def test_with_an_input_the_command_stays() -> None:
    found = launch(input="/i", output="/o")
    assert (found.kind, found.stdin, found.stdout, found.stderr) == (ATTACHED, "/i", "/o", "/k/err")
    assert "--interactive" in found.argv
    assert not {"--detach", "--rm"} & set(found.argv)


CLIENT = """
import os, select, subprocess, sys
folder, shim, *words = sys.argv[1:]
open(f"{folder}/id", "w").write("1d")
if not shim:
    sys.exit("time=... level=fatal msg=refused")
os.makedirs(f"{folder}/fifo/7")
paths = [f"{folder}/fifo/7/1d-{name}" for name in ("stdout", "stderr")]
for path in paths:
    os.mkfifo(path)
fds = [os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in paths]  # as containerd's client does, before the task is
subprocess.Popen([sys.executable, "-c", shim, folder])
select.select(fds[:1], [], [])
os.write(1, os.read(fds[0], 4))
sys.exit(3)
"""
SHIM = """
import os, sys, time
folder = sys.argv[1]
out, err = (open(f"{folder}/fifo/7/1d-{name}", "wb", 0) for name in ("stdout", "stderr"))
while not os.path.exists(f"{folder}/id.held"):
    time.sleep(0.005)
out.write(b"head" + b"tail" * 10000)
err.write(b"last words")
"""
"""What nerdctl was seen to do with an attached start: the client goes when the job has ended, what it has read or not."""


@pytest.mark.parametrize(
    ("shim", "expected"),
    [(SHIM, (3, b"head" + b"tail" * 10000, b"last words")), ("", (1, b"", b"time=... level=fatal msg=refused\n"))],
)
def test_the_output_arrives_whole_whatever_the_client_leaves(
    tmp_path: Path, shim: str, expected: tuple[int, bytes, bytes]
) -> None:
    shell, option, script, _, *_ = launch(input="/i").argv
    script = script.replace("/run/containerd/fifo", f"{tmp_path}/fifo")
    words = [shell, option, script, f"{tmp_path}/id", sys.executable, "-c", CLIENT, str(tmp_path), shim]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == expected


def test_its_output_is_in_files() -> None:
    assert not RUNTIME.keeps_logs
    with pytest.raises(UnsupportedOperationException):
        RUNTIME.logs(CLI, "a")


def test_restart_is_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedAttributeException, match=r"restart: nerdctl cannot honour it: .*retries"):
        launch({"restart": "always"})
