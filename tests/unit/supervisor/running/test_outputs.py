"""Kept output: files that stayed empty are used again, those somebody holds are not."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proctracker.model import JobRow
from proctracker.store import Home
from proctracker.supervisor.processes.spawn import StartFailed, StartLater
from proctracker.supervisor.running import outputs as module
from proctracker.supervisor.running.outputs import Outputs
from supervising import Desk


@pytest.fixture
def outputs(clean: None, tmp_path: Path) -> Iterator[Outputs]:
    home = Home(str(tmp_path / "state"))
    home.prepare()
    made = Outputs(home)
    yield made
    made.close()


def _used(outputs: Outputs, path: Path, text: bytes = b"") -> int:
    """A file a job has had; its inode."""
    fd = outputs.open(str(path))
    os.write(fd, text)
    os.close(fd)
    return path.stat().st_ino


def test_where_a_jobs_streams_lie(outputs: Outputs, tmp_path: Path) -> None:
    out, err = outputs.paths(JobRow("1042_3", 1042, attempt=2), None)
    assert out.endswith("/output/1/1042_3.2.out")
    assert err.endswith("/output/1/1042_3.2.err")
    assert outputs.paths(JobRow("7", 7), str(tmp_path)) == (f"{tmp_path}/0/7.1.out", f"{tmp_path}/0/7.1.err")


def test_an_empty_file_is_the_next_jobs(outputs: Outputs, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "1", tmp_path / "b" / "2"
    inode = _used(outputs, first)
    outputs.take_back(str(first))
    assert _used(outputs, second) == inode
    assert not first.exists()
    assert second.stat().st_mode & 0o777 == 0o600


def test_what_is_in_the_way_is_taken_out(outputs: Outputs, tmp_path: Path) -> None:
    row = JobRow("7", 7)
    out, _ = outputs.paths(row, str(tmp_path))
    inode = _used(outputs, Path(out), b"text")
    outputs.empty(row, str(tmp_path))
    assert (os.stat(out).st_ino, os.stat(out).st_size) == (inode, 0)


def test_files_of_ended_jobs_are_looked_at_when_one_is_wanted(outputs: Outputs, tmp_path: Path) -> None:
    inodes = [_used(outputs, tmp_path / name, text) for name, text in (("1", b""), ("2", b"text"))]
    for name in "12":
        outputs.ended(str(tmp_path / name))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["1", "2"]
    assert _used(outputs, tmp_path / "3", b"x") == inodes[0]
    outputs.ended(str(tmp_path / "2"))
    outputs.tidy()
    assert (tmp_path / "2").read_text() == "text"


def test_a_file_with_something_in_it_is_its_jobs(outputs: Outputs, tmp_path: Path) -> None:
    inode = _used(outputs, tmp_path / "1", b"text")
    outputs.take_back(str(tmp_path / "1"))
    assert _used(outputs, tmp_path / "2") != inode
    assert (tmp_path / "1").read_text() == "text"


def test_a_file_a_background_process_holds_is_its_jobs(outputs: Outputs, tmp_path: Path) -> None:
    fd = outputs.open(str(tmp_path / "1"))
    process = subprocess.Popen(["sh", "-c", "read x; echo late"], stdin=subprocess.PIPE, stdout=fd)
    os.close(fd)
    outputs.take_back(str(tmp_path / "1"))
    _used(outputs, tmp_path / "2")
    process.communicate(b"\n")
    assert ((tmp_path / "1").read_text(), (tmp_path / "2").read_text()) == ("late\n", "")


def test_a_job_whose_background_process_writes_after_its_end(desk: Desk, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"(read x < {gate}; echo late; echo there > {gate}) &"
    first = desk.submit("sh", "-c", script)
    desk.ended(first)
    second = desk.submit("sh", "-c", "echo mine")
    desk.ended(second)
    gate.write_text("go\n")
    assert gate.read_text() == "there\n"
    kept = [Path(desk.service.outputs.paths(job.row, None)[0]).read_text() for job in (first, second)]
    assert kept == ["late\n", "mine\n"]


def test_no_more_are_kept_ready_than_that(outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPARE", 1)
    for name in "12":
        _used(outputs, tmp_path / name)
    for name in "12":
        outputs.take_back(str(tmp_path / name))
    outputs.close()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["2"]


def test_what_was_removed_meanwhile_is_made_anew(outputs: Outputs, tmp_path: Path) -> None:
    _used(outputs, tmp_path / "1")
    outputs.take_back(str(tmp_path / "1"))
    (tmp_path / "1").unlink()
    outputs.take_back(str(tmp_path / "1"))
    _used(outputs, tmp_path / "2", b"new")
    assert (tmp_path / "2").read_text() == "new"


def test_a_link_laid_in_our_way_is_left_alone(outputs: Outputs, tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    (tmp_path / "1").symlink_to(tmp_path / "precious")
    outputs.take_back(str(tmp_path / "1"))
    _used(outputs, tmp_path / "2", b"text")
    assert (tmp_path / "precious").read_bytes() == b""


def test_a_file_system_without_leases(outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _used(outputs, tmp_path / "1")

    def refuse(code: int) -> Any:
        def call(*args: Any) -> None:
            raise OSError(code, "refused")

        return call

    before = len(os.listdir("/proc/self/fd"))
    for code in (errno.EINVAL, errno.EIO, errno.ESTALE, errno.ENOLCK):
        monkeypatch.setattr(fcntl, "fcntl", refuse(code))
        outputs.take_back(str(tmp_path / "1"))
    assert len(os.listdir("/proc/self/fd")) == before
    assert (tmp_path / "1").exists()


def test_where_no_file_can_be_made(outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartFailed, match=r"file/1: ") as caught:
        outputs.open(str(tmp_path / "file" / "1"))
    assert caught.value.status == 125

    def full(*args: Any) -> int:
        raise OSError(errno.EMFILE, "too many")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        with pytest.raises(StartLater):
            outputs.open(str(tmp_path / "2"))


def _foreign(path: Path) -> None:
    path.write_text("")
    os.chown(path, 12345, -1)


@pytest.mark.parametrize(
    "plant",
    [
        lambda path, victim: path.symlink_to(victim),
        lambda path, victim: path.symlink_to("nowhere"),
        lambda path, victim: os.link(victim, path),
        lambda path, victim: path.mkdir(),
        lambda path, victim: os.mkfifo(path),
        lambda path, victim: _foreign(path),
    ],
)
def test_what_is_planted_gets_no_output(outputs: Outputs, tmp_path: Path, plant: Any) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "kept" / "1"
    path.parent.mkdir(mode=0o700)
    plant(path, victim)
    with pytest.raises(StartFailed, match=f"{path}: what is there is not a file of ours"):
        outputs.open(str(path))
    outputs.take_back(str(path))
    outputs.empty(JobRow("1", 1), str(path.parent))
    assert victim.read_text() == "precious"
    assert not (tmp_path / "kept" / "nowhere").exists()


def test_an_earlier_starts_file_is_emptied(outputs: Outputs, tmp_path: Path) -> None:
    inode = _used(outputs, tmp_path / "1", b"of an earlier start of the same attempt")
    assert _used(outputs, tmp_path / "1", b"new") == inode
    assert (tmp_path / "1").read_text() == "new"


def test_a_directory_that_others_can_write_gets_no_output(outputs: Outputs, tmp_path: Path) -> None:
    for folder in ("a", "a/b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder).chmod(0o777)
        with pytest.raises(StartFailed, match=f"{tmp_path}/a.* can be written by others.*output_dir"):
            outputs.open(str(tmp_path / "a" / "b" / "1"))
    (tmp_path / "a").chmod(0o755)
    (tmp_path / "a" / "b").chmod(0o1777)
    with pytest.raises(StartFailed, match=f"{tmp_path}/a/b can be written by others"):
        outputs.open(str(tmp_path / "a" / "b" / "1"))


def test_a_directory_that_was_moved_away_goes_on_getting_output(outputs: Outputs, tmp_path: Path) -> None:
    _used(outputs, tmp_path / "a" / "1", b"one")
    os.rename(tmp_path / "a", tmp_path / "b")
    (tmp_path / "a").symlink_to("b")
    fd = outputs.open(str(tmp_path / "a" / "2"))
    os.close(fd)
    assert (tmp_path / "b" / "2").exists()


def test_only_so_many_directories_stay_open(outputs: Outputs, tmp_path: Path) -> None:
    gc.collect()  # descriptors of earlier tests' objects would go meanwhile
    before = len(os.listdir("/proc/self/fd"))
    for number in range(module.FOLDERS + 10):
        _used(outputs, tmp_path / str(number) / "1", b"x")
    assert len(os.listdir("/proc/self/fd")) == before + module.FOLDERS
    outputs.unlink(str(tmp_path / "0" / "1"))
    assert not (tmp_path / "0" / "1").exists()
    outputs.unlink(str(tmp_path / "none" / "1"))


@pytest.mark.parametrize("told", ["at once", "late"])
def test_a_directory_that_another_host_removed_is_held_anew(
    outputs: Outputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    """NFS: a handle is stale then, which a cache of attributes may hide until a name is looked up."""
    folder = tmp_path / "kept"
    _used(outputs, folder / "1")
    stale = os.dup(outputs._folders[str(folder)])
    gone, found, opened = os.fstat(stale), os.fstat, os.open
    os.rename(folder, tmp_path / "gone")

    def fstat(fd: int) -> os.stat_result:
        if told == "at once" and os.path.samestat(found(fd), gone):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return found(fd)

    def open_(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is not None and os.path.samestat(found(dir_fd), gone):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return opened(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fstat", fstat)
    monkeypatch.setattr(os, "open", open_)
    os.close(outputs.open(str(folder / "2")))
    monkeypatch.undo()
    os.close(stale)
    assert sorted(os.listdir(folder)) == ["2"]


def test_a_close_that_tells_of_a_jobs_writes_is_no_failure(
    outputs: Outputs, tmp_path: Path, refused_late: None
) -> None:
    fd = outputs.open(str(tmp_path / "1"))
    os.write(fd, b"text")
    outputs.take_back(str(tmp_path / "1"))
    assert outputs.open(str(tmp_path / "2")) >= 0
