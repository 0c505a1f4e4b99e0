"""Relays a terminal's input to a job, as other sessions cannot read the terminal."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.cli.signals import Signals

_PART = 1 << 16


class Relay:
    """Copies a terminal into a pipe whose ``read_end`` is the job's input, until Ctrl-D.

    A thread does it, as a full pipe must hold up nothing else. In the background it does not read, so a job started
    with ``&`` goes on; it reads again when ``fg`` has brought us to the front.
    """

    def __init__(self, terminal: int) -> None:
        import threading

        self._terminal = terminal
        self.read_end, self._write_end = os.pipe()
        self._go_on = threading.Event()

    def begin(self, signals: Signals) -> None:
        """Copy from now on."""
        import threading

        signals.on_continue = self._go_on.set
        threading.Thread(target=self._copy, daemon=True).start()

    def _copy(self) -> None:
        import signal

        # With TTIN blocked a read from the background fails with EIO instead of stopping us, tty_ioctl(4).
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTTIN,))
        try:
            while True:
                self._go_on.clear()
                try:
                    data = os.read(self._terminal, _PART)
                except OSError:
                    if not self._in_background():
                        return
                    self._go_on.wait()
                    continue
                if not data:
                    return
                self._put(data)
        except OSError:
            return  # nobody reads any more
        finally:
            os.close(self._write_end)

    def _in_background(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) != os.getpgrp()
        except OSError:
            return False

    def _put(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._write_end, data) :]
