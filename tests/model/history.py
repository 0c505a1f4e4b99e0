"""Records what clients asked and were answered, what jobs did, what followers were told; reads it all back."""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

EXPECTED = ("InvalidStateException", "InvalidArgumentException", "InvalidSessionException", "TimeoutException")
"""Exceptions that a random operation may well raise; any other is a violation."""


class Log:
    """A file of JSON lines; a killed writer leaves whole lines."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._lock = threading.Lock()
        self._number = 0

    def put(self, **facts: Any) -> None:
        """Write a line."""
        os.write(self._file, (json.dumps(facts, default=str) + "\n").encode())

    def call(self, op: str, function: Callable[[], Any], **facts: Any) -> Any:
        """Call a function, record when and what came of it; returns its result, None where it raised."""
        with self._lock:
            self._number += 1
            number = self._number
        self.put(number=number, op=op, began=time.time(), **facts)
        try:
            result = function()
        except Exception as problem:
            name = type(problem).__name__
            trace = None if name in EXPECTED else traceback.format_exc()[-1500:]
            self.put(number=number, ended=time.time(), error=name, message=str(problem)[:300], trace=trace)
            return None
        self.put(number=number, ended=time.time(), result=_plain(result))
        return result


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (str, int, float, list, dict)) else str(value)


class Call(NamedTuple):
    """One operation of a client; ``ended`` is None where the client was killed in it."""

    client: str
    op: str
    began: float
    ended: float | None
    result: Any
    error: str | None
    message: str
    trace: str | None
    facts: dict[str, Any]

    def __str__(self) -> str:
        took = "killed" if self.ended is None else f"{self.ended - self.began:.3f} s"
        facts = {name: value for name, value in self.facts.items() if value is not None}
        return f"{self.op} {facts} at {self.began:.3f} ({took}): {self.error or self.result} {self.message}"


class Record(NamedTuple):
    """One thing that a job did, as ``job.sh`` wrote it."""

    kind: str
    tag: str
    job: str
    attempt: int
    pid: str
    time: float
    code: int


class Run:
    """All that is known of a finished sequence."""

    def __init__(self, folder: str, contact: str) -> None:
        self.folder, self.contact = folder, contact
        self.chaos = list(_lines(os.path.join(folder, "chaos.jsonl")))
        self.kills = [(line["time"], line["kill"]) for line in self.chaos if "kill" in line]
        self.jobs: dict[str, dict[str, Any]] = {row["job_id"]: row for row in _load(folder, "ps.json")}
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in _load(folder, "events.json"):
            self.events[event["job_id"]].append(event)
        self.records: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(
            _records(os.path.join(folder, "model", "records")), key=lambda each: (each.time, each.attempt)
        ):
            self.records[record.job].append(record)
        names = sorted(name for name in os.listdir(folder) if name.startswith("client."))
        self.broken: list[str] = []
        self.calls = [call for name in names if name.endswith(".jsonl") for call in self._calls(name)]
        self.plans = {call.facts["plan"]["tag"]: call for call in self.calls if call.facts.get("plan")}
        self.submitted = {
            str(call.result): call for call in self.calls if call.op in ("submit", "array") and call.result
        }

    def _calls(self, name: str) -> Iterator[Call]:
        begun: dict[int, dict[str, Any]] = {}
        for line in _lines(os.path.join(self.folder, name)):
            if "op" in line:
                begun[line["number"]] = line
            elif "number" in line:
                begun[line["number"]].update(line)
            elif "broken" in line:
                self.broken.append(line["broken"])
        for line in begun.values():
            known = {
                key: line.pop(key, None) for key in ("op", "began", "ended", "result", "error", "message", "trace")
            }
            known["message"] = known["message"] or ""
            yield Call(name, **known, facts=line)

    def said(self, name: str) -> float:
        """When the sequence noted something in its own log."""
        return next((float(line[name]) for line in self.chaos if name in line), float("inf"))

    def pushes(self, kind: str) -> dict[str, list[tuple[str, str | None, float]]]:
        """What a follower was told, by job: state, sub-state, time."""
        found: dict[str, list[tuple[str, str | None, float]]] = defaultdict(list)
        for line in _lines(os.path.join(self.folder, "follower.jsonl")):
            if line.get("kind") == kind:
                found[line["job"]].append((line["state"], line["sub_state"], round(line["time"], 3)))
        return found


def moment(text: str | None) -> float | None:
    """A time of our JSON as epoch seconds."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _lines(path: str) -> Iterator[dict[str, Any]]:
    if os.path.exists(path):
        with open(path, "rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)


def _load(folder: str, name: str) -> list[dict[str, Any]]:
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        loaded: list[dict[str, Any]] = json.load(file)
    return loaded


def _records(folder: str) -> Iterator[Record]:
    for entry in os.scandir(folder):
        kind, tag, job, attempt, pid = entry.name.split(".")
        with open(entry.path, encoding="ascii") as file:
            text = file.read().strip()
        # A job that is killed between the creation of a file and its content leaves it empty.
        yield Record(kind, tag, job, int(attempt or 0), pid, entry.stat().st_mtime, int(text) if text else -1)
