"""Opening in turn, and copies for readers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.linux import procfs
from proctracker.store import Home
from proctracker.store.snapshot import Opener, Snapshot


def _opener(home: Home, name: str) -> None:
    folder = Path(home.here, "opener")
    folder.mkdir(mode=0o700)
    (folder / name).touch()


def _due(snapshot: Snapshot) -> float | None:
    return snapshot.due


def _ticks(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_the_opener_is_a_directory_while_it_is_open(home: Home) -> None:
    home.prepare()
    opener = Opener(home)
    opener.take()
    opener.take()
    assert os.listdir(os.path.join(home.here, "opener")) == [f"{procfs.boot_id()}.{os.getpid()}.{_ticks(os.getpid())}"]
    assert [name for name in os.listdir(home.here) if name.startswith("opener")] == ["opener"]
    opener.leave()
    opener.leave()
    assert not os.path.exists(os.path.join(home.here, "opener"))


def test_a_living_opener_is_named(home: Home) -> None:
    home.prepare()
    _opener(home, f"{procfs.boot_id()}.{os.getppid()}.{_ticks(os.getppid())}")
    with pytest.raises(DrmCommunicationException, match=f"process {os.getppid()} has"):
        Opener(home).take()
    assert [name for name in os.listdir(home.here) if name.startswith("opener.")] == []


@pytest.mark.parametrize("name", ["other-boot.{pid}.{ticks}", "{boot}.{pid}.1", "{boot}.99999999.5"])
def test_a_dead_opener_does_not_count(home: Home, name: str) -> None:
    home.prepare()
    pid = os.getppid()
    _opener(home, name.format(pid=pid, ticks=_ticks(pid), boot=procfs.boot_id()))
    opener = Opener(home)
    opener.take()
    assert [each.split(".")[1] for each in os.listdir(os.path.join(home.here, "opener"))] == [str(os.getpid())]


@pytest.mark.parametrize("dead", [False, True], ids=["free", "after a dead one"])
def test_of_processes_at_once_one_opens(home: Home, dead: bool) -> None:
    home.prepare()
    if dead:
        _opener(home, f"{procfs.boot_id()}.99999999.5")
    script = (
        "import sys; from proctracker.store.paths import Home; from proctracker.store.snapshot import Opener\n"
        "opener = Opener(Home(sys.argv[1], sys.argv[2])); print(flush=True); input()\n"
        "try: opener.take(); print('open', flush=True)\n"
        "except Exception as error: print(error, flush=True)\n"
        "input()"
    )
    argv = [sys.executable, "-c", script, home.path, home.host]
    with ExitStack() as stack:
        pipes: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        found = [stack.enter_context(subprocess.Popen(argv, text=True, **pipes)) for _ in range(4)]  # type: ignore[call-overload]
        for each in found:
            each.stdout.readline()
        for each in found:
            each.stdin.write("\n")
            each.stdin.flush()
        told = [each.stdout.readline().strip() for each in found]
        opener = found[told.index("open")].pid
        for each in found:
            each.stdin.close()
    assert sum(f"process {opener} has" in line for line in told) == 3


def test_a_copy_that_cannot_be_made_is_due_again(home: Home) -> None:
    home.prepare()
    Path(home.database).write_text("one")
    snapshot = Snapshot(home)
    os.mkdir(home.snapshot)
    snapshot.committed()
    assert _due(snapshot)
    assert sorted(name for name in os.listdir(home.here) if "snapshot" in name) == ["jobs.snapshot"]
    os.rmdir(home.snapshot)
    snapshot.publish()
    assert _due(snapshot) is None
    assert Path(home.snapshot).read_text() == "one"
    Path(home.database).write_text("two")
    snapshot.committed()
    assert _due(snapshot)
    assert Path(home.snapshot).read_text() == "one"


def test_an_unwritable_folder_is_named(home: Home) -> None:
    home.prepare()
    opener = Opener(home)
    shutil.rmtree(home.here)
    with pytest.raises(DrmCommunicationException, match=f"state directory {home.here}/opener"):
        opener.take()
