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
        ({"output": "stdout", "cwd": "/dev"}, r"output_path: /dev/stdout .*leave it out"),
        ({"error": "/dev/fd/2"}, r"error_path: /dev/fd/2 "),
        ({"output": "$DRMAA2_HOME_DIR$/fd/%a", "home_dir": "/proc/self"}, r"output_path: /proc/self/fd/0"),
        (
            {"template": {"working_directory": "/proc/self/cwd"}},
            r"working_directory: .*name the file or directory itself",
        ),
        ({"template": {"implementation_specific": {"volumes": ["/a:/b", "/dev/stdin:/x"]}}}, "volumes: /dev/stdin"),
        ({"template": {"implementation_specific": {"devices": "/dev/fd/3"}}}, "devices: /dev/fd/3"),
        *(
            ({"template": {"implementation_specific": {"options": options}}}, "options: /dev/fd/63 ")
            for options in (
                ["-v", "/dev/fd/63:/x"],
                ["-itv/dev/fd/63:/x"],
                ["--rm", "--volume=/dev/fd/63:/x:ro"],
                ["--mount=type=bind,source=/dev/fd/63,target=/x"],
                ["--mount", "type=bind,dst=/x,src=/dev/fd/63"],
                ["--env-file", "/dev/fd/63"],
                "--device=/dev/fd/63",
            )
        ),
    ],
)
def test_what_is_refused(changes: dict[str, object], told: str) -> None:
    spec = {"template": {}, "cwd": "/", "home_dir": "/root", "runtime_containers": False, **changes}
    with pytest.raises(InvalidArgumentException, match=told):
        ownfiles.refuse(spec)


def test_a_containers_own_directories_are_its_own() -> None:
    spec = {"template": {"working_directory": "/proc/self"}, "cwd": "/", "home_dir": "/"}
    ownfiles.refuse({**spec, "runtime_containers": True})


def test_what_a_container_has_at_such_a_path_is_its_own() -> None:
    options = ["--tmpfs=/dev/fd", "-w", "/proc/self/cwd", "-v", "/tmp:/dev/fd", "--mount=type=tmpfs,dst=/proc/self"]
    spec = {"template": {"implementation_specific": {"options": options}}, "cwd": "/", "home_dir": "/"}
    ownfiles.refuse({**spec, "runtime_containers": True})


@pytest.mark.parametrize("word", ["/dev/fd/{}", "/proc/self/fd/{}", "--file=/dev/fd/{}"])
def test_a_descriptor_of_ours_among_the_words(word: str) -> None:
    spec = {"cwd": "/", "home_dir": "/", "runtime_containers": False}
    fd = os.open(os.devnull, os.O_RDONLY)
    try:
        mine = {"remote_command": "cat", "args": [word.format(fd)]}
        ownfiles.refuse({**spec, "template": mine})
        os.set_inheritable(fd, True)
        with pytest.raises(InvalidArgumentException, match=f"fd/{fd} is this command's own file"):
            ownfiles.refuse({**spec, "template": mine})
        ownfiles.refuse({**spec, "template": {"remote_command": "sh", "args": ["-c", f"cat {word.format(fd)}"]}})
    finally:
        os.close(fd)
    for own in (0, 2, fd, "x", "9" * 50):
        ownfiles.refuse({**spec, "template": {"remote_command": "tee", "args": [word.format(own), None]}})
