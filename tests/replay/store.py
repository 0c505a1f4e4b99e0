"""The stand-in's containers: a folder each, with what was asked for, what became of it, and the name it goes by."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any


class Clash(Exception):
    """The name belongs to another container, whose id this carries."""


class Container:
    """One container. Only its shim writes ``task``; ``paused`` and ``error`` are the commands'."""

    def __init__(self, data: str, container: str) -> None:
        self.id, self._data = container, data
        self.folder = os.path.join(data, "containers", container)
        self.about = _read(self._path("about"))
        self.task = _read(self._path("task"))
        self.error = str(_read(self._path("error")).get("error", ""))
        self.paused = os.path.exists(self._path("paused"))

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.json")

    @property
    def name(self) -> str:
        """What it was called."""
        return str(self.about["name"])

    @property
    def status(self) -> str:
        """nerdctl's word for its state."""
        if "finished" in self.task:
            return "exited"
        return ("paused" if self.paused else "running") if "pid" in self.task else ""

    def put(self, file: str, /, **values: Any) -> None:
        """Write one of its files; a reader sees the old or the new one. A container that has gone stays so."""
        with contextlib.suppress(FileNotFoundError):
            with open(self._path(f".{file}"), "w", encoding="utf-8") as opened:
                json.dump(values, opened)
            os.rename(self._path(f".{file}"), self._path(file))

    def pause(self, paused: bool) -> None:
        """Note that it was paused, or resumed."""
        if paused:
            self.put("paused")
        else:
            os.unlink(self._path("paused"))

    def remove(self) -> None:
        """Forget it."""
        import shutil

        os.unlink(_name(self._data, self.name))
        shutil.rmtree(self.folder, ignore_errors=True)


def add(data: str, container: str, /, **about: Any) -> Container:
    """A new container. Raises Clash where the name is another's."""
    try:
        with open(_name(data, about["name"]), "x", encoding="utf-8") as file:
            file.write(container)
    except FileExistsError:
        with open(_name(data, about["name"]), encoding="utf-8") as file:
            raise Clash(file.read()) from None
    os.mkdir(os.path.join(data, "containers", container))
    made = Container(data, container)
    made.put("about", **about)
    return Container(data, container)


def find(data: str, word: str) -> Container | None:
    """A container by its name or its id; None for an unknown one."""
    with contextlib.suppress(FileNotFoundError), open(_name(data, word), encoding="utf-8") as file:
        word = file.read()
    found = Container(data, word)
    return found if found.about else None


def everything(data: str) -> list[Container]:
    """All containers, the newest first."""
    found = [Container(data, name) for name in os.listdir(os.path.join(data, "containers"))]
    return sorted((each for each in found if each.about), key=lambda each: -each.about["created"])


def _name(data: str, name: str) -> str:
    return os.path.join(data, "names", name)


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
            return found
    except FileNotFoundError:
        return {}
