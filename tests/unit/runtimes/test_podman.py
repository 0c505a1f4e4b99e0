"""podman's starts; what it prints is in the recordings."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes.base import ATTACHED, DETACHED, PASSED, Engine, Launch, Request
from proctracker.runtimes.podman import RUNTIME

CLI = Engine(("podman",))


def launch(template: dict[str, Any] | None = None, engine: Engine = CLI, **more: Any) -> Launch:
    """The start of this template."""
    asked = JobTemplate({"job_category": "image", "args": ["sh", "-c", "x"], **(template or {})})
    RUNTIME.check(asked, engine)
    return RUNTIME.launch(Request(engine, asked, "7", 1, "proctracker-n-7-1", "/f", "/keep.out", "/keep.err", **more))


def test_a_start_without_files_keeps_its_log_with_the_engine() -> None:
    found = launch(environment={"A": "b"}, labels={"k": "v", "long": "x\ny"})
    assert found.argv == (
        *("podman", "run", "--detach", "--name=proctracker-n-7-1", "--cidfile=/f/id", "--label-file=/f/labels"),
        *("--log-driver=k8s-file", "--pidfile=/f/pid", "--env-file=/f/env", "image", "sh", "-c", "x"),
    )
    assert found.files == {"/f/env": b"A=b\n", "/f/labels": b"k=v\n"}
    assert (found.kind, found.stdin, found.stdout, found.stderr) == (DETACHED, None, None, None)
    assert (found.id_file, found.pid_file, found.directory) == ("/f/id", "/f/pid", "/f")


def test_podman_5s_warning_does_not_come_into_a_jobs_stderr() -> None:
    assert RUNTIME.engine_environment == {"PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}


@pytest.mark.parametrize(
    ("streams", "join", "expected"),
    [
        ({"output": "/o"}, False, (None, "/o", "/keep.err")),
        ({"error": "/e"}, False, (None, "/keep.out", "/e")),
        ({"input": "/i"}, False, ("/i", "/keep.out", "/keep.err")),
        ({"input": PASSED, "output": "/o", "error": "/e"}, False, (PASSED, "/o", "/e")),
        ({"output": "/o"}, True, (None, "/o", "/o")),
    ],
)
def test_files_are_passed_through(streams: dict[str, str], join: bool, expected: tuple[str | None, ...]) -> None:
    found = launch({"join_files": join}, append=True, **streams)
    assert "--log-driver=passthrough" in found.argv
    assert ("--interactive" in found.argv) == ("input" in streams)
    assert (found.kind, found.append) == (DETACHED, True)
    assert (found.stdin, found.stdout, found.stderr) == expected


@pytest.mark.parametrize(
    "remote",
    [
        Engine(("podman",), {"address": "/run/p.sock"}),
        Engine(("podman",), {}, {"CONTAINER_HOST": "unix:///run/p.sock"}),
        Engine(("/usr/bin/podman-remote",)),
        Engine(("podman", "--url=unix:///run/p.sock")),
    ],
)
def test_a_remote_podman_carries_streams_itself(remote: Engine) -> None:
    found = launch(engine=remote, output="/o")
    assert (found.kind, found.pid_file) == (ATTACHED, None)
    assert not [word for word in found.argv if word.startswith(("--log-driver", "--pidfile", "--detach"))]
    assert launch(engine=remote).kind == DETACHED


def test_the_rows_of_the_job_template() -> None:
    found = launch(
        {
            "remote_command": "cmd",
            "args": ["a"],
            "candidate_machines": ["host"],
            "working_directory": "/w",
            "implementation_specific": {
                "user": "u", "exposedPorts": "1:2", "privileged": "true", "restart": "no", "ipc": "host", "uts": "host",
                "pid": "host", "rm": "TRUE", "entrypoint": ["e", "f"], "options": ["--read-only"],
            },
        }
    )  # fmt: skip
    assert found.argv[8:] == (
        *("--hostname=host", "--workdir=/w", "--user=u", "--publish=1:2", "--restart=no", "--ipc=host", "--uts=host"),
        *("--pid=host", "--privileged", "--entrypoint=e", "--read-only", "image", "f", "cmd", "a"),
    )


def test_values_of_the_environment_are_in_no_argv() -> None:
    found = launch(environment={"SECRET": "hush", "LINES_": "hush\nhush"})
    assert not [word for word in found.argv if "hush" in word]
    assert found.environment == {"LINES_": "hush\nhush"}


@pytest.mark.parametrize(
    ("value", "devices"),
    [("all", ["all"]), (2, ["0", "1"]), ("device=0,GPU-x", ["0", "GPU-x"])],
)
def test_gpus_are_cdi_devices(value: Any, devices: list[str]) -> None:
    found = launch({"implementation_specific": {"gpus": value}})
    assert [word for word in found.argv if word.startswith("--device")] == [
        f"--device=nvidia.com/gpu={d}" for d in devices
    ]


def test_gpus_wrong() -> None:
    with pytest.raises(InvalidArgumentException, match="gpus"):
        launch({"implementation_specific": {"gpus": "some"}})


def test_limits_bring_along_what_podman_would_raise() -> None:
    limits = {"NOFILE": (100, 20000), "NPROC": (-1, -1)}
    found = launch({"resource_limits": {"CPU_TIME": 5}}, limits=limits)
    assert [word for word in found.argv if "ulimit" in word] == ["--ulimit=nofile=20000:20000", "--ulimit=cpu=5:5"]
    found = launch({"resource_limits": {"OPEN_FILES": 5}}, limits=limits)
    assert [word for word in found.argv if "ulimit" in word] == ["--ulimit=nofile=5:5"]
    assert not [word for word in launch(limits=limits).argv if "ulimit" in word]
    for hard, may in ((96365, 32768), (100, 100)):
        found = launch({"resource_limits": {"OPEN_FILES": 5}}, limits={"NPROC": (hard, hard)})
        assert [word for word in found.argv if "nproc" in word] == [f"--ulimit=nproc={may}:{may}"]


def test_failed_start() -> None:
    said = 'Error: runc: exec: "x": executable file not found in $PATH: OCI runtime attempted\n'
    assert RUNTIME.failed_start(Completed(("podman",), 127, "", said)) == (127, said[7:-1])
    assert RUNTIME.failed_start(Completed(("podman",), -9, "", "")) == (125, "podman ended with -9 and no word")


def test_what_a_conmon_holds_for_a_start_that_was_cut_off_is_deleted() -> None:
    argv = (
        *("/usr/bin/conmon", "-c", "4f1d", "-r", "/usr/bin/runc", "-p", "/starts/7.1/pid", "-n", "x"),
        *(
            "--runtime-arg",
            "--root=/r",
            "--runtime-arg",
            "--log-format=json",
            "--runtime-arg",
            "--log",
            "--runtime-arg=/l",
        ),
        *("--exit-command", "/usr/bin/podman", "--exit-command-arg", "-c"),
    )
    assert RUNTIME.undo(argv, "/starts/7.1") == ("/usr/bin/runc", "--root=/r", "delete", "--force", "4f1d")
    assert RUNTIME.undo(argv, "/starts/7.2") is None
    assert RUNTIME.undo(("/usr/bin/podman", *argv[1:]), "/starts/7.1") is None
    assert RUNTIME.undo((), "/starts/7.1") is None


CONMON = (
    *("/usr/bin/conmon", "-c", "4f1d", "-b", "/root/4f1d/userdata", "--exit-dir", "/run/libpod/exits"),
    *("--persist-dir", "/run/libpod/persist/4f1d", "--exit-command", "/usr/bin/podman", "--exit-command-arg", "-c"),
)


def test_conmon_writes_down_how_a_container_ended() -> None:
    found = RUNTIME.monitor(CONMON, {"rm": True, "options": ["--init"]})
    assert found is not None
    assert found.status == "/run/libpod/exits/4f1d"
    assert list(found.oom) == ["/root/4f1d/userdata/oom", "/run/libpod/persist/4f1d/oom"]
    assert list(found.unless) == ["/root/4f1d/userdata/checkpoint"]


@pytest.mark.parametrize(
    ("argv", "asked"),
    [
        (CONMON, {"restart": "on-failure"}),
        (CONMON, {"options": ["--restart=always"]}),
        (CONMON[:5], {}),
        (("/usr/bin/podman", *CONMON[1:]), {}),
        ((), {}),
    ],
)
def test_where_it_does_not_podman_is_asked(argv: tuple[str, ...], asked: dict[str, Any]) -> None:
    assert RUNTIME.monitor(argv, asked) is None
