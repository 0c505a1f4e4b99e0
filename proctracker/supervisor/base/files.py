"""Watches files and directories for all parts, through one inotify descriptor."""

from __future__ import annotations

from proctracker.linux.inotify import ONESHOT, OVERFLOW, Inotify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.loop import Loop


class Watched:
    """Holds one watch, ``live`` until it is forgotten or, with ONESHOT, was called."""

    __slots__ = ("live", "number", "once", "then")

    def __init__(self, number: int, once: bool, then: Callable[[str], None]) -> None:
        self.number, self.once, self.then, self.live = number, once, then, True


class Files:
    """A user has 128 inotify descriptors in all, so there is one, opened for the first watch."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._inotify: Inotify | None = None
        self._watched: dict[int, list[Watched]] = {}

    def watch(self, path: str, mask: int, then: Callable[[str], None]) -> Watched:
        """Call ``then`` with the name that changed in a directory, or "" for the path itself.

        Watches of one file share their events. Raises OSError: there is no such file, or the user has no watch left.
        """
        if self._inotify is None:
            self._inotify = Inotify()
            self._loop.watch(self._inotify.fileno(), self._read)
        made = Watched(self._inotify.add(path, mask), bool(mask & ONESHOT), then)
        self._watched.setdefault(made.number, []).append(made)
        return made

    def forget(self, watched: Watched | None) -> None:
        """End a watch, which may be None or over."""
        if watched is None or not watched.live:
            return
        watched.live = False
        sharing = self._watched[watched.number]
        sharing.remove(watched)
        if not sharing:
            del self._watched[watched.number]
            if self._inotify is not None:
                self._inotify.remove(watched.number)

    def _read(self) -> None:
        for event in self._inotify.read() if self._inotify else ():
            lost = event.mask & OVERFLOW
            for number in list(self._watched) if lost else [event.watch]:
                for each in list(self._watched.get(number, ())):
                    if each.once:
                        self.forget(each)
                        each.then(event.name)
                    elif each.live:
                        each.then(event.name)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._inotify is not None:
            self._loop.forget(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None
        self._watched.clear()
