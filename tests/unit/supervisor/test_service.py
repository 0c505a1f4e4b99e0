"""The supervisor as a whole: contexts, a removed state directory, a full disk."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import close
from proctracker.client.client import Client
from proctracker.errors import OutOfResourceException
from proctracker.linux import pidfd, procfs
from proctracker.model import JobState
from proctracker.store import Home
from proctracker.supervisor import service as module
from stores import fill
from supervising import LONG, Desk, context, gone, seat, spec, stored


@pytest.mark.parametrize("how", ["leave", "keeper"])
def test_its_exit_status_says_why(desk: Desk, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "freeze", lambda: None)
    job = desk.submit("true", hold=True)
    if how == "leave":
        desk.here.loop.soon(desk.service.departure.leave)
    else:
        os.close(desk.note)
        desk.here.ledger.change(job.row)
    desk.service.keeper_notes.begin()
    desk.recover()
    assert desk.service.run() == (0 if how == "leave" else module.ORPHANED)
    desk.note = os.open(os.devnull, os.O_RDONLY)
    assert desk.here.ledger.clean or how == "leave"


def test_a_word_from_the_keeper(desk: Desk) -> None:
    told: list[bool] = []
    desk.service.watch.kept = lambda final=False: told.append(final)  # type: ignore[method-assign]
    os.write(desk.note, b"x")
    desk.service.keeper_notes.heard()
    desk.service.keeper_notes.heard()  # nothing more has come
    assert told == [False]


def test_an_idle_supervisor_goes(home: Home) -> None:
    client = Client(home, settings={"idle": 0.05})
    job = client.submit("s", spec("true"), context(), contact="process")
    keeper, supervisor = seat(client)
    client.close()
    assert gone(supervisor)
    assert gone(keeper)
    assert stored(home, job)[0].state == JobState.DONE
    assert sorted(os.listdir(home.run)) == ["main.lock", "main.settings"]


def test_clients_that_come_while_it_goes(home: Home) -> None:
    failures: list[BaseException] = []

    def come() -> None:
        try:
            for _ in range(8):
                client = Client(home, settings={"idle": 0.0})
                assert client.call("status")["pid"]
                client.close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=come) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_state_directory_that_was_removed(home: Home) -> None:
    client = Client(home, settings={"idle": 0.05})
    keeper, supervisor = seat(client)
    with open(f"{home.here}/supervisor.log", encoding="utf-8") as log:
        shutil.rmtree(home.path)
        client.close()
        assert gone(supervisor)
        assert gone(keeper)
        assert [line.partition(": ")[2] for line in log] == ["leaves: nothing is left to do\n"]


def test_a_state_directory_that_was_removed_and_made_anew(home: Home) -> None:
    old, new = Client(home, settings={"idle": 0.05}), Client(home)
    keeper, supervisor = seat(old)
    shutil.rmtree(home.path)
    os.mkdir(home.path, 0o700)
    home._uuid = None
    job = new.submit("s", spec("sh", "-c", "exit 3"), context(), contact="process")
    assert seat(new)[1] != supervisor
    old.close()
    assert gone(supervisor)
    assert gone(keeper)
    rows = new.wait([job], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 3
    assert Client(home).running()
    new.close()


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Home]:
    """A state directory on a file system of its own that is soon full; for root alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here (root alone can)")
    made = Home(str(folder / "home"))
    yield made
    close(made)
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_at_a_jobs_end(small_home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    client = Client(small_home)
    script = spec("sh", "-c", f"read x < {tmp_path}/gate; exit 7", output="/dev/null", error="/dev/null")
    job = client.submit("s", script, context(), contact="process")
    rows = client.wait([job], "started", timeout=LONG)
    assert rows is not None
    wait = client.waiting([job])
    assert wait.receive() is None
    watched = pidfd.open(rows[0].pid or 0)
    filler = fill(Path(small_home.path).parent)
    (tmp_path / "gate").write_text("go\n")
    assert gone(rows[0].pid or 0)
    with pytest.raises(OutOfResourceException, match=small_home.path):  # noqa: PT012 - some still fit in
        for _ in range(100):
            client.submit("s", script, context(), contact="process")
    # Whether the end is written by now is chance: opening the store anew gives back the room of its log.
    assert client.call("status")["live"] >= 0
    filler.unlink()
    found = client.wait([job], timeout=LONG)
    assert found is not None
    assert (found[0].exit_status, bool(found[0].max_rss)) == (7, True)
    os.close(watched)
    wait.close()
    client.close()


def test_nothing_is_left_open(desks: Callable[..., Desk]) -> None:
    desks().close()
    procfs.last_pid()  # a file that is opened once for all
    before = len(os.listdir("/proc/self/fd"))
    for number in range(3):
        desk = desks(key=f"k{number}")
        desk.service.server.open()
        desk.ended(desk.submit("true"))
        desk.close()
    assert len(os.listdir("/proc/self/fd")) == before
