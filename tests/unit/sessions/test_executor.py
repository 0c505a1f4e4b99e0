"""JobExecutor: a concurrent.futures.Executor whose calls are jobs."""

from __future__ import annotations

import asyncio
import contextlib
import math
import operator
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.sessions.jobfuture import JobFuture
from proctracker.store import Home

LONG = 60.0
WITHOUT = "import sys; sys.modules['cloudpickle'] = None\n"

MODULE = """
import os, signal, sys, threading

class Told(Exception):
    pass

class Awkward(Exception):
    def __init__(self, one, two):
        super().__init__(one)

class Unreadable:
    def __reduce__(self):
        return (int, ("x",))

def fails(text):
    raise Told(text) from KeyError("before")

def awkward():
    raise Awkward(1, 2)

def leaves(code):
    print("on my way", file=sys.stderr)
    sys.exit(code)

def lock():
    return threading.Lock()

def unreadable():
    return Unreadable()

def at_the_second(folder):
    attempt = os.environ["PROCTRACKER_ATTEMPT"]
    if attempt == "1":
        raise Told("the first time")
    return attempt

def worse_each_time():
    if os.environ["PROCTRACKER_ATTEMPT"] == "1":
        raise Told("the first time")
    os.kill(os.getpid(), signal.SIGKILL)

def blob(size):
    return b"x" * size

def forks():
    return os.fork() and os.wait()[1]

def waits(path):
    with open(path) as file:
        return file.read()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of this test's, which jobs import from where this process does."""
    (tmp_path / "called.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "called", raising=False)
    import called  # type: ignore[import-not-found]

    yield called
    sys.modules.pop("called", None)


@pytest.fixture
def executor(session: pt.JobSession) -> Iterator[pt.JobExecutor]:
    """An executor in a session of this test's own."""
    made = pt.JobExecutor(session)
    yield made
    for future in list(made._open):
        with contextlib.suppress(pt.Drmaa2Exception):
            future.job.terminate(grace=0)
    made.shutdown()


def job_of(future: futures.Future[Any]) -> pt.Job:
    assert isinstance(future, JobFuture)
    return future.job


def failure(future: futures.Future[Any]) -> pt.JobFailedException:
    error = future.exception(LONG)
    assert isinstance(error, pt.JobFailedException), error
    return error


@pytest.fixture(autouse=True)
def no_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it not installed, whatever the environment of the tests has."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "cloudpickle"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cloudpickle", None)


