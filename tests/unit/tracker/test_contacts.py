"""Contact strings, engines and the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.config import Config, Tracker
from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.tracker import contacts


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    for name in ("podman", "ctr", "other"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return {"PATH": str(tmp_path), "HOME": "/h", "CONTAINER_HOST": "unix:///x", "SECRET": "s"}


def test_none_is_the_default() -> None:
    assert contacts.resolve(None, Config(), {}).runtime.name == "process"
    assert contacts.resolve(None, Config(default_contact="podman"), {}).contact == "podman"


def test_the_engine_holds_what_decides_it(environ: dict[str, str], tmp_path: Path) -> None:
    engine = contacts.resolve("podman", Config(), environ).engine
    assert engine.command == (str(tmp_path / "podman"),)
    assert engine.env["CONTAINER_HOST"] == "unix:///x"
    assert "SECRET" not in engine.env


def test_every_call_is_made_with_what_its_runtime_wants(environ: dict[str, str]) -> None:
    quiet = {"CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS": "1"}
    assert (
        quiet.items() <= contacts.resolve("ctr", Config(), {**environ, **dict.fromkeys(quiet, "0")}).engine.env.items()
    )
    assert not quiet.keys() & contacts.resolve("podman", Config(), environ).engine.env.keys()


def test_processes_need_no_engine(environ: dict[str, str]) -> None:
    engine = contacts.resolve("process", Config(), environ).engine
    assert (engine.command, engine.env) == ((), {})


@pytest.mark.parametrize(
    ("contact", "options"),
    [
        ("podman:/run/p.sock", {"address": "/run/p.sock"}),
        ("ctr:/run/c.sock?namespace=x", {"address": "/run/c.sock", "namespace": "x"}),
        ("ctr?namespace=a%20b", {"namespace": "a b"}),
    ],
)
def test_options(environ: dict[str, str], contact: str, options: dict[str, str]) -> None:
    found = contacts.resolve(contact, Config(), environ)
    assert (found.contact, dict(found.engine.options)) == (contact, options)


@pytest.mark.parametrize(
    "contact",
    ["", ":x", "podman:", "podmann", "podman?x=1", "podman?x", "process:/x", "apptainer:/x", "ctr?address=/x"],
)
def test_what_means_nothing_is_refused(environ: dict[str, str], contact: str) -> None:
    with pytest.raises(InvalidArgumentException, match="contact"):
        contacts.resolve(contact, Config(), environ)


def test_the_nearest_name_is_told(environ: dict[str, str]) -> None:
    config = Config(trackers={"scratch-podman": Tracker("podman", ("other",))})
    with pytest.raises(InvalidArgumentException, match="scratch-podman"):
        contacts.resolve("scratch-podmen", config, environ)


def test_a_tracker_of_the_configuration(environ: dict[str, str], tmp_path: Path) -> None:
    config = Config(trackers={"scratch": Tracker("podman", ("other", "--root", "/r"))})
    found = contacts.resolve("scratch:/x", config, environ)
    assert (found.runtime.name, found.engine.command) == ("podman", (str(tmp_path / "other"), "--root", "/r"))
    assert found.engine.options == {"address": "/x"}


def test_a_missing_cli_is_told(environ: dict[str, str]) -> None:
    target = contacts.resolve("docker", Config(), environ)
    with pytest.raises(DrmCommunicationException, match="docker: command not found"):
        contacts.present(target)
    contacts.present(contacts.resolve("podman", Config(), environ))
    contacts.present(contacts.resolve("process", Config(), environ))


def test_an_own_runtime_directory_is_assumed(environ: dict[str, str]) -> None:
    engine = contacts.resolve("podman", Config(), environ).engine
    own = f"/run/user/{os.geteuid()}"
    assert engine.env.get("XDG_RUNTIME_DIR") == (own if os.path.isdir(own) else None)


def test_what_an_answer_depends_on(environ: dict[str, str]) -> None:
    first = contacts.deciding("podman", Config(), environ)
    assert contacts.deciding("podman", Config(), {**environ, "SECRET": "t"}) == first
    assert contacts.deciding("podman:/x", Config(), {**environ, "CONTAINER_HOST": "y"}) != first
    assert contacts.deciding("process", Config(), environ) == ()
    assert contacts.deciding("nobody", Config(), environ) == ()


def test_an_engine_comes_back_from_a_spec(environ: dict[str, str]) -> None:
    engine = contacts.resolve("ctr?namespace=x", Config(), environ).engine
    spec = {"engine": {"command": list(engine.command), "options": dict(engine.options), "env": dict(engine.env)}}
    assert contacts.engine_of(spec) == engine
    assert contacts.engine_of({}).command == ()


def test_the_supervisor_is_told_numbers_only() -> None:
    assert contacts.settings(Config(keep_ended=7))["keep_ended"] == 7


def test_the_configuration_is_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    environ = {"PROCTRACKER_CONFIG": str(path)}
    path.write_text("max_running: 1\n")
    configured = contacts.Configured()
    first = configured.load(environ)
    assert configured.load(environ) is first
    path.write_text("max_running: 22\n")
    assert configured.load(environ).max_running == 22
    with pytest.raises(InvalidArgumentException, match="nowhere"):
        configured.load({"PROCTRACKER_CONFIG": str(tmp_path / "nowhere")})
