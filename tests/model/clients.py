"""Calls proctracker at random, as programs and shells do, and records each call."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import proctracker as pt
from model.history import EXPECTED, Log
from model.plans import Plan, Planner

SESSIONS = ("a", "b", "free")
"""The sessions all clients use; ``free`` never has a limit."""

PATIENCE = 150.0
"""Seconds after which a thread that does not come back is said to hang."""

_SIGNALS = ("SIGTERM", "SIGTERM", "SIGINT", "SIGKILL")


class Client:
    """One thread of random calls until a moment."""

    def __init__(self, log: Log, name: str, seed: str, place: dict[str, Any], until: float) -> None:
        self.log, self.until, self.name = log, until, name
        self.rng = random.Random(seed)
        self.contact = place["contact"]
        self.pause = place["pause"]
        self.forks = place["threads"] == 1
        self.planner = Planner(self.rng, name, place["contact"], place["model"], place["image"])
        self.jobs: list[pt.Job] = []
        self.arrays: list[pt.JobArray] = []
        self.held: dict[str, pt.Job] = {}
        self.sessions: dict[str, pt.JobSession] = {}
        self.made = 0

    def run(self) -> None:
        """Call until it is time."""
        for name in SESSIONS:
            opened = self.log.call("open", lambda name=name: pt.job_session(name, contact=self.contact), session=name)
            if opened is not None:
                self.sessions[name] = opened
        operations = list(self._operations())
        weights = [weight for weight, _ in operations]
        while time.time() < self.until and self.sessions:
            time.sleep(self.rng.random() * self.pause)
            call = self.rng.choices([call for _, call in operations], weights)[0] if self.jobs else self.submit
            try:
                call()
            except Exception:
                self.log.put(broken=traceback.format_exc()[-1500:])

    def _operations(self) -> list[tuple[float, Callable[[], Any]]]:
        return [
            (30, self.submit),
            (6, self.array),
            (8, self.command),
            (8, lambda: self._on(self._job(), "state", lambda job: job.get_state()[0].name)),
            (6, lambda: self._on(self._job(), "info", lambda job: told(job.get_info()))),
            (8, self.wait),
            (3, self.wait_started),
            (5, self.wait_many),
            (4, lambda: self._on(self._job(), "suspend", lambda job: job.suspend())),
            (4, lambda: self._on(self._job(), "resume", lambda job: job.resume())),
            (4, self.hold),
            (4, self.release),
            (4.5, self.terminate),
            (2, self.resubmit),
            (1.5, lambda: self._on(self._job(), "reap", lambda job: job.reap())),
            (1.5, self.control_array),
            (1, self.limit),
            (0.7, self.destroy),
            (0.7, self.fork),
            (0.7, self.awaits),
        ]

    # -- submitting

    def submit(self, session: pt.JobSession | None = None) -> None:
        """Submit a job."""
        session = session or self._session()
        plan = self.planner.plan(self._dependencies())
        template = self.planner.template(plan)
        known: dict[str, Any] = {"session": session.session_name, "plan": plan.known()}
        job: pt.Job | None = None

        def call() -> str:
            nonlocal job
            job = session.run_job(template)
            return job.id

        self.log.call("submit", call, **known)
        if job is not None:
            self.jobs.append(job)
            if plan.hold:
                self.held[job.id] = job

    def array(self) -> None:
        """Submit an array."""
        session, plan = self._session(), self.planner.array(self._dependencies())
        template = self.planner.template(plan)
        array: pt.JobArray | None = None

        def call() -> str:
            nonlocal array
            array = session.run_bulk_jobs(template, 1, plan.count, 1, plan.parallel)
            return array.id

        self.log.call("array", call, session=session.session_name, plan=plan.known())
        if array is not None:
            self.arrays.append(array)

    def resubmit(self) -> None:
        """Submit a job again."""
        job = self._job()
        again: pt.Job | None = None

        def call() -> str:
            nonlocal again
            again = job.resubmit()
            return again.id

        self.log.call("resubmit", call, job=job.id)
        if again is not None:
            self.jobs.append(again)

    # -- waiting

    def wait(self) -> None:
        """Wait for a job's end."""
        timeout = self.rng.choice([0, 0.2, 1.5, 5])
        self._on(self._job(), "wait", lambda job: told(job.wait_terminated(timeout)), timeout=timeout)

    def wait_started(self) -> None:
        """Wait for a job's start."""
        timeout = self.rng.choice([0, 0.2, 2])
        self._on(self._job(), "wait_started", lambda job: job.wait_started(timeout), timeout=timeout)

    def wait_many(self) -> None:
        """Wait for one or all of several jobs."""
        jobs = self.rng.sample(self.jobs[-10:], min(len(self.jobs[-10:]), 4))
        timeout, session = self.rng.choice([0.2, 2]), self._session()
        op = self.rng.choice(["wait_any_terminated", "wait_all_terminated", "wait_any_started", "wait_all_started"])

        def call() -> list[str]:
            found = getattr(session, op)(jobs, timeout)
            return [job.id for job in (found if isinstance(found, list) else [found])]

        self.log.call(op, call, jobs=[job.id for job in jobs], timeout=timeout)

    def awaits(self) -> None:
        """Await several jobs in an event loop."""
        jobs = self.jobs[-3:]

        async def one(job: pt.Job) -> str:
            return (await job).job_state.name

        async def every() -> list[str] | str:
            try:
                return list(await asyncio.wait_for(asyncio.gather(*map(one, jobs)), 2))
            except asyncio.TimeoutError:
                return "timeout"

        self.log.call("await", lambda: asyncio.run(every()), jobs=[job.id for job in jobs])

    # -- controls

    def hold(self) -> None:
        """Hold a job."""

        def call(job: pt.Job) -> str:
            job.hold()
            self.held[job.id] = job
            return job.get_state()[0].name

        self._on(self._job(), "hold", call)

    def release(self) -> None:
        """Release a job that we hold."""
        if self.held:
            job = self.held.pop(self.rng.choice(sorted(self.held)))
            self._on(job, "release", lambda job: job.release())

    def terminate(self) -> None:
        """Terminate a job."""
        grace, name = self.rng.choice([0, 0.3, 2]), self.rng.choice(_SIGNALS)
        self._on(self._job(), "terminate", lambda job: job.terminate(name, grace), grace=grace, signal=name)

    def control_array(self) -> None:
        """Act on all tasks of an array."""
        if not self.arrays:
            return
        array, op = (
            self.rng.choice(self.arrays),
            self.rng.choice(["suspend", "resume", "hold", "release", "reap", "terminate"]),
        )
        words = ["SIGTERM", 0.3] if op == "terminate" else []
        self.log.call(f"{op}_array", lambda: getattr(array, op)(*words), job=array.id)

    def limit(self) -> None:
        """Change a session's max_running."""
        name, most = self.rng.choice(["a", "b"]), self.rng.choice([0, 1, 2, 4, 8])
        session = self.sessions.get(name)
        if session is not None:
            self.log.call("limit", lambda: setattr(session, "max_running", most), session=name, most=most)

    def destroy(self) -> None:
        """Make a session, give it jobs, destroy it, try to use it."""
        self.made += 1
        name = f"d{self.name}{self.made}"
        session: pt.JobSession | None = None

        def create() -> None:
            nonlocal session
            session = pt.create_job_session(name, self.contact, max_running=1)

        self.log.call("create", create, session=name)
        if session is None:
            return
        before = len(self.jobs)
        for _ in range(self.rng.randrange(1, 5)):
            self.submit(session)
        time.sleep(self.rng.choice([0, 0.1, 0.5]))
        self.log.call("destroy", lambda: pt.destroy_job_session(name), session=name, live=None)
        live = self.rng.choice(["terminate", "leave"])
        self.log.call("destroy", lambda: pt.destroy_job_session(name, live), session=name, live=live)
        gone = {job.id for job in self.jobs[before:]}
        self.jobs = self.jobs[:before]
        self.held = {number: job for number, job in self.held.items() if number not in gone}
        self.log.call("use_destroyed", lambda: session.run_job({"remote_command": "true"}).id, session=name)

    def fork(self) -> None:
        """Use a job and a session in a forked child."""
        if not self.forks:
            return
        job, session = self._job(), self._session()
        plan = self.planner.plan([])
        plan.hold, plan.start = False, None
        template = self.planner.template(plan)

        def call() -> int:
            child = os.fork()
            if not child:
                signal.alarm(40)
                try:
                    job.get_state()
                    session.run_job(template)
                    os._exit(0)
                except Exception as problem:
                    os._exit(0 if type(problem).__name__ in EXPECTED else 1)
                finally:
                    os._exit(2)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        self.log.call("fork", call, session=session.session_name, plan=plan.known())

    # -- the command line

    def command(self) -> None:
        """Call the command line, and kill it now and then."""
        session = self.rng.choice(["a", "b", "default"])
        if self.rng.random() < 0.35:
            self._submitting_command(session)
            return
        job = self._job().id
        words = self.rng.choice(
            [
                ["wait", "--timeout", "2", job],
                ["info", "--json", job],
                ["ps", "-a", "--json"],
                ["terminate", "--grace", "0.5", job],
                ["logs", job],
                ["suspend", job],
                ["resume", job],
                ["reap", "--finished", "--dry-run"],
                ["-s", session, "reap", "--finished", "--older-than", "3s"],
                ["-s", session, "wait", "--all", "--timeout", "2"],
                ["wait", "--any", "--timeout", "2", job],
            ]
        )
        verb = next(word for word in words if word not in ("-s", session))
        self.log.call("command", lambda: _command(words, None), verb=verb, job=job, words=words)

    def _submitting_command(self, session: str) -> None:
        if self.contact != "process":
            return
        plan = Plan(f"{self.name}c{self.made}", self.planner.plan([]).actions)
        self.made += 1
        after = self.rng.choice([None, None, 0.05, 0.1, 0.2])
        verb = self.rng.choice(["submit", "submit", "run", "array"])
        options: list[str] = []
        if verb == "array":
            plan.count, plan.parallel = self.rng.choice([2, 4]), self.rng.choice([1, 2])
            options = [f"1-{plan.count}", "--max-parallel", str(plan.parallel)]
        words = ["-s", session, verb, *options, "--", "sh", *self.planner.words(plan)]
        call = lambda: _command(words, after)  # noqa: E731
        self.log.call("command", call, verb=verb, session=session, plan=plan.known())

    # -- which

    def _on(self, job: pt.Job, op: str, call: Callable[[pt.Job], Any], **facts: Any) -> None:
        self.log.call(op, lambda: call(job), job=job.id, **facts)

    def _job(self) -> pt.Job:
        return self.rng.choice(self.jobs[-8:])

    def _session(self) -> pt.JobSession:
        return self.sessions[self.rng.choice(sorted(self.sessions))]

    def _dependencies(self) -> list[str]:
        return [job.id for job in [*self.jobs[-6:], *self.arrays[-2:]]]


