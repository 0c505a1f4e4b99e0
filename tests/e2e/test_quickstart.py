"""``scripts/quickstart`` of somebody who has nothing yet: no image, no knowledge of what comes next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import proctracker
from proctracker.store import Home

ROOT = Path(proctracker.__file__).parents[1]
ENGINES = ("podman", "docker", "nerdctl", "ctr")


@pytest.fixture
def folder(home: Home, tmp_path: Path) -> Path:
    """A checkout that is installed already, and a PATH on which there is no engine."""
    for name in ("scripts", ".venv/bin", "bin"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "quickstart", tmp_path / "scripts")
    _program(tmp_path / ".venv/bin/python", "exit 0")
    _program(tmp_path / ".venv/bin/proctracker", f'exec "{sys.executable}" -m proctracker "$@"')
    for place in ("/bin", "/usr/bin", "/usr/local/bin", "/usr/sbin", "/sbin"):
        for each in Path(place).iterdir():
            if each.name not in ENGINES and not (tmp_path / "bin" / each.name).exists():
                (tmp_path / "bin" / each.name).symlink_to(each)
    return tmp_path


def _program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def _run(folder: Path) -> str:
    environ = {**os.environ, "PATH": str(folder / "bin"), "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    done = subprocess.run(
        [folder / "scripts" / "quickstart"], env=environ, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _next(said: str, what: str) -> list[str]:
    """The lines that are told to be next."""
    return said.partition(f"== next, with {what}\n")[2].split("\n\n")[0].strip().splitlines()


def test_it_ends_with_what_comes_next_for_processes(folder: Path) -> None:
    said = _run(folder)
    assert "exit code: 3" in said
    lines = _next(said, "processes")
    assert len(lines) == 3
    assert "== next, with" not in said.partition("== next, with processes")[2]
    codes = [
        subprocess.run(["sh", "-c", line], capture_output=True, check=False, cwd=folder).returncode for line in lines
    ]
    assert codes == [3, 0, 0]


def test_an_engine_without_an_image_gets_the_smallest_one(podman: object, folder: Path, tmp_path: Path) -> None:
    storage = tmp_path / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/root"\nrunroot = "{tmp_path}/runroot"\n')
    program = shutil.which("podman")
    _program(folder / "bin" / "podman", f'CONTAINERS_STORAGE_CONF="{storage}" exec "{program}" "$@"')
    said = _run(folder)
    assert "made localhost/busybox-of-this-host" in said
    assert said.count("exit code: 3") == 2
    lines = _next(said, "podman")
    assert len(lines) == 3
    codes = []
    for line in lines:
        environ = {**os.environ, "PATH": str(folder / "bin"), "PYTHONPATH": str(ROOT)}
        codes.append(subprocess.run(["sh", "-c", line], env=environ, check=False, cwd=folder).returncode)
    assert codes == [3, 0, 0]
    subprocess.run([str(folder / "bin" / "podman"), "rm", "-fa", "-t", "0"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("contact", "words"),
    [("ctr", "ctr images pull docker.io/library/busybox"), ("nerdctl", "nerdctl pull docker.io/library/busybox")],
)
def test_others_are_told_how_to_have_one(folder: Path, contact: str, words: str) -> None:
    _program(folder / "bin" / contact, "exit 0")
    said = _run(folder)
    assert f"== {contact} has no image yet" in said
    assert words in said


def test_a_host_without_busybox_is_told(folder: Path) -> None:
    (folder / "bin" / "busybox").unlink(missing_ok=True)
    _program(folder / "bin" / "podman", "exit 0")
    said = _run(folder)
    assert "apt install busybox-static" in said
    assert "podman pull docker.io/library/busybox" in said
