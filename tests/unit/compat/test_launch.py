"""Programs run with a binding's import answered by ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from proctracker.compat import launch

SHOW = "import drmaa, drmaa.session, drmaa.errors as e; print(drmaa.Session.__module__, e.DrmaaException.__module__)"
OURS = "proctracker.compat.drmaa1.session proctracker.compat.drmaa1.errors\n"


def run(*words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proctracker.compat", *words]
    root = os.path.dirname(os.path.dirname(os.path.dirname(launch.__file__)))
    environ = {**os.environ, "PYTHONPATH": root, **environ}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environ, check=False, timeout=60)


def test_a_script_and_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(f"import sys; {SHOW}; sys.exit(len(sys.argv))")
    done = run("drmaa1", "p.py", "a", "-m", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, OURS, "")


def test_a_module(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SHOW)
    assert run("drmaa1", "-m", "mine", cwd=tmp_path).stdout == OURS


def test_a_command_on_the_path_with_a_python_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "tool"
    # -E would have it overlook PYTHONPATH; -S is the Python in which nothing is installed.
    script.write_text(f"#!{sys.executable} -ES\n{SHOW}")
    script.chmod(0o755)
    done = run("drmaa1", "tool", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}", PYTHONPATH="")
    assert (done.stdout, done.stderr) == (OURS, "")


def test_any_program_and_child_pythons(tmp_path: Path) -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SHOW!r}], check=True)"
    (tmp_path / "p.py").write_text(code)
    assert run("drmaa1", str(tmp_path / "p.py")).stdout == OURS
    assert run("drmaa1", "sh", "-c", f'"{sys.executable}" -c "{SHOW}"').stdout == OURS


def test_a_fork_and_an_exit(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "import os, drmaa\npid = os.fork()\nif pid: os._exit(os.waitpid(pid, 0)[1] >> 8)\nos._exit(7)"
    )
    assert run("drmaa1", str(tmp_path / "p.py")).returncode == 7


def test_what_the_program_has_comes_first(tmp_path: Path) -> None:
    (tmp_path / "psutil.py").write_text("mine = True")
    (tmp_path / "p.py").write_text("import drmaa, psutil; print(psutil.mine)")
    assert run("drmaa1", str(tmp_path / "p.py")).stdout == "True\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["drmaa1", "no-such-program"], 127, "no-such-program: there is no such program"),
        (["drmaa1", "./no-such-program"], 127, "./no-such-program: there is no such program"),
        (["drmaa1", "-m", "no_such_module"], 127, "no module 'no_such_module'"),
        (["drmaa1", "-m"], 2, "name a module"),
        (["drmaa1", "-x", "p.py"], 2, "no option -x"),
        (["drmaa1"], 2, "usage: "),
        (["lsf", "p.py"], 2, "usage: "),
        ([], 2, "usage: "),
    ],
)
def test_one_line_says_what_is_wrong(words: list[str], code: int, said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert done.stderr.startswith("proctracker: error: ") and said in done.stderr


def test_help() -> None:
    done = run("--help")
    assert (done.returncode, done.stdout) == (0, f"{launch.USAGE}\n")


def test_which_interpreter(tmp_path: Path) -> None:
    def made(first: str, mode: int) -> str:
        file = tmp_path / "p"
        file.write_text(f"{first}\n")
        file.chmod(mode)
        return str(file)

    file = made("#!/usr/bin/env python3", 0o755)
    assert launch.command([file, "a"], "") == [sys.executable, file, "a"]
    assert launch.command([made("import drmaa", 0o755)], "") == [file]
    assert launch.command([made("#!/opt/v/bin/python3.9 -sE", 0o755)], "") == ["/opt/v/bin/python3.9", "-s", file]
    assert launch.command([made("#!/opt/v/bin/python3.9 -I", 0o755)], "") == ["/opt/v/bin/python3.9", file]
    assert launch.command([made("#!/bin/sh", 0o755)], "") == [file]
    assert launch.command([made("#!/opt/v/bin/python3.9", 0o644)], "") == [sys.executable, file]
    assert launch.command([str(tmp_path)], "") == [sys.executable, str(tmp_path)]


def test_the_environment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = ModuleType("sh")  # as sh is once it is imported: without a spec
    assert loaded.__spec__ is None
    monkeypatch.setitem(sys.modules, "sh", loaded)
    found = launch.environment("drmaa1", {"PYTHONPATH": "/mine", "A": "b"})
    assert found["PYTHONPATH"].endswith(":/mine") and found["A"] == "b"
    assert launch.environment("drmaa1", found)["PYTHONPATH"] == found["PYTHONPATH"]


def test_grid_engines_binding(tmp_path: Path) -> None:
    code = (
        "import drmaa2, drmaa2.job_array, drmaa2.drmaa2_constants as c; print(c.POSIX_EPOCH, drmaa2.job_array.JobArray)"
    )
    (tmp_path / "p.py").write_text(f"from drmaa2.drmaa2_exceptions import TimeoutError\n{code}")
    done = run("gridengine", "p.py", cwd=tmp_path)
    said = "1970-01-01 00:00:00 <class 'proctracker.compat.gridengine.job.JobArray'>\n"
    assert (done.stdout, done.stderr) == (said, "")


def test_a_thread_that_imports_at_the_same_time_has_it_all(tmp_path: Path) -> None:
    # What such a thread has in the end is the module that was of that name while the import went on.
    (tmp_path / "p.py").write_text(
        "import sys\n"
        "seen = []\n"
        "class Look:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        "        if name == 'proctracker.compat.drmaa1': seen.append(sys.modules['drmaa'])\n"
        "sys.meta_path.insert(0, Look)\n"
        "import drmaa\n"
        "print(len(seen), seen[0].Session is drmaa.Session, seen[0].session is drmaa.session)\n"
    )
    assert run("drmaa1", str(tmp_path / "p.py")).stdout == "1 True True\n"
