"""Tests the checks of the model: a right history passes, and each wrong one is found."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from model import checks
from model.history import Run

Told = dict[str, Any]
PLAN: Told = {
    "tag": "t1",
    "hold": False,
    "start": None,
    "deadline": None,
    "limit": None,
    "retries": 0,
    "delay": 0,
    "after": None,
    "after_any": None,
    "rerunnable": False,
    "count": 0,
    "parallel": None,
}
ROW: Told = {
    "job_id": "1",
    "job_state": "DONE",
    "job_sub_state": None,
    "exit_status": 0,
    "terminating_signal": None,
    "annotation": None,
    "attempt": 1,
    "array_id": None,
    "session_name": "a",
    "resubmitted_from": None,
    "command": ["sh", "job.sh", "records", "t1"],
}


def iso(moment: float | None) -> str | None:
    """A time as JSON output has it."""
    return None if moment is None else datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Story:
    """A finished run of one job that was submitted at 100, ran from 101 to 102, and was waited for."""

    def __init__(self) -> None:
        times = {"submission_time": 100.0, "dispatch_time": 101.0, "finish_time": 102.0}
        self.rows: dict[str, Told] = {"1": {**copy.deepcopy(ROW), **times}}
        self.events: list[tuple[str, str, str | None, float]] = [
            ("1", "QUEUED", None, 100.0),
            ("1", "RUNNING", None, 101.0),
            ("1", "DONE", None, 102.0),
        ]
        self.records: list[tuple[str, float, int]] = [("S.t1.1.1.9", 101.0, 0), ("E.t1.1.1.9", 102.0, 0)]
        self.calls: list[Told] = []
        self.call("submit", 100.0, "1", session="a", plan=copy.deepcopy(PLAN))
        ended = {"state": "DONE", "sub_state": None, "exit_status": 0, "signal": None, "attempt": 1}
        self.call("wait", 100.5, ended, job="1", timeout=5, ended=102.1)
        self.kills: list[tuple[float, str]] = []
        self.untold: set[int] = set()

    @property
    def plan(self) -> Told:
        """What was asked for."""
        plan: Told = self.calls[0]["plan"]
        return plan

    def call(self, op: str, began: float, result: object = None, ended: float | None = None, **facts: Any) -> None:
        """Add a client's call."""
        moment = began + 0.1 if ended is None else ended
        self.calls.append({"op": op, "began": began, "ended": moment, "result": result, **facts})

    def another(self, number: str, tag: str, **row: Any) -> None:
        """Add a job like the first."""
        command = ["sh", "job.sh", "records", tag]
        self.rows[number] = {**copy.deepcopy(self.rows["1"]), "job_id": number, "command": command, **row}
        self.events += [(number, *event[1:]) for event in self.events[:3]]
        self.records += [(f"{kind}.{tag}.{number}.1.8", moment, 0) for kind, moment in (("S", 101.0), ("E", 102.0))]

    def check(self, folder: Path, contact: str = "process") -> set[str]:
        """The kinds of violations that are found."""
        records = folder / "model" / "records"
        records.mkdir(parents=True)
        for name, moment, code in self.records:
            (records / name).write_text(f"{code}\n")
            os.utime(records / name, (moment, moment))
        timed = [
            {name: iso(value) if name.endswith("_time") else value for name, value in row.items()}
            for row in self.rows.values()
        ]
        (folder / "ps.json").write_text(json.dumps(timed))
        told = [
            {"job_id": job, "job_state": state, "job_sub_state": sub_state, "time": iso(moment), "attempt": 1}
            for job, state, sub_state, moment in self.events
        ]
        (folder / "events.json").write_text(json.dumps(told))
        pushed = [
            {"kind": kind, "job": job, "state": state, "sub_state": sub_state, "time": moment}
            for number, (job, state, sub_state, moment) in enumerate(self.events)
            for kind in ("callback", "events")
            if number not in self.untold
        ]
        chaos = [{"time": moment, "kill": kind} for moment, kind in self.kills] + [{"draining": 200.0}]
        lines = [{"number": number, **call} for number, call in enumerate(self.calls)]
        for name, values in (("follower", pushed), ("chaos", chaos), ("client.0", lines)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(value) + "\n" for value in values))
        return {violation.kind for violation in checks.check(Run(str(folder), contact))}


def test_a_right_history_passes(tmp_path: Path) -> None:
    assert Story().check(tmp_path) == set()


def test_a_lost_job_whose_deadline_has_passed_is_not_run_again(tmp_path: Path) -> None:
    story = Story()
    for change in (LOST, _plan(rerunnable=True, deadline=101.8), _events(("UNDETERMINED", "lost", 102.0))):
        change(story)
    story.kills.append((101.5, "both"))
    assert "lost-though-rerunnable" not in story.check(tmp_path)


