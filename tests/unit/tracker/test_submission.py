"""From a template to a spec, and what is refused on the way."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import pytest

from proctracker import procs
from proctracker.config import Category, Config
from proctracker.errors import DrmCommunicationException, InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import CpuArchitecture, JobTemplate
from proctracker.store import Home, Reader, Store
from proctracker.tracker import contacts, submission
from proctracker.wire import confinement
from stores import submit

CONFIG = Config(
    output_dir="/o", start_timeout=7.0, categories={"analysis": Category("reg/a:4", ("--device", "/dev/x"))}
)


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path), "HOME": str(tmp_path), "PROCTRACKER_HOME": str(tmp_path / "home")}


def prepare(environ: dict[str, str], values: dict[str, Any], contact: str = "process", **more: Any) -> dict[str, Any]:
    target = contacts.resolve(contact, CONFIG, environ)
    return submission.prepare(JobTemplate(values), target, CONFIG, environ=environ, cwd=environ["HOME"], **more)


def test_a_spec_has_what_the_supervisor_needs(place: dict[str, str]) -> None:
    found = prepare(place, {"remote_command": "true", "job_environment": {"SECRET": "s"}, "min_slots": 2})
    assert found["template"] == {"remote_command": "true", "min_slots": 2}
    assert (found["runtime"], found["slots"], found["output_dir"], found["start_timeout"]) == ("process", 2, "/o", 7.0)
    assert found["output_limit"] == 10 * 2**30
    assert (found["engine"], found["cwd"], "given" in found) == ({}, place["HOME"], False)


def test_an_engine_is_kept(place: dict[str, str]) -> None:
    found = prepare(place, {"remote_command": "true", "job_category": "i"}, "podman:/x")
    assert found["engine"]["command"] == (f"{place['HOME']}/podman",)
    assert found["engine"]["options"] == {"address": "/x"}


@pytest.mark.parametrize(
    ("values", "kind", "word"),
    [
        ({}, InvalidArgumentException, "remote_command"),
        ({"remote_command": ""}, InvalidArgumentException, "remote_command"),
        ({"remote_command": "x", "email": ["a@b"]}, UnsupportedAttributeException, "email"),
        ({"remote_command": "x", "job_category": "i"}, UnsupportedAttributeException, "job_category"),
        ({"remote_command": "x", "machine_os": "WIN"}, UnsupportedAttributeException, "LINUX"),
        ({"remote_command": "x", "min_phys_memory": 2**60}, InvalidArgumentException, "min_phys_memory"),
        ({"remote_command": "x", "implementation_specific": {"nope": 1}}, InvalidArgumentException, "nope"),
        (
            {"remote_command": "x", "implementation_specific": {"cpus": 1}},
            UnsupportedAttributeException,
            "resource_limits",
        ),
        (
            {"remote_command": "x", "implementation_specific": {"memory_limit": "1G"}},
            UnsupportedAttributeException,
            "resource_limits",
        ),
        ({"remote_command": "x", "working_directory": "/proc/nope"}, InvalidArgumentException, "working_directory"),
        ({"remote_command": "x", "input_path": "nope"}, InvalidArgumentException, "input_path"),
        ({"remote_command": "x", "output_path": "/proc/nope/o"}, InvalidArgumentException, "output_path"),
        ({"remote_command": "x", "deadline_time": 1}, InvalidArgumentException, "deadline"),
        ({"remote_command": "x", "resource_limits": {"CPU_TIM": 1}}, InvalidArgumentException, "CPU_TIME"),
    ],
)
def test_refused(place: dict[str, str], values: dict[str, Any], kind: type[Exception], word: str) -> None:
    with pytest.raises(kind, match=word):
        prepare(place, values)


def test_another_architecture_is_refused(place: dict[str, str]) -> None:
    prepare(place, {"remote_command": "x", "machine_arch": procs.architecture(), "min_phys_memory": 1000})
    with pytest.raises(UnsupportedAttributeException, match=procs.architecture().name):
        prepare(place, {"remote_command": "x", "machine_arch": CpuArchitecture.ALPHA})


def test_a_missing_cli_is_refused(place: dict[str, str]) -> None:
    with pytest.raises(DrmCommunicationException, match="docker"):
        prepare(place, {"remote_command": "x", "job_category": "i"}, "docker")


@pytest.mark.parametrize("own", [["-q"], "--label=a b"])
def test_a_named_category(place: dict[str, str], own: Any) -> None:
    values = {"remote_command": "x", "job_category": "analysis", "implementation_specific": {"options": own}}
    found = prepare(place, values, "podman")
    assert found["template"]["job_category"] == "reg/a:4"
    more = own if isinstance(own, list) else [own]
    assert found["template"]["implementation_specific"]["options"] == ["--device", "/dev/x", *more]
    assert found["given"] == {"job_category": "analysis", "implementation_specific": {"options": own}}


def test_arrays_are_looked_at_as_such(place: dict[str, str]) -> None:
    prepare(place, {"remote_command": "x", "output_path": "o.%a"}, array=True)
    for more in ({"array": True}, {"indices": [1, 2]}):
        with pytest.raises(InvalidArgumentException, match="every task"):
            prepare(place, {"remote_command": "x", "output_path": "o"}, **more)


def test_limits_above_ones_own(place: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    values = {"remote_command": "x", "resource_limits": {"OPEN_FILES": hard + 1}}
    may: list[str] = []
    monkeypatch.setattr(confinement, "describe", lambda: {"may": may})
    with pytest.raises(InvalidArgumentException, match=f"OPEN_FILES {hard + 1} is above your hard limit, {hard}"):
        prepare(place, values)
    values["resource_limits"] = {"OPEN_FILES": hard, "CORE_FILE_SIZE": "unlimited", "WALLCLOCK_TIME": 5}
    assert prepare(place, values)["time_limit"] == 5
    may.append("limits")
    assert prepare(place, {"remote_command": "x", "resource_limits": {"OPEN_FILES": hard + 1}})


@pytest.mark.parametrize("values", [{"submit_as_hold": True}, {"start_time": "+1h"}])
def test_files_are_left_to_a_later_start(place: dict[str, str], values: dict[str, Any]) -> None:
    made = prepare(place, {"remote_command": "x", "working_directory": "/proc/nope", **values})
    assert made["template"]["working_directory"] == "/proc/nope"


def test_dependencies_must_be_known(place: dict[str, str]) -> None:
    store = Store(Home(place["PROCTRACKER_HOME"]))
    job, task = submit(store)[0], submit(store, tasks=2)[0]
    store.close()
    reader = Reader(Home(place["PROCTRACKER_HOME"]))
    for key in ("after", "after_any"):
        values = {
            "remote_command": "x",
            "working_directory": "/proc/nope",
            "implementation_specific": {key: [job.id, task.id, str(task.num)]},
        }
        assert prepare(place, values)[key] == [job.id, task.id, str(task.num)]
        values["implementation_specific"] = {key: f"{job.id},4711"}
        with pytest.raises(InvalidArgumentException, match="4711"):
            prepare(place, values, reader=reader)
    reader.close()


def test_a_directory_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert submission.directory(JobTemplate(), False) == str(gone)
    gone.rmdir()
    with pytest.raises(InvalidArgumentException, match="current directory"):
        submission.directory(JobTemplate(remote_command="x"), False)


def test_one_task_alone_may_have_any_file(place: dict[str, str]) -> None:
    values = {"remote_command": "x", "output_path": "out"}
    assert prepare(place, values, indices=[7])["output"] == "out"
    with pytest.raises(InvalidArgumentException, match="every task"):
        prepare(place, values, indices=[7, 8])


def test_relative_volumes_are_the_callers(place: dict[str, str]) -> None:
    values = {"job_category": "i", "implementation_specific": {"volumes": ["./:/d"]}}
    found = prepare(place, values, "podman")
    assert found["template"]["implementation_specific"]["volumes"] == [f"{place['HOME']}:/d"]
    assert found["given"]["implementation_specific"]["volumes"] == ["./:/d"]


@pytest.mark.parametrize(
    ("values", "containers", "needed"),
    [
        ({"working_directory": "/abs"}, False, False),
        ({"working_directory": "/abs", "output_path": "rel"}, False, False),
        ({"working_directory": "$DRMAA2_HOME_DIR$/x"}, False, False),
        ({"working_directory": "rel"}, False, True),
        ({"output_path": "/abs"}, False, True),
        ({}, True, False),
        ({"output_path": "/abs", "implementation_specific": {"volumes": ["/a:/b", "name:/c"]}}, True, False),
        ({"working_directory": "/abs", "output_path": "rel"}, True, True),
        ({"implementation_specific": {"volumes": "./a:/b"}}, True, True),
    ],
)
def test_a_removed_directory_is_no_matter_where_it_is_not_needed(
    values: dict[str, Any], containers: bool, needed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        if needed:
            with pytest.raises(InvalidArgumentException, match="current directory"):
                submission.directory(JobTemplate(values), containers)
        else:
            assert submission.directory(JobTemplate(values), containers) == "/"
    finally:
        monkeypatch.undo()


@pytest.mark.parametrize("tasks", [0, 2])
def test_a_dependency_on_another_hosts_job_says_where_it_is(place: dict[str, str], tasks: int) -> None:
    Store(Home(place["PROCTRACKER_HOME"])).close()
    store = Store(Home(place["PROCTRACKER_HOME"], "login2"))
    job = submit(store, tasks=tasks)[0]
    store.close()
    for name in {job.id, str(job.num)}:
        values = {"remote_command": "x", "implementation_specific": {"after": [name]}}
        with pytest.raises(InvalidArgumentException, match=f"after: job {name} is on login2"):
            prepare(place, values)
