"""Paths that would mean the supervisor's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.tracker import ownfiles

OWN = [
    "/dev/stdout",
    "/dev/stdin",
    "/dev/stderr",
    "/dev/fd/63",
    "//dev/./fd/1",
    "/proc/self/fd/1",
    "/proc/thread-self/fd/0",
    "/proc/self/cwd/out",
    "/dev/tty",
    "/tmp/../dev/stdout",
]


@pytest.mark.parametrize("path", OWN)
def test_those_of_whoever_opens_them(path: str) -> None:
    assert ownfiles.leads_there(path)


@pytest.mark.parametrize(
    "path",
    ["/dev/null", "/proc/mounts", "/proc/net/dev", f"/proc/{os.getpid()}/fd/1", "/tmp/out", "/nosuch/x", "/dev/pts/0"],
)
def test_those_of_everybody(path: str) -> None:
    assert not ownfiles.leads_there(path)


def test_through_links(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/dev/stdout")
    (tmp_path / "again").symlink_to("out")
    (tmp_path / "fds").symlink_to("../" * len(tmp_path.parts) + "proc/self/fd")
    (tmp_path / "round").symlink_to("round")
    for name in ("out", "again", "fds/1"):
        assert ownfiles.leads_there(str(tmp_path / name))
    assert not ownfiles.leads_there(str(tmp_path / "round"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"input": "/dev/stdin"}, r"input_path: /dev/stdin .*`proctracker run`"),
        ({"output": "stdout", "base": "/dev"}, r"output_path: /dev/stdout .*leave it out"),
        ({"error": "/dev/fd/2"}, r"error_path: /dev/fd/2 "),
        ({"output": "$DRMAA2_HOME_DIR$/fd/%a", "home_dir": "/proc/self"}, r"output_path: /proc/self/fd/0"),
        (
            {"template": {"working_directory": "/proc/self/cwd"}},
            r"working_directory: .*name the file or directory itself",
        ),
        ({"template": {"implementation_specific": {"volumes": ["/a:/b", "/dev/stdin:/x"]}}}, "volumes: /dev/stdin"),
        ({"template": {"implementation_specific": {"devices": "/dev/fd/3"}}}, "devices: /dev/fd/3"),
    ],
)
def test_what_is_refused(changes: dict[str, object], told: str) -> None:
    spec = {"template": {}, "cwd": "/", "base": "/", "home_dir": "/root", "runtime_containers": False, **changes}
    with pytest.raises(InvalidArgumentException, match=told):
        ownfiles.refuse(spec)


def test_a_containers_own_directories_are_its_own() -> None:
    spec = {"template": {"working_directory": "/proc/self"}, "cwd": "/", "base": "/", "home_dir": "/"}
    ownfiles.refuse({**spec, "runtime_containers": True})
