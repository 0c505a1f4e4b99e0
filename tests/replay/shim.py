"""The process beside each of the stand-in's containers: starts it with runc, carries its output, notes how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import time
from urllib.parse import parse_qsl, urlsplit

from replay.store import Container

_SUBREAPER = 36  # prctl(2): runc leaves the job's first process behind, which is then ours to wait for


def begin(container: Container, runc: tuple[str, ...], driver: str | None, attached: bool) -> int:
    """Start the shim; a descriptor that tells its news: JSON lines, first of the start, then of the end."""
    news, tell = os.pipe()
    if os.fork():
        os.close(tell)
        return news
    code = 1
    try:
        os.closerange(3, tell)
        os.closerange(tell + 1, 256)
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(_SUBREAPER, 1)
        _live(container, runc, driver, attached, tell)
        code = 0
    except Exception:
        import traceback

        with open(os.path.join(container.folder, "shim.log"), "w", encoding="utf-8") as file:
            traceback.print_exc(file=file)
    finally:
        os._exit(code)


def _live(container: Container, runc: tuple[str, ...], driver: str | None, attached: bool, tell: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    streams, logger = ((0, 1, 2), 0) if attached else _logger(container, driver, null)
    pid_file = os.path.join(container.folder, "pid")
    log = os.path.join(container.folder, "runc.log")
    words = ["create", "--bundle", container.folder, "--pid-file", pid_file, container.id]
    stdin, stdout, stderr = streams
    created = subprocess.run(
        [*runc, "--log", log, "--log-format", "json", *words], stdin=stdin, stdout=stdout, stderr=stderr, check=False
    )
    if created.returncode:
        with open(log, encoding="utf-8") as file:
            reason = json.loads(file.read().splitlines()[-1])["msg"]
        _finish(streams, logger, attached)
        _say(tell, error=reason)
        return
    with open(pid_file, encoding="ascii") as file:
        pid = int(file.read())
    subprocess.run([*runc, "start", container.id], stdin=null, stdout=null, stderr=null, check=True)
    task = {"pid": pid, "started": time.time()}
    container.put("task", **task)
    _say(tell, pid=pid)
    if not attached:
        os.close(tell)
    for fd in (0, 1, 2) if not attached else ():
        os.dup2(null, fd)
    while True:
        ended, status = os.wait()
        if ended == pid:
            break
    finished = time.time()
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    _finish(streams, logger, attached)
    container.put("task", **task, finished=finished, code=code)
    if attached:
        with contextlib.suppress(BrokenPipeError):
            _say(tell, code=code)


def _logger(container: Container, driver: str | None, null: int) -> tuple[tuple[int, int, int], int]:
    """Start a binary logger (containerd's runtime/v2/logging: 3 and 4 are read, closing 5 says ready); else files."""
    if driver is None:
        files = [os.path.join(container.folder, name) for name in ("stdout", "stderr")]
        out, err = (os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) for path in files)
        return (null, out, err), 0
    where = urlsplit(driver)
    argv = [where.path, *(word for pair in parse_qsl(where.query, keep_blank_values=True) for word in pair)]
    (out_end, out), (err_end, err), (wait, ready) = os.pipe(), os.pipe(), os.pipe()
    handed = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (out_end, err_end, ready)]
    actions = [
        (os.POSIX_SPAWN_DUP2, fd, target) for target, fd in ((0, null), (1, null), (2, null), *zip((3, 4, 5), handed))
    ]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
    for fd in (out_end, err_end, ready, *handed):
        os.close(fd)
    os.read(wait, 1)
    os.close(wait)
    return (null, out, err), pid


def _finish(streams: tuple[int, int, int], logger: int, attached: bool) -> None:
    """Let the logger write what is left: what is told to have ended has all its output in its files."""
    if attached:
        return
    os.close(streams[1])
    os.close(streams[2])
    if logger:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(logger, 0)


def _say(tell: int, **news: object) -> None:
    os.write(tell, json.dumps(news).encode() + b"\n")
