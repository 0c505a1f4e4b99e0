"""At most one supervisor, with locks and without."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proctracker.linux import procfs
from proctracker.wire import election


@pytest.fixture(params=["locks", "no locks"])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run directory, on a file system with locks and on one without."""
    if request.param == "no locks":

        def refuse(fd: int, operation: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
    return str(tmp_path)


def _other(run: str, owner: str) -> None:
    """Put down another owner, as somebody who was elected without locks."""
    folder = Path(f"{election.lock_path(run, 'main')}.3")
    folder.mkdir()
    (folder / "owners").write_text(owner)


def test_one_wins_and_says_who(run: str) -> None:
    fd = election.claim(run, "main")
    assert fd is not None
    assert election.claim(run, "main") is None
    assert election.holders(run, "main") == [os.getpid()]
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_confinements_do_not_compete(run: str) -> None:
    assert election.claim(run, "main") is not None
    assert election.claim(run, "0123456789ab") is not None


def test_a_seat_that_was_left_is_free(run: str) -> None:
    fd = election.claim(run, "main")
    assert fd is not None
    election.release(fd)
    assert election.holders(run, "main") == []
    assert election.claim(run, "main") is not None


def test_the_seat_passes_on(run: str) -> None:
    fd = election.claim(run, "main")
    assert fd is not None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as keeper:
        election.hold(fd, [keeper.pid, os.getpid()])
        assert election.holders(run, "main") == [keeper.pid, os.getpid()]
        election.hold(fd, [keeper.pid])
        assert election.claim(run, "main") is None
    assert election.holders(run, "main") == []


def test_of_many_at_once_one_wins(run: str) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: election.claim(run, "main"), range(64)))
    assert len([fd for fd in found if fd is not None]) == 1
    assert not [name for name in os.listdir(run) if ".new-" in name]


def test_an_owner_without_locks_counts_for_those_with_locks(run: str) -> None:
    me = procfs.stat(os.getpid())
    assert me
    _other(run, f"{procfs.boot_id()} {me.pid} {me.ticks}\n")
    assert election.claim(run, "main") is None


def test_an_owner_with_locks_counts_for_those_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert election.claim(str(tmp_path), "main") is not None

    def refuse(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert election.claim(str(tmp_path), "main") is None


@pytest.mark.parametrize("owner", ["", "rubbish", "other-boot {pid} {ticks}\n", "{boot} {pid} 1\n"])
def test_dead_owners_do_not_count(run: str, owner: str) -> None:
    me = procfs.stat(os.getpid())
    assert me
    _other(run, owner.format(pid=me.pid, ticks=me.ticks, boot=procfs.boot_id()))
    assert election.claim(run, "main") is not None


def test_only_the_newest_lock_directory_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fd: int, operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(fcntl, "flock", refuse)
    _other(str(tmp_path), "")
    assert election.claim(str(tmp_path), "main") is not None
    assert sorted(os.listdir(tmp_path)) == ["main.lock", "main.lock.4"]


def test_a_claim_outlives_the_process_that_made_it(tmp_path: Path) -> None:
    script = (
        "import os, sys; from proctracker.wire import election; fd = election.claim(sys.argv[1], 'main');"
        "os.set_inheritable(fd, True); os.execvp('cat', ['cat'])"
    )
    argv = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        holder.stdin.write(b"x\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"x\n"
        assert election.claim(str(tmp_path), "main") is None
    assert election.claim(str(tmp_path), "main") is not None


def test_a_directory_we_cannot_write_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        election.claim(str(tmp_path / "missing"), "main")


def test_a_lock_that_is_removed_just_then_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, real = str(tmp_path), fcntl.flock
    first = election.claim(run, "k")
    assert first is not None

    def flock(fd: int, how: int) -> None:
        if os.path.exists(election.lock_path(run, "k")):
            election.forget(first, run, "k")
            election.release(first)
        real(fd, how)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        assert election.claim(run, "k") is None
    second = election.claim(run, "k")
    assert second is not None
    assert election.claim(run, "k") is None
    election.release(second)


def test_a_lock_whose_holder_is_not_put_down_is_held_all_the_same(tmp_path: Path) -> None:
    run, name = str(tmp_path), str(tmp_path / "k.sock")
    assert election.nameless(run, "k", name) == 0
    with open(election.lock_path(run, "k"), "w") as file:
        assert election.nameless(run, "k", name) == 0
        fcntl.flock(file, fcntl.LOCK_EX)
        assert election.nameless(run, "k", name) == os.getpid()
        (tmp_path / "k.sock").touch()
        assert election.nameless(run, "k", name) == 0


@pytest.mark.parametrize("lost", ["ftruncate", "close"])
def test_a_file_server_that_refuses_the_leaving_keeps_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    fd = election.claim(str(tmp_path), "main")
    assert fd is not None
    copy, real = os.dup(fd), getattr(os, lost)

    def refuse(given: int, *values: int) -> None:
        if given == fd:
            real(given, *values)
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        real(given, *values)

    with monkeypatch.context() as patch:
        patch.setattr(os, lost, refuse)
        election.release(fd)
    assert election.claim(str(tmp_path), "main") is not None
    os.close(copy)
