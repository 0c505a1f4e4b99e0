"""Chromium without a window, driven by its own protocol over two pipes (fds 3 and 4): no other program, no port."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str | None:
    """Why there is no browser here; None: there is one."""
    return None if any(map(shutil.which, NAMES)) else "no chromium on PATH: scripts/install-runtimes browser"


class Browser:
    """One browser with one page; a context manager."""

    def __enter__(self) -> Browser:
        """Start it."""
        self._folder = tempfile.mkdtemp(prefix="browser")
        ours, theirs, theirs_out, ours_out = *os.pipe(), *os.pipe()
        # Its own descriptors 3 and 4 are what it reads from and writes to.
        told, asked = theirs, ours
        command = (
            f'exec "$0" "$@" 3<&{asked} 4>&{ours_out}',
            next(filter(None, map(shutil.which, NAMES))),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-dev-shm-usage",
            f"--user-data-dir={self._folder}",
            "--remote-debugging-pipe",
            "about:blank",
        )
        self._process = subprocess.Popen(
            ["bash", "-c", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(asked, ours_out),
            env={**os.environ, "HOME": self._folder},
        )
        os.close(asked)
        os.close(ours_out)
        self._ask, self._told, self._rest, self._number = told, theirs_out, b"", 0
        self.events: list[dict[str, Any]] = []
        self._page: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._page = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Performance.enable", timeDomain="threadTicks")
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._ask)
        os.close(self._told)
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a method of the protocol answers; RuntimeError if it does not do it."""
        self._number += 1
        question: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._page is not None:
            question["sessionId"] = self._page
        os.write(self._ask, json.dumps(question).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") != self._number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return dict(answer["result"])

    def _next(self, seconds: float = 60.0) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while b"\0" not in self._rest:
            if not select.select([self._told], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._told, 1 << 20)
            if not part:
                raise RuntimeError("the browser has gone")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))

    def open(self, path: Path, fragment: str = "", *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Show a file, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        # From another document, or a new fragment alone would load nothing.
        for url in ("about:blank", f"file://{path}{fragment}"):
            self.events.clear()
            self.call("Page.navigate", url=url)
            while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
                self.events.append(self._next())

    def run(self, script: str) -> Any:
        """What a script in the page comes to; RuntimeError with what it raises."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def busy(self) -> float:
        """Seconds of a processor that the page has taken, whatever else the machine does."""
        found = {each["name"]: float(each["value"]) for each in self.call("Performance.getMetrics")["metrics"]}
        return found["TaskDuration"]

    def happened(self, method: str) -> list[dict[str, Any]]:
        """The events of a kind since the page was opened."""
        self.run("0")
        return [event["params"] for event in self.events if event.get("method") == method]

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """What is seen, as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def printed(self, path: Path) -> None:
        """The page as printed, a PDF."""
        found = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(found["data"]))
