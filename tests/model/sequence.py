"""Runs one seed: clients, a follower and kills for some seconds, then lets all jobs end and compares everything."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from model import checks
from model.checks import Violation
from model.history import Log, Run
from model.kills import KINDS, Killer, pair
from model.plans import SCRIPT
from proctracker.store import Home

SESSIONS = {"a": [0, 1, 2, 4], "b": [0, 1, 2, 4], "free": [0]}
"""The sessions, and what their max_running may be at first."""

LEAVES = 25.0
"""Seconds within which a supervisor with nothing to do has left."""

_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


class Sequence:
    """One seed in a folder of its own; an engine's environment is the process' own."""

    def __init__(self, seed: int, folder: str, contact: str, image: str, seconds: float, chaos: str | None) -> None:
        self.rng = random.Random(seed)
        self.seed, self.folder, self.contact = seed, folder, contact
        self.chaos = chaos or self.rng.choice([*KINDS, "single", "single"])
        self.count = self.rng.choice([1, 1, 2, 3])
        self.place: dict[str, Any] = {
            "seed": seed,
            "folder": folder,
            "model": os.path.join(folder, "model"),
            "contact": contact,
            "image": image,
            "threads": self.rng.choice([1, 1, 3]),
            "pause": self.rng.choice([0, 0.01, 0.1]),
        }
        self.seconds = seconds
        self.home = Home(os.path.join(folder, "home"))
        self.clients: list[subprocess.Popen[bytes]] = []
        self.violations: list[Violation] = []

    def run(self) -> dict[str, Any]:
        """Run it all; the result, which is also written to ``result.json``."""
        self._prepare()
        log = Log(os.path.join(self.folder, "chaos.jsonl"))
        log.put(seed=self.seed, chaos=self.chaos, clients=self.count, threads=self.place["threads"])
        for name, limits in SESSIONS.items():
            most = str(self.rng.choice(limits))
            done = self._cli("-c", self.contact, "session", "create", name, "--max-running", most)
            log.put(session=name, most=most, code=done.returncode, stderr=done.stderr)
        self.place["until"] = time.time() + self.seconds
        follower = self._start("follower", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert follower.stdout is not None
        follower.stdout.readline()
        for _ in range(self.count):
            self._client()
        killer = Killer(self.home, log, self.rng, self.chaos)
        killer.run(self.place["until"], self.clients, self._client)
        self._end_clients()
        self._drain(log)
        self._slots()
        self._gather(follower)
        self._idle()
        run = Run(self.folder, self.contact)
        self.violations += checks.check(run)
        return self._result(run, dict(killer.done))

    def _prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.place["model"], "records"))
        shutil.copy(SCRIPT, self.place["model"])
        for path in (self.place["model"], os.path.join(self.place["model"], "records")):
            os.chmod(path, 0o777)
        os.environ.update(PROCTRACKER_HOME=self.home.path, PROCTRACKER_CONFIG="/dev/null")
        for name in ("SESSION", "CONTACT", "DEBUG"):
            os.environ.pop(f"PROCTRACKER_{name}", None)

    # -- processes

    def _start(self, role: str, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
        argv = [sys.executable, _MAIN, role, json.dumps(self.place), *words]
        with open(os.path.join(self.folder, f"{role}.err"), "ab") as err:
            return subprocess.Popen(argv, cwd=self.folder, stderr=err, **{"stdin": subprocess.DEVNULL, **streams})

    def _client(self) -> None:
        self.clients.append(self._start("client", str(len(self.clients))))

    def _end_clients(self) -> None:
        for client in self.clients:
            try:
                client.wait(timeout=180)
            except subprocess.TimeoutExpired:
                self._found("client-hangs", "", f"pid {client.pid}")
                client.kill()
                client.wait()

    def _cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "proctracker", *words]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, cwd=self.folder, check=False
        )
        if "Traceback" in done.stderr:
            self._found("traceback", "", f"{words}: {done.stderr[-1500:]}")
        return done

    def _rows(self, *words: str) -> list[dict[str, Any]]:
        done = self._cli("ps", *words, "--json")
        if done.returncode:
            self._found("ps-fails", "", f"exit code {done.returncode}: {done.stderr}")
        rows: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return rows

    # -- the end

    def _drain(self, log: Log) -> None:
        """Let everything run that waits, and wait for its end."""
        log.put(draining=time.time())
        for line in self._cli("session", "list").stdout.splitlines()[1:]:
            self._cli("session", "set", line.split()[0], "max_running=0")
        before: set[str] | None = None
        for _ in range(12):
            self._cli("release", "--all")
            self._cli("resume", "--all")
            # 124 is the waiter's time-out, 125 an id that was reaped meanwhile or a job that is lost.
            self._cli("wait", "--all", "--timeout", "8")
            live = {row["job_id"] for row in self._rows()}
            if not live or live == before:
                break
            before = live
        left = self._rows()
        log.put(terminating=time.time(), left=[row["job_id"] for row in left])
        for row in left:
            self._found("never-ends", row["job_id"], f"{row['job_state']} {row['job_sub_state']} {row['annotation']}")
        if left:
            self._cli("terminate", "--all", "--grace", "1")
            self._cli("wait", "--all", "--timeout", "30")
            for row in self._rows():
                state = f"{row['job_state']} {row['job_sub_state']} {row['annotation']}"
                self._found("cannot-be-terminated", row["job_id"], state)

    def _slots(self) -> None:
        """Look whether all slots are free again, and no more than all."""
        if self.contact != "process":
            return
        script = os.path.join(self.place["model"], "job.sh")
        for session in ("a", "b"):
            tag = f"slots{session}"
            self._cli("session", "set", session, "max_running=2")
            words = ["sh", script, os.path.join(self.place["model"], "records"), tag, "sleep:0.2", "exit:0"]
            array = self._cli("-s", session, "array", "1-6", "--", *words).stdout.strip()
            done = self._cli("wait", "--timeout", "30", array)
            if done.returncode:
                self._found("slots-are-kept", array, f"{session}: exit code {done.returncode}: {done.stderr}")

    def _gather(self, follower: subprocess.Popen[bytes]) -> None:
        """Keep what proctracker tells in the end, once the follower was told it all."""
        rows, events = self._rows("-a"), self._cli("events", "--json").stdout
        for name, values in (("ps", rows), ("events", [json.loads(line) for line in events.splitlines()])):
            with open(os.path.join(self.folder, f"{name}.json"), "w", encoding="utf-8") as file:
                json.dump(values, file)
        self._followed(os.path.join(self.folder, "follower.jsonl"), rows)
        assert follower.stdin is not None
        follower.stdin.close()
        try:
            follower.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._found("follower-hangs", "", f"pid {follower.pid}")
            follower.kill()

    def _followed(self, path: str, rows: list[dict[str, Any]]) -> None:
        """Give the follower, which nothing else tells of its end, the time to write down the last change."""
        last = max(rows, key=lambda row: row["finish_time"] or "", default=None)
        until = time.time() + 5
        while last and time.time() < until:
            with suppress(OSError), open(path, encoding="utf-8") as file:
                if any(f'"{last["job_id"]}"' in line and last["job_state"] in line for line in file):
                    return
            time.sleep(0.05)

    def _idle(self) -> None:
        """See the supervisor leave, and what it leaves behind."""
        until = time.time() + LEAVES
        while pair(self.home) and time.time() < until:
            time.sleep(0.1)
        found = pair(self.home)
        if found:
            self._found("supervisor-stays", "", f"keeper and supervisor {found}")
            for pid in found:
                os.kill(pid, 9)
        starts = os.path.join(self.home.here, "starts")
        if os.path.isdir(starts) and os.listdir(starts):
            self._found("starts-are-left", "", str(os.listdir(starts)[:5]))
        with suppress(OSError), open(os.path.join(self.home.here, "supervisor.log"), errors="replace") as file:
            text = file.read()
            if "Traceback" in text or "Error" in text:
                self._found("supervisor-log", "", text[-1500:])

    def _found(self, kind: str, job: str, what: str) -> None:
        self.violations.append(Violation(kind, job, what))

    def _result(self, run: Run, kills: dict[str, int]) -> dict[str, Any]:
        result = {
            "seed": self.seed,
            "chaos": self.chaos,
            "clients": f"{self.count}x{self.place['threads']}",
            "operations": len(run.calls),
            "jobs": len(run.jobs),
            "starts": sum(record.kind == "S" for records in run.records.values() for record in records),
            "kills": kills,
            "violations": [list(each) for each in self.violations],
        }
        with open(os.path.join(self.folder, "result.json"), "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
        return result