def told(info: pt.JobInfo) -> dict[str, Any]:
    """What the checks need of a JobInfo."""
    return {
        "state": info.job_state.name,
        "sub_state": info.job_sub_state,
        "exit_status": info.exit_status,
        "signal": info.terminating_signal,
        "attempt": info.attempt,
    }


def _command(words: list[str], kill_after: float | None) -> list[Any]:
    """Run a command; its exit code (None: we killed it), and what it printed."""
    argv = [sys.executable, "-m", "proctracker", *words]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, **streams) as process:  # type: ignore[call-overload]
        try:
            out, err = process.communicate(timeout=kill_after or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            return [None if kill_after else "hangs", out.decode()[:200], ""]
    return [process.returncode, out.decode(errors="replace")[:200], err.decode(errors="replace")[-400:]]


def main(place: dict[str, Any], number: int) -> None:
    """Run the threads of one client process."""
    log = Log(os.path.join(place["folder"], f"client.{number}.jsonl"))
    clients = [
        Client(log, f"c{number}t{each}", f"{place['seed']}/{number}/{each}", place, place["until"])
        for each in range(place["threads"])
    ]
    if len(clients) == 1:
        clients[0].run()
        return
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    late = place["until"] + PATIENCE
    for thread in threads:
        thread.join(max(0, late - time.time()))
        if thread.is_alive():
            frame = sys._current_frames().get(thread.ident or 0)
            log.put(broken="a thread hangs:\n" + "".join(traceback.format_stack(frame)[-8:] if frame else []))
    os._exit(0)
