"""ctr's dialogs beyond the recordings: batches, failures, what only some versions print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from proctracker.errors import (
    DrmCommunicationException,
    InvalidStateException,
    UnsupportedAttributeException,
    UnsupportedOperationException,
)
from proctracker.model import Completed, JobState, JobTemplate, Observation
from proctracker.runtimes.base import Engine
from proctracker.runtimes.ctr import RUNTIME

CLI = Engine(("ctr",), {"address": "/c.sock", "namespace": "x"})
LEAD = ("ctr", "--connect-timeout=5s", "--address=/c.sock", "--namespace=x")
HEADER = "TASK    PID    STATUS\n"
DOWN = 'ctr: failed to dial "/c.sock": connection error: desc = "connect: connection refused"\n'


def said(stdout: str = "", code: int = 0, stderr: str = "") -> Completed:
    return Completed(("ctr",), code, stdout, stderr)


def hold(dialog: Any, answers: Mapping[str, Completed]) -> tuple[Any, list[list[tuple[str, ...]]]]:
    """Carry a dialog through, each call answered by the first key its words begin with; also what was asked."""
    asked: list[list[tuple[str, ...]]] = []
    try:
        wanted = next(dialog)
        while True:
            asked.append([argv[len(LEAD) :] for argv in wanted])
            assert all(argv[: len(LEAD)] == LEAD for argv in wanted)
            found = [
                next(each for key, each in answers.items() if " ".join(argv).startswith(key)) for argv in asked[-1]
            ]
            wanted = dialog.send(found)
    except StopIteration as stop:
        return stop.value, asked


def state(status: int, **more: Any) -> Completed:
    return said(json.dumps({"id": "a", "pid": 7, "status": status, **more}))


@pytest.mark.parametrize(("code", "expected"), [(0, JobState.DONE), (5, JobState.FAILED)])
def test_stopped_is_told_by_its_exit_code(code: int, expected: JobState) -> None:
    answers = {
        "tasks ls": said(f"{HEADER}a 7 STOPPED\n"),
        "shim": state(3, **({"exit_status": code} if code else {})),
        "tasks metrics": said("{}"),
    }
    seen, asked = hold(RUNTIME.look(CLI, ["a"]), answers)
    assert (seen["a"].state, seen["a"].exit_status) == (expected, code)
    assert [len(calls) for calls in asked] == [1, 2]


def test_many_that_live_cost_one_call() -> None:
    names = [f"n{number}" for number in range(100)]
    answers = {"tasks ls": said(HEADER + "".join(f"{name} {at + 2} RUNNING\n" for at, name in enumerate(names)))}
    seen, asked = hold(RUNTIME.look(CLI, names), answers)
    assert list(seen) == names
    assert asked == [[("tasks", "ls")]]


def test_no_names_cost_no_call() -> None:
    assert hold(RUNTIME.look(CLI, []), {}) == ({}, [])
    assert hold(RUNTIME.remove(CLI, []), {}) == ({}, [])


def test_an_unknown_name_is_missing() -> None:
    seen, asked = hold(
        RUNTIME.look(CLI, ["a", "b"]), {"tasks ls": said(f"{HEADER}b 7 RUNNING\n"), "containers ls": said("b\nc\n")}
    )
    assert list(seen) == ["b"]
    assert len(asked) == 2


GONE = said(code=1, stderr="ctr: fail to connect to container a's shim\n")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, (JobState.UNDETERMINED, "lost", None)),
        ({"proctracker.exit": "4"}, (JobState.FAILED, None, 4)),
        ({"proctracker.exit": "0"}, (JobState.DONE, None, 0)),
    ],
)
def test_a_container_without_a_task_has_its_code_on_it_or_is_lost(
    labels: dict[str, str], expected: tuple[Any, ...]
) -> None:
    answers = {
        "tasks ls": said(HEADER),
        "containers ls": said("a\n"),
        "shim": GONE,
        "tasks metrics": said(code=1),
        "containers info": said(json.dumps({"ID": "a", "Labels": labels})),
    }
    seen, _ = hold(RUNTIME.look(CLI, ["a"]), answers)
    assert (seen["a"].state, seen["a"].sub_state, seen["a"].exit_status) == expected


def test_the_end_of_an_unknown_container_is_none() -> None:
    unknown = said(code=1, stderr='ctr: container "a" in namespace "x": not found\n')
    answers = {"shim": GONE, "tasks metrics": unknown, "containers info": unknown}
    assert hold(RUNTIME.end(CLI, "a"), answers)[0] is None


def test_the_shim_tells_the_end_while_its_daemon_is_down() -> None:
    answers = {"shim": state(3, exit_status=8), "tasks metrics": said(code=1, stderr=DOWN)}
    seen, _ = hold(RUNTIME.end(CLI, "a"), answers)
    assert (seen.exit_status, seen.cpu_time, seen.max_rss) == (8, None, None)


def test_a_daemon_that_is_down_ends_nothing() -> None:
    down = said(code=1, stderr=DOWN)
    answers = dict.fromkeys(("shim", "tasks", "containers"), down)
    for dialog in (RUNTIME.end(CLI, "a"), RUNTIME.look(CLI, ["a"]), RUNTIME.remove(CLI, ["a"]), RUNTIME.ours(CLI, {})):
        with pytest.raises(DrmCommunicationException, match="connection refused"):
            hold(dialog, answers)


def test_a_shim_that_has_not_noticed_is_asked_again() -> None:
    answers = {"shim": state(2), "tasks metrics": said("{}"), "tasks ls": said(f"{HEADER}a 7 RUNNING\n")}
    seen, asked = hold(RUNTIME.end(CLI, "a"), answers)
    assert (seen.state, len(asked)) == (JobState.RUNNING, 4)


@pytest.mark.parametrize("code", [0, 5, 137])
def test_the_end_keeps_the_code_and_deletes_the_task(code: int) -> None:
    stopped = state(3, stdout="binary:///bin/sh?-c=x", **({"exit_status": code} if code else {}))
    _, asked = hold(RUNTIME.end(CLI, "a"), {"shim": stopped, "tasks": said("{}"), "containers": said()})
    assert asked[1:] == [[("containers", "label", "a", f"proctracker.exit={code}"), ("tasks", "delete", "a")]]


def test_a_look_deletes_nothing() -> None:
    stopped = state(3, stdout="binary:///bin/sh?-c=x")
    _, asked = hold(
        RUNTIME.look(CLI, ["a"]), {"tasks ls": said(f"{HEADER}a 7 STOPPED\n"), "shim": stopped, "tasks": said("{}")}
    )
    assert not any("delete" in argv for calls in asked for argv in calls)


def test_what_an_attached_start_carries_is_waited_for() -> None:
    dialog = RUNTIME.end(CLI, "a")
    next(dialog)
    ((shell, _, script, folder),) = dialog.send([state(3, exit_status=4, stdout="/home/f/fifo/1/a-stdout"), said("{}")])
    assert (shell, folder) == ("/bin/sh", "/home/f") and "$0/done" in script
    with pytest.raises(StopIteration) as stop:
        dialog.send([said()])
    assert stop.value.value.exit_status == 4


CONTROLS = [
    ("suspend", "", "pause"),
    ("resume", "", "resume"),
    ("kill", "TERM", "kill -s SIGTERM"),
    ("kill", "9", "kill -s SIGKILL"),
]


@pytest.mark.parametrize(("action", "signal", "expected"), CONTROLS)
def test_controls(action: str, signal: str, expected: str) -> None:
    _, asked = hold(RUNTIME.control(CLI, action, "a", *([signal] if signal else [])), {"tasks": said()})
    assert asked == [[("tasks", *expected.split(), "a")]]


@pytest.mark.parametrize(
    ("stderr", "error"),
    [
        ("ctr: cannot pause a stopped container: unknown\n", InvalidStateException),
        ("ctr: no running task found: task a not found: not found\n", InvalidStateException),
        (
            "ctr: OCI runtime pause failed: cannot toggle freezer: cgroups not configured\n",
            UnsupportedOperationException,
        ),
        (DOWN, DrmCommunicationException),
    ],
)
def test_a_control_that_fails(stderr: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        hold(RUNTIME.control(CLI, "suspend", "a"), {"tasks": said(code=1, stderr=stderr)})


def test_what_cannot_be_removed_is_told_with_its_reason() -> None:
    line = 'time="2026" level=error msg="failed to delete container \\"a\\"" error="cannot delete a non stopped container"\n'
    answers = {
        "tasks": said(code=1),
        "containers rm": said(code=1, stderr=line + "ctr: more\n"),
        "containers ls": said("a\nc\n"),
    }
    assert hold(RUNTIME.remove(CLI, ["a", "b"]), answers)[0] == {"a": "cannot delete a non stopped container"}


def test_force_deletes_running_tasks() -> None:
    _, asked = hold(RUNTIME.remove(CLI, ["a", "b"], force=True), {"tasks": said(), "containers": said()})
    assert asked == [[("tasks", "delete", "--force", "a", "b")], [("containers", "rm", "a", "b")]]


def test_ours_filters_by_labels_with_quotes() -> None:
    answers = {
        "containers ls": said("a\n"),
        "tasks ls": said(f"{HEADER}a 7 RUNNING\n"),
        "containers info": said(json.dumps({"Image": "i", "Labels": {"k": "v"}, "Spec": {"process": {"args": ["x"]}}})),
    }
    seen, asked = hold(RUNTIME.ours(CLI, {"k": 'a"b', "l": "c"}), answers)
    assert asked[0] == [("containers", "ls", "-q", 'labels."k"=="a\\"b",labels."l"=="c"')]
    assert seen == {
        "a": Observation(
            JobState.RUNNING, pid=7, name="a", container_id="a", image="i", labels={"k": "v"}, command=("x",)
        )
    }


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (
            "ctr: flag provided but not defined: -user\n",
            (125, "this ctr has no --user: containerd 1.7 or newer is needed"),
        ),
        ('time="x" level=warning msg="old"\nctr: image "i": not found\n', (125, 'image "i": not found')),
        ("", (125, "ctr ended with 1 and no word")),
    ],
)
def test_the_reason_of_a_failed_start(stderr: str, expected: tuple[int, str]) -> None:
    assert RUNTIME.failed_start(said(code=1, stderr=stderr)) == expected


def test_images_and_version() -> None:
    assert hold(RUNTIME.categories(CLI), {"images": said("b\nsha256:12\na\n")})[0] == ["a", "b"]
    has = RUNTIME.has_image(CLI, "a:1")
    assert hold(has, {'images ls -q name=="a:1"': said("a:1\n")})[0] is True
    assert hold(RUNTIME.image_environment(CLI, "a:1"), {})[0] == {}
    assert RUNTIME.pull(CLI, "a") == (*LEAD, "images", "pull", "a")
    text = "Client:\n  Version:  1.7.1\n  Revision: x\n\nServer:\n  Version:  1.6.20\n"
    assert hold(RUNTIME.version(CLI), {"version": said(text)})[0] == "1.7.1, server 1.6.20"


def test_its_output_is_in_files() -> None:
    assert not RUNTIME.keeps_logs
    with pytest.raises(UnsupportedOperationException):
        RUNTIME.logs(CLI, "a")


@pytest.mark.parametrize("name", ["exposed_ports", "restart", "userns"])
def test_what_containerd_cannot_do_is_refused_with_the_reason(name: str) -> None:
    template = JobTemplate(job_category="i", implementation_specific={name: "x"})
    with pytest.raises(UnsupportedAttributeException, match=f"{name}: ctr cannot honour it: "):
        RUNTIME.check(template, CLI)


def test_limits_other_than_time_are_refused() -> None:
    RUNTIME.check(JobTemplate(job_category="i", resource_limits={"WALLCLOCK_TIME": 5}), CLI)
    with pytest.raises(UnsupportedAttributeException, match="resource_limits"):
        RUNTIME.check(JobTemplate(job_category="i", resource_limits={"WALLCLOCK_TIME": 5, "CPU_TIME": 5}), CLI)