def script(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a user would who has no cloudpickle."""
    path = folder / "script.py"
    path.write_text(WITHOUT + textwrap.dedent(text))
    command = [sys.executable, *(words or (str(path),))]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)


# what comes back


def test_a_call_is_a_job(executor: pt.JobExecutor, served: Home) -> None:
    future = executor.submit(math.factorial, 20)
    assert future.result(LONG) == math.factorial(20)
    info = job_of(future).get_info()
    assert (info.job_name, info.job_state, info.exit_status) == ("factorial", pt.JobState.DONE, 0)
    assert executor.submit(sorted, [2, 1], reverse=True).result(LONG) == [2, 1]
    assert executor.submit(os.getpid).result(LONG) != os.getpid()
    assert os.listdir(served.calls) == []


def test_an_exception_comes_back_with_its_traceback(executor: pt.JobExecutor, module: Any) -> None:
    future = executor.submit(module.fails, "why")
    error = future.exception(LONG)
    assert type(error) is module.Told and error.args == ("why",)
    told = str(error.__cause__)
    assert "called.py" in told and "KeyError: 'before'" in told and "in fails" in told and "<string>" not in told
    assert job_of(future).get_info().exit_status == 1
    assert b"called.Told: why" in job_of(future).read_output("stderr")


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("awkward", (), "what it raised could not be sent: called.Awkward: 1"),
        ("leaves", (3,), "FAILED with exit status 3\non my way"),
        ("leaves", (0,), "ended its process and returned nothing\non my way"),
        ("unreadable", (), "what came back cannot be read here: ValueError"),
    ],
)
def test_what_cannot_come_back_is_told(
    executor: pt.JobExecutor, module: Any, served: Home, name: str, args: tuple[Any, ...], words: str
) -> None:
    future = executor.submit(getattr(module, name), *args)
    error = failure(future)
    assert words in error.message and f"job {job_of(future).id}: " in error.message
    assert error.info.job_id == job_of(future).id
    assert os.listdir(served.calls) == []


def test_a_result_that_cannot_be_pickled(executor: pt.JobExecutor, module: Any) -> None:
    error = executor.submit(module.lock).exception(LONG)
    assert isinstance(error, TypeError) and "pickle" in str(error)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_job_that_dies(executor: pt.JobExecutor, served: Home, number: signal.Signals) -> None:
    error = failure(executor.submit(signal.raise_signal, number))
    assert error.info.terminating_signal == number.name and number.name in error.message
    assert os.listdir(served.calls) == []


def test_a_job_that_cannot_start(session: pt.JobSession, served: Home) -> None:
    with pt.JobExecutor(session, remote_command="/no/python") as executor:
        assert failure(executor.submit(abs, 1)).info.exit_status == 127
    assert os.listdir(served.calls) == []


def test_a_large_result(executor: pt.JobExecutor, module: Any) -> None:
    size = 30_000_000
    assert len(executor.submit(module.blob, size).result(LONG)) == size


def test_a_result_for_which_there_is_no_room(session: pt.JobSession, served: Home, module: Any) -> None:
    limits = {pt.ResourceLimitType.FILE_SIZE: 64}
    with pt.JobExecutor(session, resource_limits=limits) as executor:
        error = executor.submit(module.blob, 1_000_000).exception(LONG)
    assert isinstance(error, OSError) and "too large" in str(error)
    assert os.listdir(served.calls) == []


def test_a_function_that_forks_returns_once(executor: pt.JobExecutor, module: Any) -> None:
    assert executor.submit(module.forks).result(LONG) == 0


def test_the_last_attempt_counts(session: pt.JobSession, module: Any) -> None:
    with pt.JobExecutor(session, retries=1) as executor:
        again, worse = executor.submit(module.at_the_second, ""), executor.submit(module.worse_each_time)
        assert again.result(LONG) == "2"
        assert failure(worse).info.terminating_signal == "SIGKILL"


def test_a_job_reaped_before_its_result_was_fetched(executor: pt.JobExecutor, served: Home, tmp_path: Path) -> None:
    held = pt.JobExecutor(executor._session, submit_as_hold=True)
    future = held.submit(abs, -1)
    assert len(os.listdir(served.calls)) == 1
    pt.destroy_job_session(executor._session.session_name, live="terminate")
    failure(future)
    held.shutdown()
    assert os.listdir(served.calls) == []


# as executors are used


def test_map_keeps_the_order(executor: pt.JobExecutor, module: Any) -> None:
    assert list(executor.map(operator.truediv, [6, 8], [3, 2], timeout=LONG)) == [2, 4]
    before = len(executor._session.get_jobs())
    assert list(executor.map(operator.neg, range(7), chunksize=3, timeout=LONG)) == [-each for each in range(7)]
    assert len(executor._session.get_jobs()) == before + 3
    with pytest.raises(ZeroDivisionError):
        list(executor.map(operator.truediv, [1, 1], [1, 0], chunksize=2))
    with pytest.raises(pt.InvalidArgumentException, match="chunksize"):
        executor.map(abs, [1], chunksize=0)


def test_many_calls_have_one_thread_which_goes(executor: pt.JobExecutor, tmp_path: Path, module: Any) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    threads = threading.active_count()
    many = [executor.submit(module.waits, str(fifo))] + [executor.submit(abs, number) for number in range(5)]
    assert threading.active_count() == threads + 1
    done, left = futures.wait(many[1:], LONG)
    assert not left and {each.result() for each in done} == set(range(5))
    assert many[0].running() and not many[1].running()
    with pytest.raises(futures.TimeoutError):
        many[0].result(0.01)
    fifo.write_text("go")
    assert [each.result() for each in futures.as_completed(many[:1], LONG)] == ["go"]
    executor.shutdown()
    assert threading.active_count() == threads


def test_asyncio(executor: pt.JobExecutor) -> None:
    async def several() -> list[int]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(executor, pow, 2, each) for each in range(4)))

    assert asyncio.run(several()) == [1, 2, 4, 8]


def test_a_callback_may_submit(executor: pt.JobExecutor) -> None:
    chained: futures.Future[int] = futures.Future()

    def follow(future: futures.Future[int]) -> None:
        executor.submit(abs, -future.result()).add_done_callback(lambda last: chained.set_result(last.result()))

    executor.submit(abs, -3).add_done_callback(follow)
    assert chained.result(LONG) == 3


def test_cancel_ends_what_has_not_started(session: pt.JobSession, tmp_path: Path, module: Any, served: Home) -> None:
    os.mkfifo(tmp_path / "fifo")
    executor = pt.JobExecutor(session, max_running=1)
    runs, waits = executor.submit(module.waits, str(tmp_path / "fifo")), executor.submit(abs, 1)
    job_of(runs).wait_started(LONG)
    told: list[futures.Future[int]] = []
    waits.add_done_callback(told.append)
    assert (runs.cancel(), waits.cancel(), waits.cancel()) == (False, True, True)
    assert told == [waits] and waits.cancelled() and not runs.done()
    assert futures.wait([waits], LONG).done == {waits}
    info = job_of(waits).wait_terminated(LONG)
    assert (info.job_sub_state, info.dispatch_time) == ("terminated", None)
    with pytest.raises(futures.CancelledError):
        waits.result(LONG)
    job_of(runs).terminate()
    assert failure(runs).info.job_sub_state == "terminated"
    executor.shutdown()
    assert os.listdir(served.calls) == []


def test_shutdown(session: pt.JobSession, tmp_path: Path, module: Any) -> None:
    os.mkfifo(tmp_path / "fifo")
    executor = pt.JobExecutor(session, max_running=1)
    runs, waits = executor.submit(module.waits, str(tmp_path / "fifo")), executor.submit(abs, 1)
    job_of(runs).wait_started(LONG)
    executor.shutdown(wait=False, cancel_futures=True)
    assert waits.cancelled() and not runs.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, 1)
    (tmp_path / "fifo").write_text("x")
    executor.shutdown()
    assert runs.done() and runs.result() == "x"


def test_sessions(served: Home) -> None:
    with pt.JobExecutor("calls", max_running=2, job_name="mine") as executor:
        future = executor.submit(abs, 1)
        assert future.result(LONG) == 1
    assert pt.open_job_session("calls").max_running == 2
    assert job_of(future).get_info().job_name == "mine" and job_of(future).session_name == "calls"
    own = pt.JobExecutor(max_running=1)
    assert own._session.session_name not in ("calls", "default") and own._session.max_running == 1
    for name in ("calls", own._session.session_name):
        pt.destroy_job_session(name)


@pytest.mark.parametrize("wrong", [{"args": ["x"]}, {"job_nam": "x"}, {"max_running": -1}, {"contact": "nobody"}])
def test_what_is_wrong_is_told_at_once(served: Home, wrong: dict[str, Any]) -> None:
    with pytest.raises(pt.InvalidArgumentException, match=next(iter(wrong))):
        pt.JobExecutor(**wrong)


def test_a_refused_submit_leaves_nothing(executor: pt.JobExecutor, served: Home) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="cannot be pickled"):
        executor.submit(lambda: 1)
    with pytest.raises(pt.InvalidArgumentException, match="cannot be pickled"):
        executor.submit(abs, threading.Lock())
    executor._session.close()
    with pytest.raises(pt.InvalidSessionException):
        executor.submit(abs, 1)
    assert os.listdir(served.calls) == []
    executor._session._closed = False


def test_a_fork_submits_calls_of_its_own(executor: pt.JobExecutor, tmp_path: Path, module: Any) -> None:
    os.mkfifo(tmp_path / "fifo")
    parents = executor.submit(module.waits, str(tmp_path / "fifo"))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            assert executor.submit(abs, -2).result(LONG) == 2
            try:
                parents.result(0)
            except pt.InvalidStateException as error:
                code = 0 if "future.job" in error.message else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    (tmp_path / "fifo").write_text("x")
    assert parents.result(LONG) == "x"


# files and jobs that outlive their caller


def test_a_call_goes_with_its_record(session: pt.JobSession, served: Home, tmp_path: Path) -> None:
    name = session.session_name
    code = f"import proctracker as pt, os; print(pt.JobExecutor({name!r}).submit(abs, -1).job, flush=True); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LONG, check=True)
    job = session.get_job(done.stdout.strip())
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    [left] = os.listdir(served.calls)
    for path in (
        served.calls,
        f"{served.calls}/{left}",
        f"{served.calls}/{left}/call",
        f"{served.calls}/{left}/result",
    ):
        assert os.stat(path).st_mode & 0o077 == 0
    with pytest.raises(pt.InvalidStateException, match="was a call"):
        job.resubmit()
    job.reap()
    assert os.listdir(served.calls) == []


# functions of a script


def test_functions_of_a_script(served: Home, tmp_path: Path) -> None:
    done = script(
        tmp_path,
        """
        import proctracker as pt

        class Point:
            def __init__(self, x): self.x = x

        class Wrong(Exception):
            pass

        def point(x):
            if x < 0: raise Wrong(x)
            return Point(x)

        if __name__ == "__main__":
            with pt.JobExecutor() as executor:
                found = executor.submit(point, 3).result()
                wrong = executor.submit(point, -1).exception()
                print(type(found) is Point, found.x, type(wrong) is Wrong, wrong)
        """,
    )
    assert done.stdout == "True 3 True -1\n", done.stderr


def test_a_script_without_a_guard_does_not_submit_for_ever(served: Home, tmp_path: Path) -> None:
    text = """
        import proctracker as pt

        def f(): pass

        pt.JobExecutor().submit(f).result()
        """
    done = script(tmp_path, text)
    assert 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]
    done = script(tmp_path, "", "-c", WITHOUT + textwrap.dedent(text))
    assert "f is of __main__, and that is no script" in done.stderr.splitlines()[-1]


def test_cloudpickle_is_used_where_it_is(
    executor: pt.JobExecutor, tmp_path: Path, module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "cloudpickle")
    (tmp_path / "cloudpickle.py").write_text(
        "import marshal, pickle, types\n"
        "def build(code): return types.FunctionType(marshal.loads(code), {})\n"
        "class Pickler(pickle.Pickler):\n"
        "    def reducer_override(self, each):\n"
        "        if isinstance(each, types.FunctionType) and each.__name__ == '<lambda>':\n"
        "            return build, (marshal.dumps(each.__code__),)\n"
        "        return NotImplemented\n"
        "def dump(value, file, protocol=None): Pickler(file, protocol).dump(value)\n"
        "def dumps(value, protocol=None):\n"
        "    import io\n"
        "    file = io.BytesIO(); dump(value, file, protocol); return file.getvalue()\n"
    )
    try:
        assert executor.submit(lambda x: lambda y: y + 1, 3).result(LONG)(2) == 3
        with pytest.raises(
            pt.InvalidArgumentException,
            match=r"cannot be pickled \(cannot pickle '_thread.lock' object\): call a function of a module$",
        ):
            executor.submit(lambda: 1, threading.Lock())
    finally:
        sys.modules.pop("cloudpickle", None)
