"""Streams of the command that starts a container."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from proctracker.runtimes.base import Launch
from proctracker.supervisor.running.container_streams import make_kept, streams_of


def test_kept_files_that_are_the_commands_own_stay_open(tmp_path: Path) -> None:
    out, err = str(tmp_path / "out"), str(tmp_path / "err")
    outputs = SimpleNamespace(open=lambda path: os.open(path, os.O_WRONLY | os.O_CREAT))
    request = SimpleNamespace(
        output=None, error=None, keep_output=out, keep_error=err, template=SimpleNamespace(join_files=False)
    )
    opened: dict[str | None, int] = {}
    make_kept(outputs, request, Launch("attached", ("x",), stdout=out), opened)  # type: ignore[arg-type]
    assert ([*opened], os.path.exists(err)) == ([out], True)
    os.close(opened[out])


def test_what_has_no_file_is_captured(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    streams = streams_of(Launch("detached", ("x",), stdout=out), SimpleNamespace(stdin=None), None, {})  # type: ignore[arg-type]
    assert os.readlink(f"/proc/self/fd/{streams[1]}") == out
    assert streams[2] is None
    for fd in {fd for fd in streams if fd is not None}:
        os.close(fd)
