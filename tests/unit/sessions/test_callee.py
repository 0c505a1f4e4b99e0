"""What runs inside a job: with the standard library alone, in the right Python, leaving all or nothing."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proctracker.sessions import callee

ABOUT: dict[str, Any] = {
    "version": sys.version_info[:2],
    "path": sys.path,
    "argv": ["me"],
    "main": None,
    "image": False,
    "cloudpickle": False,
}


def run(folder: Path, call: tuple[Any, ...], **about: Any) -> subprocess.CompletedProcess[str]:
    """Carry out a call as its job does, in a Python that knows nothing of proctracker."""
    with open(folder / "call", "wb") as file:
        pickle.dump(inspect.getsource(callee), file, protocol=2)
        pickle.dump({**ABOUT, **about}, file, protocol=2)
        pickle.dump(call, file)
    command = [sys.executable, "-I", "-S", "-c", callee.BOOT, str(folder)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PROCTRACKER_ATTEMPT": "2"}, timeout=60
    )


def outcome(folder: Path) -> tuple[Any, ...]:
    assert os.stat(folder / "result").st_mode & 0o777 == 0o600
    assert not (folder / "result.new").exists()
    with open(folder / "result", "rb") as file:
        about = pickle.load(file)
        return (*about, pickle.load(file)) if about[1] == "value" else about


def test_a_value_and_several(tmp_path: Path) -> None:
    assert run(tmp_path, (False, abs, (-1,), {})).returncode == 0
    assert outcome(tmp_path) == ("2", "value", "", None, 1)
    assert run(tmp_path, (True, divmod, [(7, 2), (9, 3)], {})).returncode == 0
    assert outcome(tmp_path)[4] == [(3, 1), (3, 0)]


def test_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, (False, divmod, (1, 0), {}))
    attempt, kind, said, data = outcome(tmp_path)
    assert (done.returncode, attempt, kind) == (1, "2", "error")
    assert done.stderr == said and said.endswith("ZeroDivisionError: integer division or modulo by zero\n")
    assert isinstance(pickle.loads(data), ZeroDivisionError)


def test_a_call_that_cannot_be_read(tmp_path: Path) -> None:
    done = run(tmp_path, (False, abs, (-1,), {}), main=("path", str(tmp_path / "gone")))
    assert done.returncode == 1
    assert outcome(tmp_path)[1] == "call" and "gone" in outcome(tmp_path)[2]


def test_another_python_is_told_before_anything_is_read(tmp_path: Path) -> None:
    done = run(tmp_path, (False, abs, (-1,), {}), version=(3, 5))
    here = ".".join(map(str, sys.version_info[:2]))
    assert done.returncode == 1
    assert done.stderr.startswith(f"proctracker: the call is Python 3.5's, this is {here} (")
    assert not (tmp_path / "result").exists()


def test_an_image_keeps_its_own_path_first(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    about = {"path": [str(tmp_path / "there"), str(tmp_path / "gone")], "image": True}
    assert run(tmp_path, (False, eval, ("__import__('sys').path",), {}), **about).returncode == 0
    found = outcome(tmp_path)[4]
    assert found[-1] == str(tmp_path / "there") and len(found) > 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_in_a_container_leaves_the_result_to_the_caller(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 4321)
    run(tmp_path, (False, abs, (-1,), {}))
    assert os.stat(tmp_path / "result").st_uid == 4321
