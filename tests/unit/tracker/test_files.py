"""Looking at the files of a job before it is accepted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate
from proctracker.tracker import files


def spec(cwd: Path, containers: bool = False, **values: Any) -> dict[str, Any]:
    working = values.pop("working_directory", None)
    template = {} if working is None else {"working_directory": working}
    streams = {"input": None, "output": None, "error": None}
    return {
        **streams,
        **values,
        "cwd": str(cwd),
        "home_dir": str(cwd),
        "runtime_containers": containers,
        "template": template,
    }


def refused(found: dict[str, Any], *words: str, indices: list[int] | None = None) -> None:
    with pytest.raises(InvalidArgumentException) as error:
        files.check(found, indices)
    assert all(word in str(error.value) for word in words), error.value


def test_what_is_there_passes(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")
    (tmp_path / "d").mkdir()
    files.check(spec(tmp_path, input="in", output="out", error="d/err"))
    files.check(spec(tmp_path, output="/dev/null", error="/dev/null", input="/dev/null"))


def test_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(spec(tmp_path, working_directory="nope"), "working_directory", "no such file")
    refused(spec(tmp_path, working_directory="file"), "working_directory", "not a directory")
    files.check(spec(tmp_path, True, working_directory="/only/inside"))


def test_the_input(tmp_path: Path) -> None:
    refused(spec(tmp_path, input="nope"), "input_path", str(tmp_path / "nope"))
    refused(spec(tmp_path, input="."), "input_path", "is a directory")


@pytest.mark.parametrize(("stream", "attribute"), [("output", "output_path"), ("error", "error_path")])
def test_the_outputs(tmp_path: Path, stream: str, attribute: str) -> None:
    refused(spec(tmp_path, **{stream: "nope/out"}), attribute, f"no directory {tmp_path}/nope")
    refused(spec(tmp_path, **{stream: "."}), attribute, "is a directory")
    (tmp_path / "file").write_text("")
    refused(spec(tmp_path, **{stream: "file/out"}), attribute)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_permissions(tmp_path: Path) -> None:
    (tmp_path / "in").touch(0o000)
    refused(spec(tmp_path, input="in"), "permission denied")


def test_relative_paths_are_below_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "in").write_text("")
    files.check(spec(tmp_path, working_directory="d", input="in"))
    refused(spec(tmp_path, True, working_directory="d", input="in"), str(tmp_path / "in"))


def test_input_and_output_are_not_one_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    os.link(tmp_path / "file", tmp_path / "hard")
    for other in ("file", "./file", "link", "hard"):
        refused(spec(tmp_path, input="file", output=other), "output_path", "is the input too")
        refused(spec(tmp_path, input="file", error=other), "error_path")


def test_placeholders(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("")
    files.check(spec(tmp_path, input="$DRMAA2_HOME_DIR$/in", output="$DRMAA2_WORKING_DIR$/out.%j", error="nope/%j"))
    refused(spec(tmp_path, output="$DRMAA2_HOME_DIR$/nope/out"), str(tmp_path / "nope"))


def test_every_task_is_looked_at(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"in{number}").write_text("")
    files.check(spec(tmp_path, input="in%a"), [1, 2])
    refused(spec(tmp_path, input="in%a"), "in3", indices=[1, 2, 3])
    refused(spec(tmp_path, working_directory="d$DRMAA2_INDEX$"), "d1", indices=[1])


@pytest.mark.parametrize("path", ["out.%a", "out.%j", "out.$DRMAA2_INDEX$", "/dev/null", None])
def test_tasks_that_write_apart(tmp_path: Path, path: str | None) -> None:
    files.check_apart(spec(tmp_path, output=path, error=path), 2)


def test_tasks_that_would_write_the_same_file(tmp_path: Path) -> None:
    for path in ("out", "out.%A", "out%%a"):
        with pytest.raises(InvalidArgumentException, match="every task"):
            files.check_apart(spec(tmp_path, output=path), 2)
    files.check_apart(spec(tmp_path, output="out", working_directory="d$DRMAA2_INDEX$"), 2)
    files.check_apart(spec(tmp_path, output="out"), 1)
    files.check_apart({**spec(tmp_path, output="out%a", error="err"), "join": True}, 2)
    with pytest.raises(InvalidArgumentException):
        files.check_apart(spec(tmp_path, output="/out", working_directory="d$DRMAA2_INDEX$"), 2)


def volumes(cwd: Path, given: Any, runtime: str = "podman") -> Any:
    template = JobTemplate(implementation_specific={"volumes": given, "user": "1"})
    found = files.absolute_volumes(template, str(cwd), runtime)
    assert template.implementation_specific == {"volumes": given, "user": "1"}
    return (found.implementation_specific or {})["volumes"]


def test_volumes_are_the_callers(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert volumes(tmp_path, ["./data:/d:ro", "named:/n", f"{tmp_path}:/t"]) == [
        f"{tmp_path}/data:/d:ro",
        "named:/n",
        f"{tmp_path}:/t",
    ]
    for runtime in ("ctr", "apptainer"):
        assert volumes(tmp_path, "data:/d", runtime) == [f"{tmp_path}/data:/d"]


def test_a_missing_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match="nope"):
        volumes(tmp_path, ["nope/:/d"])


def test_no_volumes_no_copy(tmp_path: Path) -> None:
    template = JobTemplate(remote_command="x")
    assert files.absolute_volumes(template, str(tmp_path), "podman") is template
