"""Rows about a Slurm cluster of our own: submits beside bare sbatch, ends, and how often the controller is asked.

Peers from PyPI (psij-python, submitit) are measured beside where the interpreter has them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import proctracker as pt
import slurm
from measure import Row, absolute, extra, median, milli, timed
from place import Place

PROGRAMS = ("sbatch", "squeue", "scontrol", "scancel", "sacct")
SCRIPT = "#!/bin/sh\nexec /bin/true\n"
MINUTE = 60.0


@contextmanager
def found() -> Iterator[slurm.Cluster | None]:
    """A cluster, led to by this process' environment and with its commands counted; None where there can be none."""
    if slurm.missing():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="pt-") as folder:
        cluster = slurm.Cluster(folder, min_job_age=300).start()  # the default of sites
        before = dict(os.environ)
        os.environ.update(cluster.environ, PATH=f"{_counting(folder)}:{os.environ['PATH']}")
        try:
            yield cluster
        finally:
            os.environ.clear()
            os.environ.update(before)
            cluster.stop()


def _counting(folder: str) -> str:
    """A folder of commands that write a line and go on as Slurm's own."""
    made = os.path.join(folder, "bin")
    os.mkdir(made)
    for name in PROGRAMS:
        path = os.path.join(made, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\necho {name} >>{folder}/calls\nexec {slurm.find(name)} "$@"\n')
        os.chmod(path, 0o755)
    return made


def rows(where: Place, cluster: slurm.Cluster) -> Iterator[Row]:
    """All of them; the bare commands are counted and wrapped as ours are."""
    with pt.job_session("cluster", contact="slurm") as session:
        yield from _submits(where, session)
        yield from _arrays(where, session)
        yield from _ends(where, session)
        yield from _calls(where, cluster, session)
    pt.destroy_job_session("cluster", live="terminate")
    yield from _peers(where)


def _bare(*words: str) -> None:
    subprocess.run(
        ["sbatch", "--parsable", "--output=/dev/null", *words], input=SCRIPT, text=True, check=True, capture_output=True
    )


def _submits(where: Place, session: pt.JobSession) -> Iterator[Row]:
    ours, taken, bare = [], [], []
    for _ in range(where.count(40, 3)):
        began = time.perf_counter()
        job = session.run_job({"remote_command": "/bin/true"})
        ours.append(time.perf_counter() - began)
        _until(lambda job=job: _has_id(job))
        taken.append(time.perf_counter() - began)
        bare.append(timed(_bare))
        job.wait_terminated()
    yield extra("submit, run_job returns", ours, bare, 10.0)
    yield extra("submit, until Slurm has it", taken, bare, 20.0)


def _arrays(where: Place, session: pt.JobSession) -> Iterator[Row]:
    tasks = where.count(1000, 20)
    ours, bare = [], []
    for _ in range(where.count(3, 1)):
        began = time.perf_counter()
        array = session.run_bulk_jobs({"remote_command": "/bin/true", "submit_as_hold": True}, 1, tasks)
        _until(lambda array=array: _has_id(array.jobs[-1]))
        ours.append(time.perf_counter() - began)
        bare.append(timed(lambda: _bare("--hold", f"--array=1-{tasks}")))
        array.terminate()
        subprocess.run(["scancel", "--me"], check=True)
        array.wait_terminated()
    yield extra(f"array of {tasks}, until Slurm has it", ours, bare, 100.0)


def _ends(where: Place, session: pt.JobSession) -> Iterator[Row]:
    found = []
    for _ in range(where.count(15, 2)):
        info = session.run_job({"remote_command": "sleep", "args": ["0.5"]}).wait_terminated()
        assert info.finish_time is not None
        found.append(time.time() - info.finish_time.timestamp())
    yield absolute("end of a job to return of wait", median(found), "", 1100.0)


def _calls(where: Place, cluster: slurm.Cluster, session: pt.JobSession) -> Iterator[Row]:
    """A minute with many jobs and twenty waiters; half of the jobs are on their own."""
    jobs, seconds = where.count(1000, 20), MINUTE if not where.quick else 10.0
    array = session.run_bulk_jobs({"remote_command": "sleep", "args": ["900"]}, 1, jobs)
    _until(lambda: _has_id(array.jobs[-1]))
    array.jobs[0].wait_started()
    waiters = [
        subprocess.Popen([sys.executable, "-m", "proctracker", "wait", array.id], stderr=subprocess.DEVNULL)
        for _ in range(20)
    ]
    time.sleep(1)
    path = cluster.path("calls")
    before = _lines(path)
    time.sleep(seconds)
    calls = (_lines(path) - before) * MINUTE / seconds
    yield Row(f"{jobs} jobs, 20 waiters: calls of Slurm's commands", f"{calls:.0f}/min", "", calls, 12.0, "a minute")
    processes = float(len(where.supervisors()))
    yield Row(f"{jobs} jobs: processes of ours", f"{processes:.0f}", "", processes, 2.0, "(keeper, supervisor)")
    array.terminate()
    subprocess.run(["scancel", "--me"], check=True)
    for waiter in waiters:
        with contextlib.suppress(subprocess.TimeoutExpired):
            waiter.wait(30)
        waiter.kill()
        waiter.wait()


def _lines(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return sum(1 for _ in file)


def _has_id(job: pt.Job) -> bool:
    """Whether Slurm's id is known."""
    info = job.get_info()
    return bool(getattr(info, "scheduler_id", None) or info.container_id)


def _until(so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not so():
        if time.monotonic() > end:
            raise TimeoutError("Slurm was not told of a job")
        time.sleep(0.01)


def _peers(where: Place) -> Iterator[Row]:
    """Submit and the way from an end to the waiter, of other packages."""
    for name, module, measure in (("psij-python", "psij", _psij), ("submitit", "submitit", _submitit)):
        if importlib.util.find_spec(module) is not None:
            submits, ends = [], []
            for _ in range(where.count(4, 1)):
                with tempfile.TemporaryDirectory() as folder:
                    submit, end = measure(folder)
                submits.append(submit)
                ends.append(end)
            yield Row(f"{name}: submit", "", milli(median(submits)), 0.0, 1.0, "(a peer)")
            yield Row(f"{name}: end of a job to return of wait", "", milli(median(ends)), 0.0, 1.0, "(a peer)")


_ENDING = "import sys, time; time.sleep(0.5); open(sys.argv[1], 'w').write(str(time.time()))"


def _psij(folder: str) -> tuple[float, float]:
    import psij

    told = os.path.join(folder, "end")
    executor = psij.JobExecutor.get_instance("slurm")
    job = psij.Job(psij.JobSpec(executable=sys.executable, arguments=["-c", _ENDING, told]))
    submit = timed(lambda: executor.submit(job))
    job.wait()
    return submit, time.time() - _told(told)


def _submitit(folder: str) -> tuple[float, float]:
    import submitit

    told = os.path.join(folder, "end")
    executor = submitit.AutoExecutor(folder=folder, cluster="slurm")
    executor.update_parameters(timeout_min=5)
    function = submitit.helpers.CommandFunction([sys.executable, "-c", _ENDING, told])
    began = time.perf_counter()
    job = executor.submit(function)
    submit = time.perf_counter() - began
    job.result()
    return submit, time.time() - _told(told)


def _told(path: str) -> float:
    with open(path, encoding="ascii") as file:
        return float(file.read())
