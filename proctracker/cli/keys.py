"""What is typed while a table is shown again and again: ``q`` leaves."""

from __future__ import annotations

import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

_QUIT = b"qQ"


class Keys:
    """Reads keys as they are typed, on a terminal that is then left as it was."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else -1
        self._before: list[Any] | None = None

    def __enter__(self) -> Keys:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None and self._ours():
            import termios

            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def leave(self, seconds: float) -> bool:
        """Wait so long, or until a key tells to leave, and return whether one did."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not self._ours():
                time.sleep(left)
                return False
            self._prepare()
            if select.select([self._fd], [], [], left)[0]:
                typed = os.read(self._fd, 64)
                if not typed or any(key in _QUIT for key in typed):
                    return True
        return False

    def _ours(self) -> bool:
        """Return whether we are in the foreground of a terminal, so that reading does not stop us."""
        try:
            return self._fd >= 0 and os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False

    def _prepare(self) -> None:
        """Have keys come at once and unseen, again after a stop."""
        import termios
        import tty

        now = termios.tcgetattr(self._fd)
        if now[tty.LFLAG] & (termios.ICANON | termios.ECHO):
            self._before = self._before or now
            tty.setcbreak(self._fd, termios.TCSANOW)
