"""The data of a report."""

from __future__ import annotations

import json
import re
from typing import Any

import proctracker
from proctracker.cli.reporting import history


def test_jobs_are_as_info_tells_them_with_their_states(pt: Any) -> None:
    pt("submit", "-n", "twice", "--retries", "1", "--", "sh", "-c", "test $PROCTRACKER_ATTEMPT = 2")
    pt("wait", "1")
    found = json.loads(pt("report", "--json").out)
    assert list(found) == ["report", "proctracker", "time", "host", "job_owner", "session_name", "jobs"]
    assert (found["report"], found["proctracker"]) == (history.VERSION, proctracker.__version__)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found["time"])
    (job,) = found["jobs"]
    states = job.pop("states")
    assert job.pop("last_lines") is None
    assert [job] == json.loads(pt("info", "1", "--json").out)
    told = [(each["job_state"], each["attempt"]) for each in states]
    assert told == [("QUEUED", 1), ("RUNNING", 1), ("REQUEUED", 2), ("RUNNING", 2), ("DONE", 2)]
    assert [each["time"] for each in states] == sorted(each["time"] for each in states)
    assert states[-1]["time"] == job["finish_time"]


def test_a_live_job_has_what_it_uses(pt: Any) -> None:
    pt("submit", "sleep", "60")
    pt("wait", "--started", "1")
    (job,) = json.loads(pt("report", "--json").out)["jobs"]
    assert job["max_rss"] > 0 and job["cpu_time"] is not None
    assert job["states"][-1]["job_state"] == "RUNNING"


def test_a_session_or_ids_narrow_it(pt: Any) -> None:
    pt("-s", "night", "submit", "true")
    pt("submit", "true")
    pt("array", "1-3", "true")

    def ids(*words: str) -> list[str]:
        return [job["job_id"] for job in json.loads(pt(*words, "report", "--json").out)["jobs"]]

    assert ids() == ["1", "2", "3_1", "3_2", "3_3"]
    assert ids("-s", "night") == ["1"]
    assert [job["job_id"] for job in json.loads(pt("report", "--json", "3_2", "1").out)["jobs"]] == ["3_2", "1"]
    assert json.loads(pt("-s", "night", "report", "--json").out)["session_name"] == "night"
