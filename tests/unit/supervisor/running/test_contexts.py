"""A submitter's surroundings as its jobs get them."""

from __future__ import annotations

import json
import os

import pytest

from proctracker.model.marks import JOB_VARIABLES
from proctracker.supervisor.processes.spawn import Surroundings, own
from proctracker.supervisor.running import contexts
from proctracker.supervisor.running.contexts import Context
from supervising import Desk, context

_OLD = dict.fromkeys(JOB_VARIABLES, "another job's")


def _context(**values: object) -> Context:
    return Context(json.dumps(values), own())


def test_processes_get_the_callers_environment_containers_do_not() -> None:
    made = _context(env={"HOME": "/h", "A": "caller", **_OLD}, job_env={"A": "job", "B": "2", **_OLD})
    ours = {"JOB_ID": "7"}
    assert made.environment(ours, containers=False) == {"HOME": "/h", "A": "job", "B": "2", "JOB_ID": "7"}
    assert made.environment(ours, containers=True) == {"A": "job", "B": "2", "JOB_ID": "7"}
    assert made.job_env == {"A": "job", "B": "2"}


def test_ours_win_over_the_jobs() -> None:
    assert _context(job_env={"JOB_ID": "x"}).environment({"JOB_ID": "7"}, containers=True) == {"JOB_ID": "7"}


def test_the_environment_as_bytes() -> None:
    odd = os.fsdecode(b"caf\xe9")
    made = _context(env={"A": odd})
    assert made.encoded({"JOB_ID": odd}) == {b"A": b"caf\xe9", b"JOB_ID": b"caf\xe9"}
    assert made.encoded({}) == {b"A": b"caf\xe9"}


def test_what_is_not_said_stays_as_the_supervisor_has_it() -> None:
    assert _context().surroundings == Surroundings()
    given = {"umask": 7, "limits": {"CORE": [0, 1]}, "nice": 3, "affinity": [0], "groups": [4], "oom_score_adj": 5}
    assert _context(**given).surroundings == Surroundings(7, {"CORE": [0, 1]}, 3, [0], [4], 5)
    assert _context(env=None, job_env=None).environment({}, containers=False) == {}


def test_what_is_not_the_supervisors_own_is_found_once() -> None:
    assert _context(umask=0o27).differs is None
    assert _context(umask=0o27, nice=own().nice + 1).differs == Surroundings(0o27, {}, own().nice + 1)


def test_contexts_are_parsed_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [context(N=str(number))[0] for number in range(3)]
    for number in range(3):
        desk.submit("true", env={"N": str(number)}, hold=True)
    first = desk.service.contexts.get(keys[0])
    assert first is not None
    assert desk.service.contexts.get(keys[0]) is first
    assert desk.service.contexts.get("unknown") is None
    monkeypatch.setattr(contexts, "KEPT", 1)
    assert desk.service.contexts.get(keys[1]) is not None
    assert list(desk.service.contexts._known) == [keys[1]]
