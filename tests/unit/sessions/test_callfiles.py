"""The files of a call: what is sent, what is taken back, and that none of it is anybody else's."""

from __future__ import annotations

import functools
import os
import pickle
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import proctracker as pt
from proctracker.sessions import callfiles
from proctracker.store import Home


class Callable:
    def __call__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("function", "name"),
    [(abs, "abs"), (functools.partial(abs, 1), "abs"), (Callable(), "Callable"), (str.join, "str.join")],
)
def test_what_a_job_is_called(function: Any, name: str) -> None:
    assert callfiles.Call(function, (), {}).name == name


def test_a_process_and_a_container_are_told_where_the_call_is(home: Home) -> None:
    home.prepare()
    call = callfiles.Call(abs, (1,), {})
    name, command, volumes = callfiles.send(home, call, False, None)
    folder = f"{home.calls}/{name}"
    assert (command[0], command[-1], volumes) == (sys.executable, folder, [])
    assert os.listdir(folder) == ["call"]
    assert [os.stat(path).st_mode & 0o777 for path in (home.calls, folder, f"{folder}/call")] == [0o700, 0o700, 0o600]
    other, command, volumes = callfiles.send(home, call, True, None)
    assert (command[0], command[-1]) == ("python3", callfiles.MOUNT)
    assert volumes == [f"{home.calls}/{other}:{callfiles.MOUNT}"]
    assert callfiles.send(home, call, True, "/opt/python")[1][0] == "/opt/python"


def test_an_image_that_tells_of_another_python_is_refused() -> None:
    own = "{}.{}".format(*sys.version_info)
    for fine in ({}, {"PYTHON_VERSION": own}, {"PYTHON_VERSION": f"{own}.99"}):
        callfiles.check_python(fine, "image")
    with pytest.raises(pt.InvalidArgumentException, match=rf"image has Python 3\.1\.{own[2:]}, .* need {own}"):
        callfiles.check_python({"PYTHON_VERSION": f"3.1.{own[2:]}"}, "image")


def test_no_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pickle, "dump", full)
    with pytest.raises(pt.OutOfResourceException, match="No space left"):
        callfiles.send(home, callfiles.Call(abs, (1,), {}), False, None)
    assert os.listdir(home.calls) == []


@pytest.mark.parametrize(
    ("spec", "file", "found"),
    [
        ("package.tool", "x", ("name", "package.tool")),
        ("package.__main__", "x", None),
        (None, __file__, ("path", __file__)),
        (None, "/no/file", None),
        (None, None, None),
    ],
)
def test_how_a_job_imports_the_script(
    monkeypatch: pytest.MonkeyPatch, spec: str | None, file: str | None, found: tuple[str, str] | None
) -> None:
    main = ModuleType("__main__")
    if spec:
        main.__spec__ = ModuleSpec(spec, None)
    if file:
        main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert callfiles._script() == found


def test_what_a_container_puts_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "result").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        callfiles._plain(str(tmp_path / "result"), os.O_RDONLY)
    os.mkfifo(tmp_path / "fifo")
    with open(callfiles._plain(str(tmp_path / "fifo"), os.O_RDONLY), "rb") as file:
        assert file.read() == b""
