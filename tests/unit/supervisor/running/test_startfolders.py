"""Private directories of starts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from proctracker import runtimes
from proctracker.linux import cgroups
from proctracker.model import JobRow, JobTemplate
from proctracker.runtimes.base import Engine, Request
from proctracker.supervisor.running.startfolders import GIVEN, StartFolders
from supervising import Boxes, Desk, box


def _made(folder: str) -> Path:
    path = Path(folder)
    (path / "fifo" / "1").mkdir(parents=True)
    for name in ("env", "labels", "pid", "fifo/1/x"):
        (path / name).write_text("SECRET=x\n")
    (path / "link").symlink_to("/etc")
    return path


def _row(**more: object) -> JobRow:
    return JobRow("7_2", 7, 2, runtime="podman", attempt=3, **more)  # type: ignore[arg-type]


def test_all_of_it_goes(desk: Desk) -> None:
    folders, row = desk.service.folders, _row()
    path = _made(f"{desk.home.starts}/7_2.3")
    assert os.path.samefile(path, folders.path(row))
    folders.drop_given(row)
    assert sorted(os.listdir(path)) == ["fifo", "link", "pid"]
    folders.drop(row)
    assert os.listdir(desk.home.starts) == []
    assert os.path.isdir("/etc")
    folders.drop(row)
    folders.drop_given(row)


def test_what_nobody_knows_is_tidied(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    running = old.submit("x", **box())
    old.running(running)
    waiting = old.submit("x", **box(), hold=True)
    old.here.ledger.flush()
    folders = StartFolders(old.home)
    for name in ("99.1", "1.2", "2.1", "x"):
        _made(f"{old.home.starts}/{name}")
    assert os.path.samefile(folders.path(waiting.row), f"{old.home.starts}/2.1")
    follow()
    assert os.listdir(old.home.starts) == ["1.1"]


def test_other_supervisors_starts_are_left_alone(desks: Callable[..., Desk], boxes: Boxes) -> None:
    theirs, ours = desks(key="other"), desks()
    job = theirs.submit("x", **box(), hold=True)
    theirs.here.ledger.flush()
    path = _made(theirs.service.folders.path(job.row))
    ours.recover()
    assert path.exists()
    theirs.recover()
    assert not path.exists()


@pytest.mark.parametrize("name", [name for name in runtimes.names() if runtimes.get(name).containers])
def test_every_file_for_a_call_is_known(name: str, tmp_path: Path) -> None:
    template = JobTemplate(remote_command="true", job_category="i")
    request = Request(
        engine=Engine((name,), {}, {}),
        template=template,
        job_id="1",
        attempt=1,
        name="n",
        folder=str(tmp_path),
        keep_output="/o",
        keep_error="/e",
        environment={"A": "b"},
        labels={"x": "y"},
        directory="/",
        limits={},
        input=None,
        output="/o",
        error="/e",
        append=False,
    )
    files = runtimes.get(name).launch(request).files
    assert {os.path.dirname(path) for path in files} <= {str(tmp_path)}
    assert {os.path.basename(path) for path in files} <= {*GIVEN}
