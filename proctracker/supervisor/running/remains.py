"""Removes what the start of a container has made that was cut off before it came to its end."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from proctracker.errors import Drmaa2Exception
from proctracker.linux import clock, procfs
from proctracker.supervisor.running import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable

    from proctracker.runtimes.base import Argv, Dialog, Engine
    from proctracker.runtimes.runtime import Runtime
    from proctracker.supervisor.base.loop import Loop
    from proctracker.supervisor.processes.calls import Calls

SETTLED = 1.0
"""Seconds after which an engine has done, or dropped, what a client that was killed had asked of it."""

PATIENCE = 30.0
"""Seconds within which an engine has to answer and its containers have to go."""

AGAIN = 0.2
"""Seconds until it is asked again what is left."""


class Remains:
    """Finds containers by the label that their start alone gives them, as a name or other labels may be anyone's."""

    def __init__(self, loop: Loop, calls: Calls) -> None:
        self._loop, self._calls = loop, calls

    def clear(
        self, runtime: Runtime, engine: Engine, start: str, told: str | None, cut: bool, then: Callable[[str], None]
    ) -> None:
        """Remove all that a start has made, and call ``then`` with words on what may be left, or nothing.

        ``start`` is its private directory, ``told`` the container that is known to be there. Of a command that was
        ``cut`` off something may still appear: its engine is asked until there has been nothing for a while.
        """
        mark, began = identity.word(f"{start}/{identity.START}"), clock.boottime()

        def ask() -> None:
            self._calls.converse(engine, _remove(runtime, engine, mark, told), answered)

        def answered(left: Any, error: Drmaa2Exception | None) -> None:
            nonlocal told
            passed = clock.boottime() - began
            over = passed >= (SETTLED if error is None and left is None else PATIENCE)
            if over or not (cut and mark):
                why = error.message if error else left
                said = f"; what it has made may still be there: {why}" if why else ""
                if cut:
                    self._undo(runtime, engine, start, lambda: then(said))
                else:
                    then(said)
                return
            told = None if error is None else told
            wait = SETTLED - passed if error is None and left is None else AGAIN
            self._loop.after(wait, ask)

        ask()

    def _undo(self, runtime: Runtime, engine: Engine, start: str, then: Callable[[], None]) -> None:
        """End what its engine does not know of, as the client was killed before it could note it."""
        found = {}
        for pid in procfs.pids():
            command = runtime.undo([os.fsdecode(word) for word in procfs.cmdline(pid)], start)
            if command:
                found[pid] = command
        for pid in (*found, *procfs.tree(found, procfs.all_stats())) if found else ():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if found:
            self._calls.converse(engine, _calls(found.values()), lambda answer, error: then())
        else:
            then()


def _calls(commands: Iterable[Argv]) -> Dialog[None]:
    """Make these calls, whatever comes of them."""
    yield list(commands)


def _remove(runtime: Runtime, engine: Engine, mark: str, told: str | None) -> Dialog[str | None]:
    """Remove what is there, and return what the engine said of it, or None where there is nothing."""
    found = (yield from runtime.ours(engine, {identity.LABEL: mark})) if mark else {}
    names = [seen.container_id or name for name, seen in found.items()]
    if told and told not in (*names, *found):
        names.append(told)
    if not names:
        return None
    failed = yield from runtime.remove(engine, names, force=True)
    return "; ".join(failed.values())
