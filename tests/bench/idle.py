"""What it costs while nothing happens: memory a job, and wakeups while clients wait."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import proctracker as pt
from measure import Row
from place import Place, call, command, cpu, pss, wakeups

_SLEEP = {"remote_command": "sleep", "args": ["600"]}
_CLIENTS = 20


def rows(where: Place) -> Iterator[Row]:
    """With 100 sleeping processes: memory of keeper and supervisor, then wakeups with 20 clients that wait."""
    count = where.count(100, 10)
    with pt.job_session("idle") as session:
        session.run_job(_SLEEP).wait_started()
        time.sleep(1)
        few = sum(map(pss, where.supervisors()))
        array = session.run_bulk_jobs(_SLEEP, 1, count)
        array.wait_started()
        time.sleep(1)
        many = sum(map(pss, where.supervisors()))
        each = (many - few) / count
        with subprocess.Popen(["sleep", "600"]) as bare:
            time.sleep(0.1)
            sleeping = f"sleep itself {pss(bare.pid) / 1000:.0f} kB"
            bare.kill()
        yield Row(f"memory a sleeping job ({count})", f"{each / 1000:.1f} kB", sleeping, each / 1000, 20, "kB")
        megabytes = many / 1e6
        yield Row("memory of keeper and supervisor", f"{megabytes:.1f} MB", sleeping, megabytes, 16, "MB")
        yield from _quiet(where, array.id)
    call([*command(), "session", "destroy", "idle", "--terminate"])


def _quiet(where: Place, job_id: str) -> Iterator[Row]:
    """Wakeups and processor time of supervisor, keeper and waiting clients over some seconds."""
    seconds = where.count(10, 2)
    clients = [subprocess.Popen([*command(), "wait", job_id]) for _ in range(_CLIENTS)]
    try:
        time.sleep(5)
        pids = [*where.supervisors(), *(client.pid for client in clients)]
        before = sum(map(wakeups, pids)), sum(map(cpu, pids))
        time.sleep(seconds)
        woken, used = sum(map(wakeups, pids)) - before[0], sum(map(cpu, pids)) - before[1]
    finally:
        for client in clients:
            client.kill()
            client.wait()
    what = f"wakeups in {seconds} s, {_CLIENTS} clients wait"
    yield Row(what, f"{woken}, cpu {used * 1000:.0f} ms", "0", float(woken), 0, "wakeups")