def test_an_engines_start_under_way_outlives_its_session(tmp_path: Path) -> None:
    story = Story()
    story.call("destroy", 100.2, session="a", live="leave")
    assert "starts-after-destroy" not in story.check(tmp_path, "podman")


def _row(**values: Any) -> Callable[[Story], None]:
    return lambda story: story.rows["1"].update(values)


def _plan(**values: Any) -> Callable[[Story], None]:
    return lambda story: story.plan.update(values)


def _records(*records: tuple[str, float, int]) -> Callable[[Story], None]:
    return lambda story: story.records.__setitem__(slice(None), records)


def _events(*events: tuple[str, str | None, float]) -> Callable[[Story], None]:
    return lambda story: story.events.__setitem__(slice(None), [("1", *event) for event in events])


def _call(op: str, began: float, result: object = None, **facts: Any) -> Callable[[Story], None]:
    return lambda story: story.call(op, began, result, **facts)


def _another(number: str, tag: str, **row: Any) -> Callable[[Story], None]:
    return lambda story: story.another(number, tag, **row)


START, EXIT = ("S.t1.1.1.9", 101.0, 0), ("E.t1.1.1.9", 102.0, 0)
LOST = _row(job_state="UNDETERMINED", job_sub_state="lost", exit_status=None)
FAILED = _row(job_state="FAILED", exit_status=7)
WRONG: list[tuple[str, list[Callable[[Story], None]]]] = [
    ("done-without-exit-0", [_records(START)]),
    ("done-without-exit-0", [_records(START, ("E.t1.1.1.9", 102.0, 3))]),
    ("done-odd", [_row(exit_status=3)]),
    ("wrong-code", [_row(job_state="FAILED", exit_status=4), _records(START, ("E.t1.1.1.9", 102.0, 3))]),
    (
        "wrong-signal",
        [_row(job_state="FAILED", terminating_signal="SIGTERM"), _records(START, ("K.t1.1.1.9", 102.0, 9))],
    ),
    ("failed-though-it-recorded-no-end", [FAILED, _records(START)]),
    ("odd-sub-state", [_row(job_state="FAILED", job_sub_state="start-failed", exit_status=125)]),
    ("time-limit-unasked", [_row(job_state="FAILED", job_sub_state="time-limit")]),
    ("time-limit-early", [_row(job_state="FAILED", job_sub_state="time-limit"), _plan(limit=2)]),
    ("deadline-unasked", [_row(job_state="FAILED", job_sub_state="deadline")]),
    ("deadline-early", [_row(job_state="FAILED", job_sub_state="deadline"), _plan(deadline=110.0)]),
    ("deadline-overrun", [_plan(deadline=70.0)]),
    ("dependency-unasked", [_row(job_state="FAILED", job_sub_state="dependency")]),
    (
        "dependency-was-met",
        [_another("2", "t2"), _row(job_state="FAILED", job_sub_state="dependency"), _plan(after="2")],
    ),
    ("terminated-by-nobody", [_row(job_state="FAILED", job_sub_state="terminated")]),
    ("lost-though-one-death", [LOST, lambda story: story.kills.append((101.5, "supervisor"))]),
    ("lost-though-rerunnable", [LOST, _plan(rerunnable=True), lambda story: story.kills.append((101.5, "both"))]),
    ("no-finish-time", [_row(finish_time=None)]),
    ("dispatched-before-submitted", [_row(dispatch_time=99.0)]),
    ("finished-before-dispatched", [_row(finish_time=100.5)]),
    ("started-before-dispatched", [_row(dispatch_time=101.5)]),
    ("ended-after-finish", [_row(finish_time=101.5)]),
    ("finish-much-later", [_row(finish_time=130.0)]),
    ("run-twice", [lambda story: story.records.append(("S.t1.1.1.7", 101.5, 0))]),
    ("attempt-skipped", [_row(attempt=3), lambda story: story.records.append(("S.t1.1.3.7", 102.5, 0))]),
    ("attempts-overlap", [_row(attempt=2), lambda story: story.records.append(("S.t1.1.2.7", 101.5, 0))]),
    ("retried-too-early", [_plan(delay=5), lambda story: story.records.append(("S.t1.1.2.7", 102.5, 0))]),
    ("too-many-attempts", [_row(attempt=2)]),
    ("retry-missing", [FAILED, _plan(retries=1), _records(START, ("E.t1.1.1.9", 102.0, 7))]),
    ("started-too-early", [_plan(start=105.0)]),
    ("started-though-not-done", [_plan(after="2"), _another("2", "t2", job_state="FAILED", exit_status=1)]),
    ("started-before-dependency", [_plan(after_any="2"), _another("2", "t2")]),
    ("odd-transition", [_events(("QUEUED", None, 100.0), ("DONE", None, 101.0), ("RUNNING", None, 102.0))]),
    ("transition-time-goes-back", [_events(("QUEUED", None, 100.0), ("RUNNING", None, 103.0), ("DONE", None, 102.0))]),
    ("transition-twice", [_events(("QUEUED", None, 100.0), ("QUEUED", None, 101.0), ("DONE", None, 102.0))]),
    ("last-transition-differs", [_events(("QUEUED", None, 100.0), ("RUNNING", None, 101.0))]),
    ("no-transitions", [_events()]),
    ("id-twice", [_call("submit", 103.0, "1", session="a", plan={**PLAN, "tag": "t9"})]),
    ("accepted-job-is-gone", [_call("submit", 103.0, "5", session="a", plan={**PLAN, "tag": "t5"})]),
    ("submitted-once-runs-as-several", [_another("2", "t1")]),
    ("exception", [_call("state", 103.0, error="OSError", job="1")]),
    ("wait-overran", [_call("wait_started", 103.0, ended=130.0, job="1", timeout=1)]),
    ("time-out-early", [_call("wait_started", 103.0, error="TimeoutException", job="1", timeout=1)]),
    ("slow-call", [_call("suspend", 103.0, ended=140.0, job="1")]),
    ("hold-does-not-hold", [_call("hold", 103.0, "RUNNING", job="1")]),
    ("wait-missed-the-end", [_call("wait", 103.0, ended=108.0, error="TimeoutException", job="1", timeout=5)]),
    ("wait-returns-a-live-job", [_call("wait", 101.0, {"state": "RUNNING"}, job="1", timeout=5)]),
    (
        "ended-state-changed",
        [_call("wait", 103.0, {"state": "FAILED", "exit_status": 1, "signal": None}, job="1", timeout=5)],
    ),
    ("wait-returns-early", [_call("wait_any_terminated", 101.0, ["1"], jobs=["1"], timeout=5)]),
    (
        "destroyed-session-is-usable",
        [_call("destroy", 102.5, session="d1", live="leave"), _call("use_destroyed", 103.0, "7", session="d1")],
    ),
    ("destroy-fails", [_call("destroy", 103.0, error="InvalidStateException", session="d1", live="leave")]),
    ("fork", [_call("fork", 103.0, 2, session="a")]),
    ("traceback", [_call("command", 103.0, [1, "", "Traceback (most recent call last)"], verb="ps")]),
    ("command-hangs", [_call("command", 103.0, ["hangs", "", ""], verb="ps")]),
    ("submit-fails", [_call("command", 103.0, [1, "", ""], verb="submit", session="a", plan={**PLAN, "tag": "t5"})]),
    ("run-exits-otherwise", [_call("command", 103.0, [1, "", ""], verb="run", session="a", plan=PLAN)]),
    ("reaped-job-is-known", [_call("reap", 103.0, job="1"), _call("state", 104.0, "DONE", job="1")]),
    ("reaped-job-is-listed", [_call("reap", 103.0, job="1")]),
    ("held-job-starts", [_plan(hold=True)]),
    (
        "too-many-at-once",
        [
            lambda story: story.call("array", 100.0, "4", session="a", plan={**PLAN, "tag": "t4", "parallel": 1}),
            _another("4_1", "t4", array_id="4"),
            _another("4_2", "t4", array_id="4"),
        ],
    ),
    ("callback-misses", [lambda story: story.untold.add(2)]),
    ("events-misses", [lambda story: story.untold.add(1)]),
    (
        "child-outlives-terminate",
        [
            _row(job_state="FAILED", job_sub_state="terminated"),
            lambda story: story.records.append(("b.t1.1.1.child", 110.0, 0)),
        ],
    ),
    ("starts-after-destroy", [lambda story: story.call("destroy", 100.2, session="a", live="leave")]),
]


@pytest.mark.parametrize(("kind", "changes"), WRONG, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(WRONG)])
def test_what_is_wrong_is_found(tmp_path: Path, kind: str, changes: list[Callable[[Story], None]]) -> None:
    story = Story()
    for change in changes:
        change(story)
    assert kind in story.check(tmp_path)


def test_every_kind_of_violation_has_a_wrong_history() -> None:
    with open(checks.__file__, encoding="utf-8") as file:
        named = set(re.findall(r'(?:yield|Violation\()\s*"([a-z0-9-]+)"', file.read()))
    assert named - {"client-broken"} <= {kind for kind, _ in WRONG}
