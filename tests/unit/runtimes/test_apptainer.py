"""apptainer's starts: a supervised process in an image."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes.apptainer import RUNTIME
from proctracker.runtimes.base import SUPERVISED, Engine, Launch, Request

CLI = Engine(("/usr/bin/apptainer",))


def launch(extensions: dict[str, Any] | None = None, request: dict[str, Any] | None = None, **more: Any) -> Launch:
    """The start of a template with these extensions and attributes."""
    template = JobTemplate(
        {"job_category": "a.sif", "args": ["x"], "implementation_specific": extensions or {}, **more}
    )
    RUNTIME.check(template, CLI)
    given = {"folder": "/f", "keep_output": "/k/out", "keep_error": "/k/err", "directory": "/w", **(request or {})}
    return RUNTIME.launch(Request(CLI, template, "7", 1, "n", **given))


def test_the_command_is_the_job() -> None:
    found = launch(remote_command="a", args=["-b"], request={"environment": {"A": "1"}, "input": "/i", "append": True})
    assert found == Launch(
        SUPERVISED,
        ("/usr/bin/apptainer", "exec", "a.sif", "a", "-b"),
        environment={"A": "1"},
        directory="/w",
        stdin="/i",
        stdout="/k/out",
        stderr="/k/err",
        append=True,
    )


def test_streams_can_be_joined() -> None:
    found = launch(join_files=True, request={"output": "/o"})
    assert (found.stdout, found.stderr) == ("/o", "/o")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("volumes", ["/a:/b:ro", "c/d:/e"], ["--bind=/a:/b:ro", "--bind=/w/c/d:/e"]),
        ("pid", "private", ["--pid=true"]),
        ("ipc", "host", []),
        ("gpus", "all", ["--nv=true"]),
        ("memory_limit", "1G", ["--memory=1073741824"]),
        ("cpus", 2, ["--cpus=2"]),
        ("options", "--cleanenv", ["--cleanenv"]),
        ("rm", True, []),
    ],
)
def test_extensions(name: str, value: Any, expected: list[str]) -> None:
    argv = launch({name: value}).argv
    assert list(argv[2 : argv.index("a.sif")]) == expected


def test_entrypoint_and_hostname() -> None:
    assert launch({"entrypoint": "e"}, candidate_machines=["h"]).argv[2:] == ("--hostname=h", "a.sif", "e", "x")


def test_what_is_the_jobs_wins_over_the_images_and_the_callers() -> None:
    own = {"PATH": "/p", "A": "1", "my.var": "2", "UID": "3"}
    found = launch(
        job_environment=own, request={"environment": {**own, "B": "4", "JOB_ID": "7", "APPTAINERENV_A": "theirs"}}
    )
    prefixed = {"APPTAINERENV_PATH": "/p", "APPTAINERENV_A": "1", "APPTAINERENV_JOB_ID": "7"}
    assert found.environment == {**own, "B": "4", "JOB_ID": "7", **prefixed}


def test_no_shell_sees_more_than_text_in_a_value() -> None:
    found = launch(job_environment={"A": ""}, request={"environment": {"A": '$(id) `id` $HOME \\ "\n'}})
    assert found.environment["APPTAINERENV_A"] == '\\$(id) \\`id\\` \\$HOME \\\\ "\n'


def test_a_working_directory_is_insisted_on() -> None:
    assert launch(working_directory="/w").argv[2:] == ("--pwd=/w", "a.sif", "x")


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        (255, 'FATAL:   "x": executable file not found in $PATH\n', (127, '"x": executable file not found in $PATH')),
        (255, "FATAL:   stat /x: no such file or directory\n", (127, "stat /x: no such file or directory")),
        (255, "WARNING: a\nFATAL:   permission denied\n", (126, "permission denied")),
        (255, "FATAL:   is a directory\n", (126, "is a directory")),
        (255, "FATAL:   exec /x failed: a shared library is likely missing in the image", (126, None)),
        (255, "FATAL:   While checking container encryption: could not open image /x: no such file", (125, None)),
        (255, "", (255, "")),
        (255, "FATAL:   permission denied\nthe job's own\n", (255, "")),
        (1, "FATAL:   permission denied\n", (1, "")),
    ],
)
def test_its_own_failures(code: int, said: str, expected: tuple[int, str | None]) -> None:
    status, reason = RUNTIME.failed_start(Completed((), code, "", said))
    assert status == expected[0]
    assert reason == said[9:] if expected[1] is None else reason == expected[1]


@pytest.mark.parametrize("more", [{"args": ["\udcff"]}, {"job_environment": {"A": "\udcff"}}])
def test_what_is_not_utf8_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedAttributeException, match="not UTF-8"):
        launch(**more)


@pytest.mark.parametrize(
    "name", ["user", "privileged", "network", "restart", "exposed_ports", "devices", "userns", "pull"]
)
def test_what_has_no_meaning_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(UnsupportedAttributeException, match=f"{name}: apptainer cannot honour it: "):
        launch({name: "x"})


@pytest.mark.parametrize(
    "more",
    [
        {"args": None},
        {"job_category": None},
        {"candidate_machines": ["a", "b"]},
        {"extensions": {"gpus": "1"}},
        {"extensions": {"pid": "container:x"}},
    ],
)
def test_wrong_templates(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentException):
        launch(**more)


def test_home_is_apptainers_own() -> None:
    with pytest.raises(UnsupportedAttributeException, match="HOME"):
        launch(job_environment={"HOME": "/h"})


def test_version() -> None:
    dialog = RUNTIME.version(CLI)
    assert list(next(dialog)) == [("/usr/bin/apptainer", "--version")]
    with pytest.raises(StopIteration) as stop:
        dialog.send([Completed(("apptainer",), 0, "apptainer version 1.4.5-2\n")])
    assert stop.value.value == "1.4.5-2"
