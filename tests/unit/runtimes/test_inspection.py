"""What inspect's JSON tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation
from proctracker.runtimes import inspection
from proctracker.runtimes.podman import STATES


def seen(word: str, restart: dict[str, Any] | None = None, restarts: int = 0, **state: Any) -> Observation:
    """A container with this state, as podman prints it."""
    found = {"name": "n", "id": "i", "state": {"Status": word, **state}, "restart": restart, "restarts": restarts}
    return inspection.observe(found, STATES)


def done(text: str, code: int = 0, stderr: str = "") -> Completed:
    """A call of podman."""
    return Completed(("podman", "container", "inspect"), code, text, stderr)


@pytest.mark.parametrize("word", [word for word, meaning in STATES.items() if meaning != inspection.BY_EXIT_CODE])
def test_words_of_the_table(word: str) -> None:
    found = seen(word)
    assert found.state is JobState[STATES[word]]
    expected = word if found.state is JobState.UNDETERMINED or word == "restarting" else None
    assert found.sub_state == expected


@pytest.mark.parametrize(("code", "state"), [(0, JobState.DONE), (1, JobState.FAILED), (255, JobState.FAILED)])
def test_ends_go_by_the_exit_code(code: int, state: JobState) -> None:
    for word in ("exited", "stopped"):
        found = seen(word, ExitCode=code)
        assert (found.state, found.exit_status, found.terminating_signal) == (state, code, None)


def test_an_end_by_a_signal() -> None:
    found = seen("exited", ExitCode=143)
    assert (found.exit_status, found.terminating_signal) == (None, "SIGTERM")
    assert seen("exited", ExitCode=129 + 127).exit_status == 256


def test_an_oom_kill_fails_whatever_the_code() -> None:
    found = seen("exited", ExitCode=0, OOMKilled=True)
    assert (found.state, found.sub_state, found.exit_status) == (JobState.FAILED, "oom-killed", 0)


def test_paused_comes_first() -> None:
    for running in (True, False):
        assert seen("running", Paused=True, Running=running, Pid=7) == Observation(
            JobState.SUSPENDED, pid=7, name="n", container_id="i"
        )


def test_an_unknown_word_is_undetermined_with_it() -> None:
    assert seen("hibernating").sub_state == "hibernating"
    assert seen("").sub_state == "unknown"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"ExitCode": 127, "Error": "x"}, 127),
        ({"ExitCode": 126}, 126),
        ({"ExitCode": 128, "Error": "endpoint exists"}, 125),
        ({"ExitCode": 0, "Error": 'exec: "/x": stat /x: no such file or directory'}, 127),
        ({"ExitCode": 0, "Error": "crun: permission denied"}, 126),
    ],
)
def test_created_with_an_error_is_a_failed_start(state: dict[str, Any], status: int) -> None:
    found = seen("created", **state)
    assert (found.state, found.exit_status) == (JobState.FAILED, status)


@pytest.mark.parametrize(
    ("policy", "code", "restarts", "on"),
    [
        ({"Name": "always"}, 0, 9, True),
        ({"Name": "unless-stopped"}, 1, 0, True),
        ({"Name": "on-failure", "MaximumRetryCount": 2}, 1, 1, True),
        ({"Name": "on-failure", "MaximumRetryCount": 2}, 1, 2, False),
        ({"Name": "on-failure"}, 1, 99, True),
        ({"Name": "on-failure"}, 0, 0, False),
        ({"Name": "no"}, 1, 0, False),
        ({}, 1, 0, False),
    ],
)
def test_between_two_runs_of_a_restart_policy(policy: dict[str, Any], code: int, restarts: int, on: bool) -> None:
    stopped = seen("stopped", policy, restarts, ExitCode=code)
    assert (stopped.state is JobState.RUNNING, stopped.sub_state == "restarting", stopped.exit_status) == (on, on, code)
    assert seen("exited", policy, restarts, ExitCode=code).state.ended


def test_times() -> None:
    assert inspection.moment("2026-11-24T06:22:32.5Z") == 1795501352.5
    assert inspection.moment("2026-11-24T08:22:32.500000001+02:00") == pytest.approx(1795501352.5)
    assert inspection.moment("2026-11-24T02:52:32.5-03:30") == 1795501352.5
    for nothing in ("0001-01-01T00:00:00Z", "", None, 0, "soon", "2026-13-01T00:00:00Z"):
        assert inspection.moment(nothing) is None


def test_an_end_before_its_start_is_at_the_start() -> None:
    found = seen("exited", ExitCode=0, StartedAt="2026-11-24T06:22:32.5Z", FinishedAt="2026-11-24T06:22:32.4Z")
    assert found.started == found.finished == 1795501352.5
    again = seen("running", StartedAt="2026-11-24T06:22:32.5Z", FinishedAt="2026-11-24T06:22:31Z")
    assert (again.started, again.finished) == (1795501352.5, None)


def test_the_rest_of_a_container() -> None:
    found = inspection.observe(
        {
            "name": "/n",
            "labels": {"a": "b"},
            "image": "im",
            "entrypoint": "sh",
            "cmd": ["-c", "x"],
            "state": {"Status": "created"},
        }
    )
    assert (found.name, found.labels, found.image, found.command) == ("n", {"a": "b"}, "im", ("sh", "-c", "x"))


LINE = '{"name":"a","state":{"Status":"running"}}'
WHOLE = {
    "Name": "/b",
    "Id": "i",
    "State": {"Status": "exited", "ExitCode": 2},
    "Config": {"Labels": {"x": "y"}, "Cmd": ["c"]},
}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("[]\n", []),
        (f"{LINE}\n", ["a"]),
        (f"{LINE}\n{json.dumps([WHOLE], indent=2)}\n[]\n", ["a", "b"]),
        (json.dumps([WHOLE, {**WHOLE, "Name": "c"}]), ["b", "c"]),
    ],
)
def test_parse_takes_lines_and_arrays(text: str, names: list[str]) -> None:
    assert list(inspection.parse(done(text))) == names


def test_a_whole_description() -> None:
    found = inspection.parse(done(json.dumps([WHOLE])))["b"]
    assert (found.exit_status, found.container_id, found.labels, found.command) == (2, "i", {"x": "y"}, ("c",))


@pytest.mark.parametrize("text", ["hello", LINE[:-5], f"{LINE}\nxyz", "[1]", "7", "null"])
def test_garbage_is_trouble_of_communication(text: str) -> None:
    with pytest.raises(DrmCommunicationException, match="podman answered with something else than JSON"):
        inspection.parse(done(text))


def test_strange_types_are_survived() -> None:
    for odd in (
        '{"name":"a","state":null,"labels":[1],"restart":"x"}',
        '{"state":{"Status":5,"ExitCode":"1","Pid":0}}',
    ):
        (found,) = inspection.parse(done(odd)).values()
        assert found.state is JobState.UNDETERMINED


def test_unknown_names_are_missing_and_other_errors_raise() -> None:
    assert list(inspection.parse(done(LINE, 125, "Error: inspecting object: no such container x"))) == ["a"]
    for code, stderr in (
        (125, "Error: the storage is broken"),
        (-1, ""),
        (1, "Cannot connect to the Docker daemon"),
        (127, ""),
    ):
        with pytest.raises(DrmCommunicationException):
            inspection.parse(done("", code, stderr))


def test_the_format_is_one_object() -> None:
    assert inspection.template({"id": ".ID", "s": ".State"}) == '{"id":{{json .ID}},"s":{{json .State}}}'


@pytest.mark.parametrize("told", [{}, {"ExitCode": None}, {"ExitCode": "0"}, {"ExitCode": False}, {"ExitCode": 0.0}])
@pytest.mark.parametrize("word", ["exited", "stopped"])
def test_no_usable_exit_code_is_no_success(word: str, told: dict[str, Any]) -> None:
    found = seen(word, **told)
    assert (found.state, found.sub_state, found.exit_status) == (JobState.UNDETERMINED, "lost", None)
    assert f"no exit code: {json.dumps(told.get('ExitCode'))}" in (found.annotation or "")


@pytest.mark.parametrize("told", [{"ExitCode": None}, {"ExitCode": "0"}, {"ExitCode": False}])
def test_a_container_that_waits_has_no_code(told: dict[str, Any]) -> None:
    assert seen("created", **told).state == JobState.QUEUED


def test_a_checkpointed_container_is_suspended() -> None:
    for word in ("exited", "stopped"):
        found = seen(word, ExitCode=0, Checkpointed=True, Pid=0)
        assert (found.state, found.sub_state, found.exit_status) == (JobState.SUSPENDED, "checkpointed", None)
    assert seen("exited", ExitCode=0, Checkpointed=False).state == JobState.DONE
    assert seen("running", ExitCode=0, Checkpointed=True, Pid=7).state == JobState.RUNNING
