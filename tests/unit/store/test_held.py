"""A home's directories, held open."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

from proctracker.errors import DeniedByDrmsException
from proctracker.store import Home, Reader, Store
from proctracker.store.held import Held


def _fds() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_reaches_what_is_held_whatever_its_name(home: Home) -> None:
    home.prepare()
    place = home.at(os.path.join(home.run, "x"))
    os.rename(home.path, f"{home.path}-away")
    os.mkdir(home.path, 0o700)
    Path(place).write_text("x")
    assert os.listdir(os.path.join(f"{home.path}-away", home.host, "run")) == ["x"]
    assert os.path.samefile(home.at(home.run), os.path.join(f"{home.path}-away", home.host, "run"))
    assert home.check() is False  # which looks at the name again
    with pytest.raises(FileNotFoundError):
        home.at(home.run)


def test_it_stays_the_same_as_long_as_the_directories_do(home: Home) -> None:
    home.prepare()
    held = home.held
    home.prepare()
    assert home.check() is False
    assert home.held is held
    os.rename(home.run, f"{home.run}-away")
    home.prepare()
    assert home.held is not held


def test_it_is_closed_with_the_object(home: Home) -> None:
    home.prepare()
    home.release()
    gc.collect()  # what earlier tests left
    before = _fds()
    other = Home(home.path, home.host)
    other.prepare()
    assert _fds() == before + 6
    del other
    gc.collect()
    assert _fds() == before


def test_a_program_that_closed_all_it_had(home: Home) -> None:
    """Its descriptors may be others' by now: these are neither used nor closed."""
    home.prepare()
    numbers = [home.held.fd(folder) for folder in (home.path, home.here, home.run)]
    other = os.open("/", os.O_PATH)
    for number in numbers:
        os.dup2(other, number)
    assert os.path.samefile(home.at(home.run), home.run)
    gc.collect()
    for number in (other, *numbers):
        os.close(number)


def test_a_database_keeps_it_open(home: Home) -> None:
    store = Store(home)
    reader = Reader(home)
    assert reader.jobs() == []
    home.release()
    gc.collect()
    store.add_context("a", "{}")
    assert reader.context("a") == {}
    reader.close()
    store.close()


def test_what_others_can_write_by_now(home: Home) -> None:
    home.prepare()
    home.held.check()
    for folder in (home.path, home.here):
        os.chmod(folder, 0o777)
        with pytest.raises(DeniedByDrmsException, match=f"{folder} can be written by others"):
            home.held.check()
        os.chmod(folder, 0o700)


def test_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a").mkdir(mode=0o700)
    held = Held(str(tmp_path))
    for name in ("none", "none/below", "file/x"):
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            held.fd(f"{tmp_path}/{name}")
    assert held.fd(f"{tmp_path}/a") == held.fd(f"{tmp_path}/a")
    with pytest.raises(FileNotFoundError):
        held.at(f"{tmp_path}/none/x")
    with pytest.raises(NotADirectoryError):
        Held(str(tmp_path), [f"{tmp_path}/file"], make=True)
