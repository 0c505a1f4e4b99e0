"""The engines themselves, by the bare CLI: where these fail, nothing else of a runtime can work."""

from __future__ import annotations

import os

import pytest

from engines import Engine, Refused


def _run(engine: Engine, *command: str) -> str:
    """What a container prints; without a CLI, the command by itself."""
    if not engine.command:
        return engine.cli(*command)
    if engine.name == "slurm":
        return engine.cli("srun", "--quiet", "--chdir=/", *command)
    if engine.name == "apptainer":
        return engine.cli("exec", engine.image, *command)
    name = [f"bare-{os.getpid()}"] if engine.name == "ctr" else []
    network = ["--net-host"] if engine.name == "ctr" else ["--network", "host"]
    return engine.cli("run", "--rm", *network, engine.image, *name, *command)


def test_the_image_runs(engine: Engine) -> None:
    assert _run(engine, "sh", "-c", "echo $((6 * 7)) | cat").split() == ["42"]


def test_an_exit_code_arrives(engine: Engine) -> None:
    with pytest.raises(Refused) as told:
        _run(engine, "sh", "-c", "exit 7")
    assert told.value.returncode == 7


def test_a_daemon_comes_back(engine: Engine) -> None:
    engine.restart()
    engine.kill()
    engine.start()
    assert _run(engine, "echo", "back") == "back\n"


def test_who_runs_it(engine: Engine) -> None:
    assert (os.geteuid() != 0) >= (engine.name == "podman-rootless")
