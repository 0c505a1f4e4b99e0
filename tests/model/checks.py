"""Compares what proctracker says with what the jobs and clients recorded: one function a promise."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from model.history import EXPECTED, Call, Record, Run, moment

ENDED = ("DONE", "FAILED", "UNDETERMINED")

SLACK = 15.0
"""Seconds that a busy machine may be late."""

COARSE = 0.012
"""Seconds by which the time of a file may be behind: the kernel's tick."""

LAG = 2.0
"""Seconds by which an engine may be late in writing down a start."""

TRIES = 3
"""Deaths of supervisors during one call after which a client may give up."""

NEXT = {
    None: {"QUEUED", "QUEUED_HELD"},
    "QUEUED": {"QUEUED", "QUEUED_HELD", "RUNNING", "REQUEUED", *ENDED},
    "QUEUED_HELD": {"QUEUED_HELD", "QUEUED", "FAILED", "UNDETERMINED"},
    "RUNNING": {"RUNNING", "SUSPENDED", "REQUEUED", "REQUEUED_HELD", *ENDED},
    "SUSPENDED": {"SUSPENDED", "RUNNING", "REQUEUED", *ENDED},
    "REQUEUED": {"REQUEUED", "RUNNING", "REQUEUED_HELD", *ENDED},
    "REQUEUED_HELD": {"REQUEUED_HELD", "REQUEUED", "FAILED", "UNDETERMINED"},
    **{state: set() for state in ENDED},
}
"""The states that may follow a state."""


class Violation(NamedTuple):
    """A promise that was not kept."""

    kind: str
    job: str
    what: str


UNDER_WAY = 5.0
"""Seconds that an engine may take for a start that was under way when its session was left."""


class Ended(NamedTuple):
    """One job as it is told in the end, beside what it did; ``plan`` is None where it was resubmitted or unknown."""

    run: Run
    row: dict[str, Any]
    plan: dict[str, Any] | None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.row["job_id"])

    @property
    def records(self) -> list[Record]:
        """What it did, all attempts."""
        return self.run.records.get(self.id, [])

    def last(self, kinds: str) -> Record | None:
        """Its last record of these kinds in the last attempt."""
        found = [each for each in self.records if each.kind in kinds and each.attempt == self.row["attempt"]]
        return found[-1] if found else None

    def time(self, name: str) -> float | None:
        """One of the row's times."""
        return moment(self.row[f"{name}_time"])

    def deaths(self, margin: float = 0.3) -> list[float]:
        """The deaths of supervisors and keepers in its life, one of both twice."""
        # What is found after a death of both is dispatched when it is found.
        begin, end = self.time("submission") or 0.0, self.time("finish") or float("inf")
        counts = {"supervisor": 1, "keeper": 1, "both": 2}
        found = ([time] * counts.get(kind, 0) for time, kind in self.run.kills)
        return [time for times in found for time in times if begin - margin <= time <= end + margin]


Problem = tuple[str, str]
Check = Callable[[Ended], Iterator[Problem]]


def check(run: Run) -> list[Violation]:
    """All violations of a finished run."""
    found = [Violation("client-broken", "", text) for text in run.broken]
    again = {str(call.facts["job"]) for call in run.calls if call.op == "resubmit"}
    again |= {row["job_id"] for row in run.jobs.values() if row["resubmitted_from"]}
    for number, row in run.jobs.items():
        tag = row["command"][3] if len(row["command"] or ()) > 3 else ""
        call = run.plans.get(tag)
        plan = None if call is None or number in again or row["resubmitted_from"] else call.facts["plan"]
        job = Ended(run, row, plan)
        for each in JOB_CHECKS:
            found += [Violation(kind, number, f"{what}\n{_job(job)}") for kind, what in each(job)]
    for whole in RUN_CHECKS:
        found += whole(run)
    return found


def _job(job: Ended) -> str:
    row = {name: value for name, value in job.row.items() if value is not None}
    did = " ".join(f"{each.kind}{each.attempt}={each.code}@{each.time:.3f}" for each in job.records)
    near = " ".join(f"{kind}@{time:.3f}" for time, kind in job.run.kills)
    told = " ".join(f"{e['job_state']}/{e['job_sub_state']}@{moment(e['time']):.3f}" for e in job.run.events[job.id])
    return f"    row {row}\n    plan {job.plan}\n    did {did}\n    transitions {told}\n    kills {near}"


# -- one job


def done(job: Ended) -> Iterator[Problem]:
    """A DONE job ran and exited with 0."""
    if job.row["job_state"] != "DONE":
        return
    end = job.last("EK")
    if end is None or end.kind != "E" or end.code != 0:
        yield "done-without-exit-0", f"it recorded {end}"
    if job.row["exit_status"] != 0 or job.row["job_sub_state"]:
        yield "done-odd", f"exit_status {job.row['exit_status']}, sub-state {job.row['job_sub_state']}"


def failed(job: Ended) -> Iterator[Problem]:
    """A FAILED job ended with the code or signal that is told."""
    if job.row["job_state"] != "FAILED" or job.row["job_sub_state"] is not None:
        return
    end, code, name = job.last("EK"), job.row["exit_status"], job.row["terminating_signal"]
    if end is None:
        yield "failed-though-it-recorded-no-end", f"exit_status {code}, signal {name}"
    elif end.kind == "K":
        if name != signal.Signals(end.code).name:
            yield "wrong-signal", f"{name}, not {end.code}"
    elif job.run.contact != "process" and end.code > 128:
        if code != end.code and name != signal.Signals(end.code - 128).name:
            yield "wrong-code", f"exit_status {code}, signal {name}, not {end.code}"
    elif code != end.code:
        yield "wrong-code", f"exit_status {code}, signal {name}, not {end.code}"


def ended_by_us(job: Ended) -> Iterator[Problem]:
    """A sub-state that names a reason has that reason."""
    state, sub_state, plan = job.row["job_state"], job.row["job_sub_state"], job.plan
    if state != "FAILED" or sub_state is None:
        return
    if sub_state not in ("terminated", "time-limit", "deadline", "dependency", "session-destroyed"):
        yield "odd-sub-state", f"{sub_state}: {job.row['annotation']}"
    if plan is None:
        return
    finish, start = job.time("finish"), job.last("S")
    # It runs some time before it can write that down, and where its supervisor was killed it is known when it was spawned.
    began = min((each for each in (job.time("dispatch"), start and start.time) if each), default=None)
    if sub_state == "time-limit":
        if not plan["limit"]:
            yield "time-limit-unasked", ""
        elif began and finish and finish - began < plan["limit"] - 0.05:
            yield "time-limit-early", f"after {finish - began:.3f} s"
    elif sub_state == "deadline":
        if not plan["deadline"]:
            yield "deadline-unasked", ""
        elif finish and finish < plan["deadline"] - 0.01:
            yield "deadline-early", f"by {plan['deadline'] - finish:.3f} s"
    elif sub_state == "dependency":
        before = job.run.jobs.get(str(plan["after"]))
        if not plan["after"]:
            yield "dependency-unasked", ""
        elif before and before["job_state"] == "DONE":
            yield "dependency-was-met", f"{before['job_id']} is DONE"


def terminated(job: Ended) -> Iterator[Problem]:
    """A job that was terminated was terminated by somebody."""
    if job.row["job_sub_state"] != "terminated":
        return
    finish = job.time("finish") or 0
    names = {job.id, str(job.row["array_id"])}
    for call in job.run.calls:
        verb = call.facts.get("verb", call.op)
        if verb in ("terminate", "terminate_array") and call.facts.get("job") in names and call.began <= finish + 0.01:
            return
        if verb == "destroy" and call.facts["session"] == job.row["session_name"]:
            return
        if verb == "run" and call.facts["plan"]["tag"] in (job.row["command"] or ()):
            return
    if finish < job.run.said("terminating"):
        yield "terminated-by-nobody", ""


def lost(job: Ended) -> Iterator[Problem]:
    """A code is lost only where keeper and supervisor died in the job's life, and a rerunnable job is run again.

    Not where its deadline had passed when the loss could be noticed first: no attempt begins after that.
    """
    if job.row["job_state"] != "UNDETERMINED":
        return
    if job.row["job_sub_state"] != "lost":
        yield "odd-sub-state", f"{job.row['job_sub_state']}: {job.row['annotation']}"
    elif job.run.contact != "process" or len(job.deaths()) < 2:
        yield "lost-though-one-death", f"deaths {job.deaths()}"
    elif job.plan and job.plan["rerunnable"] and job.row["attempt"] == 1 and not _overdue(job):
        yield "lost-though-rerunnable", f"deaths {job.deaths()}"


def times(job: Ended) -> Iterator[Problem]:
    """Times are in order, and agree with what the job recorded."""
    submitted, dispatched, finished = job.time("submission"), job.time("dispatch"), job.time("finish")
    start, end, row = job.last("S"), job.last("EK"), job.row
    if row["job_state"] in ("DONE", "FAILED") and finished is None:
        yield "no-finish-time", ""
    if submitted and dispatched and dispatched < submitted - 1e-6:
        yield "dispatched-before-submitted", ""
    if dispatched and finished and finished < dispatched - 1e-6:
        yield "finished-before-dispatched", ""
    slack = COARSE if job.run.contact == "process" else 0.05
    # An engine writes down a start when it has made it, and what was told meanwhile is not earlier than the start.
    late = COARSE if job.run.contact == "process" and len(job.deaths()) < 2 else LAG
    if start and dispatched and start.time < dispatched - late:
        yield "started-before-dispatched", f"by {dispatched - start.time:.3f} s"
    if end and finished and end.time > finished + slack:
        yield "ended-after-finish", f"by {end.time - finished:.3f} s"
    if end and finished and finished > end.time + SLACK and row["job_state"] in ("DONE", "FAILED"):
        yield "finish-much-later", f"by {finished - end.time:.3f} s"
    if job.plan and job.plan["deadline"] and finished and finished > job.plan["deadline"] + 10 + SLACK:
        yield "deadline-overrun", f"by {finished - job.plan['deadline']:.3f} s"


def attempts(job: Ended) -> Iterator[Problem]:
    """Attempts follow each other, each is made once, none is missing and none too many."""
    # By attempt: within a tick of the kernel all times are equal.
    starts = sorted((each for each in job.records if each.kind == "S"), key=lambda each: each.attempt)
    plan, row = job.plan, job.row
    for one, two in zip(starts, starts[1:]):
        ends = [each for each in job.records if each.kind in "EK" and each.attempt == one.attempt]
        if two.attempt == one.attempt:
            yield "run-twice", f"attempt {one.attempt}"
        elif two.attempt != one.attempt + 1 and len(job.deaths()) < 2:
            yield "attempt-skipped", f"from {one.attempt} to {two.attempt}"
        if ends and two.time < ends[-1].time - COARSE:
            yield "attempts-overlap", f"attempt {two.attempt}"
        if plan and ends and plan["delay"] and two.time - ends[-1].time < plan["delay"] - COARSE and not job.deaths():
            yield "retried-too-early", f"after {two.time - ends[-1].time:.3f} s"
    if plan is None:
        return
    most = plan["retries"] + 1 + (1 if plan["rerunnable"] else 0)
    if row["attempt"] > most:
        yield "too-many-attempts", f"{row['attempt']} of {most}"
    retried = row["job_state"] == "FAILED" and row["job_sub_state"] in (None, "time-limit")
    if retried and row["attempt"] <= plan["retries"] and row["exit_status"] not in (126, 127):
        yield "retry-missing", f"attempt {row['attempt']} was the last of {most}"
    if plan["start"] and starts and starts[0].time < plan["start"] - COARSE:
        yield "started-too-early", f"by {plan['start'] - starts[0].time:.3f} s"


def dependencies(job: Ended) -> Iterator[Problem]:
    """A dependent job starts after what it depends on."""
    starts = [each for each in job.records if each.kind == "S"]
    if job.plan is None or not starts:
        return
    for name in ("after", "after_any"):
        before = job.plan[name]
        tasks = [row for row in job.run.jobs.values() if before in (row["job_id"], row["array_id"])] if before else []
        for row in tasks:
            if name == "after" and row["job_state"] != "DONE":
                yield "started-though-not-done", f"{row['job_id']} is {row['job_state']} {row['job_sub_state']}"
            late = [each for each in job.run.records.get(row["job_id"], []) if each.kind in "EK"]
            if late and starts[0].time < late[-1].time - COARSE:
                yield "started-before-dependency", f"{row['job_id']} ended {late[-1].time - starts[0].time:.3f} s later"


def _overdue(job: Ended) -> bool:
    deadline = job.plan["deadline"] if job.plan else None
    told = [moment(each["time"]) for each in job.run.events.get(job.id, []) if each["job_state"] == "UNDETERMINED"]
    return deadline is not None and any(time and time > deadline for time in told)


def transitions(job: Ended) -> Iterator[Problem]:
    """Transitions follow the model, their times never go back, and the last one is the state."""
    events, before = job.run.events.get(job.id, []), None
    for event in events:
        state = before and before["job_state"]
        if event["job_state"] not in NEXT[state]:
            yield "odd-transition", f"{state} -> {event['job_state']} {event['job_sub_state']}"
        if before and moment(event["time"]) < moment(before["time"]) - 1e-6:  # type: ignore[operator]
            yield (
                "transition-time-goes-back",
                f"{before['job_state']} {before['time']}, {event['job_state']} {event['time']}",
            )
        same = before and all(before[name] == event[name] for name in ("job_state", "job_sub_state", "attempt"))
        if same:
            yield "transition-twice", f"{event['job_state']} {event['job_sub_state']}"
        before = event
    if before is None:
        yield "no-transitions", ""
    elif (before["job_state"], before["job_sub_state"]) != (job.row["job_state"], job.row["job_sub_state"]):
        yield "last-transition-differs", f"{before['job_state']} {before['job_sub_state']}"


JOB_CHECKS: list[Check] = [
    done,
    failed,
    ended_by_us,
    terminated,
    lost,
    times,
    attempts,
    dependencies,
    transitions,
]


# -- the whole run


def accepted(run: Run) -> list[Violation]:
    """Every id that was answered is there unless it was reaped, and is answered once."""
    found, seen = [], {}
    any_reaped = any(call.facts.get("verb") == "reap" for call in run.calls)
    reaped = {str(call.facts["job"]) for call in run.calls if call.op in ("reap", "reap_array") and not call.error}
    gone = {call.facts["session"] for call in run.calls if call.op == "destroy"}
    for call in run.calls:
        if call.op not in ("submit", "array", "resubmit") or not call.result:
            continue
        number = str(call.result)
        if number in seen:
            found.append(Violation("id-twice", number, f"{seen[number]}\n    {call}"))
        seen[number] = call
        there = number in run.jobs or any(row["array_id"] == number for row in run.jobs.values())
        if not there and number not in reaped and not any_reaped and call.facts.get("session") not in gone:
            found.append(Violation("accepted-job-is-gone", number, str(call)))
    return found


def once(run: Run) -> list[Violation]:
    """What was submitted once runs as one job."""
    ids = defaultdict(set)
    for number, records in run.records.items():
        for each in records:
            ids[each.tag].add(number.split("_")[0])
    again = {str(call.facts["job"]).split("_")[0] for call in run.calls if call.op == "resubmit"}
    return [
        Violation("submitted-once-runs-as-several", ",".join(sorted(numbers)), str(run.plans[tag]))
        for tag, numbers in ids.items()
        if len(numbers) > 1 and tag in run.plans and not numbers & again
    ]


def calls(run: Run) -> list[Violation]:
    """No call fails unexpectedly, takes too long, or tells what is not so."""
    found = []
    for call in run.calls:
        if call.ended is None:
            continue
        took, timeout = call.ended - call.began, call.facts.get("timeout")
        if call.error == "DrmCommunicationException" and _deaths(run, call) >= TRIES:
            continue
        if call.error and call.error not in EXPECTED:
            found.append(Violation("exception", "", f"{call}\n{call.trace}"))
        if timeout is not None and took > timeout + SLACK:
            found.append(Violation("wait-overran", "", str(call)))
        if call.error == "TimeoutException" and timeout is not None and took < timeout - 0.05:
            found.append(Violation("time-out-early", "", str(call)))
        if timeout is None and call.op not in ("command", "fork", "await") and took > 2 * SLACK:
            found.append(Violation("slow-call", "", str(call)))
        found += [Violation(kind, str(call.facts.get("job", "")), f"{what}{call}") for kind, what in _call(run, call)]
    return found


def _deaths(run: Run, call: Call) -> int:
    """How many supervisors and keepers died while a call was made."""
    return sum(
        call.began - 1 <= time <= (call.ended or 0) for time, kind in run.kills if kind not in ("stop", "client")
    )


def _call(run: Run, call: Call) -> Iterator[Problem]:
    row = run.jobs.get(str(call.facts.get("job")))
    if call.op == "command":
        yield from _command(run, call)
    elif call.op == "fork" and call.result != 0:
        yield "fork", ""
    elif call.op == "use_destroyed" and _destroyed(run, call) and call.error != "InvalidSessionException":
        yield "destroyed-session-is-usable", ""
    elif call.op == "destroy" and call.facts["live"] and call.error not in (None, "InvalidArgumentException"):
        yield "destroy-fails", ""
    elif call.op == "hold" and not call.error and call.result not in ("QUEUED_HELD", "REQUEUED_HELD", "FAILED"):
        yield "hold-does-not-hold", ""
    elif call.op == "wait" and call.error == "TimeoutException" and row and call.facts["timeout"] > 0:
        finish = moment(row["finish_time"])
        if finish and finish < (call.ended or 0) - 4:
            yield "wait-missed-the-end", f"at {finish:.3f}: "
    elif call.op == "wait" and not call.error:
        if call.result["state"] not in ENDED:
            yield "wait-returns-a-live-job", ""
        elif row:
            now = (row["job_state"], row["exit_status"], row["terminating_signal"])
            if (call.result["state"], call.result["exit_status"], call.result["signal"]) != now:
                yield "ended-state-changed", f"to {now}: "
    elif call.op in ("wait_any_terminated", "wait_all_terminated") and not call.error:
        for number in call.result:
            finish = moment(run.jobs[number]["finish_time"]) if number in run.jobs else None
            if finish and finish > (call.ended or 0) + COARSE:
                yield "wait-returns-early", f"{number} at {finish:.3f}: "


def _waits(run: Run, call: Call) -> bool:
    """Whether the job of a ``run`` waited in the queue for as long as that was waited for."""
    tag = call.facts["plan"]["tag"]
    ends = [moment(row["finish_time"]) for row in run.jobs.values() if tag in (row["command"] or ())]
    return all(end is not None and end > (call.ended or 0) - SLACK for end in ends)


def _destroyed(run: Run, call: Call) -> bool:
    """Whether the session of a call was destroyed before it."""
    before = [each for each in run.calls if each.op == "destroy" and each.facts["session"] == call.facts["session"]]
    return any(not each.error and each.ended is not None for each in before)


def _command(run: Run, call: Call) -> Iterator[Problem]:
    if call.error:
        return
    code, _, err = call.result
    verb = call.facts["verb"]
    if "Traceback" in err or "nternal error" in err:
        yield "traceback", ""
    if code == "hangs" and not (verb == "run" and _waits(run, call)):
        yield "command-hangs", ""
    if verb in ("submit", "array") and code not in (0, None):
        yield "submit-fails", ""
    if verb != "run" or code in (None, "hangs"):
        return
    tag = call.facts["plan"]["tag"]
    ends = [each for records in run.records.values() for each in records if each.tag == tag and each.kind in "EK"]
    row = run.jobs.get(ends[-1].job) if ends else None
    if ends and row and not row["job_sub_state"]:
        wanted = ends[-1].code if ends[-1].kind == "E" else 128 + ends[-1].code
        if code != wanted:
            yield "run-exits-otherwise", f"{code}, not {wanted}: "


def reaped(run: Run) -> list[Violation]:
    """A reaped job is unknown from then on."""
    found = []
    when = {str(c.facts["job"]): c.ended for c in run.calls if c.op == "reap" and not c.error and c.ended}
    for call in run.calls:
        number = str(call.facts.get("job"))
        after = when.get(number)
        if after and call.began > after and call.op in ("state", "info", "wait", "suspend") and call.ended:
            if call.error != "InvalidArgumentException":
                found.append(Violation("reaped-job-is-known", number, str(call)))
    return found + [Violation("reaped-job-is-listed", number, "") for number in when if number in run.jobs]


def held(run: Run) -> list[Violation]:
    """A held job does not start before it is released."""
    found = []
    marks: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for call in run.calls:
        number = str(call.result if call.op == "submit" else call.facts.get("job"))
        if (call.op == "submit" and call.result and call.facts["plan"]["hold"] and call.ended) or (
            call.op == "hold" and not call.error and call.ended and call.result != "FAILED"
        ):
            marks[number].append((call.ended, True))
        elif call.op == "release":
            marks[number].append((call.began, False))
    drained = run.said("draining") - 0.1
    for number, moments in marks.items():
        moments.sort()
        for index, (time, is_held) in enumerate(moments):
            until = next((later for later, still in moments[index + 1 :] if not still), drained)
            starts = [each for each in run.records.get(number, []) if each.kind == "S"]
            if is_held and any(time + COARSE < each.time < until - COARSE for each in starts):
                found.append(Violation("held-job-starts", number, f"held {moments}, started {starts}"))
    return found


def parallel(run: Run) -> list[Violation]:
    """No more tasks of an array run at once than max_parallel, no more jobs of a session than max_running."""
    found = []
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    limits: dict[str, int] = {f"slots{name}": 2 for name in "ab"}
    for number, records in run.records.items():
        call = run.plans.get(records[0].tag)
        array, plan = number.split("_")[0], call.facts["plan"] if call else {}
        name = records[0].tag if records[0].tag in limits else array
        if plan.get("parallel"):
            limits[array] = plan["parallel"]
        session = call.facts.get("session") if call else None
        if session and session not in ("a", "b", "free", "default"):
            name, limits[session] = session, 1
        for start in (each for each in records if each.kind == "S"):
            end = next(
                (e for e in records if e.kind in "EK" and (e.attempt, e.pid) == (start.attempt, start.pid)), None
            )
            if end:
                spans[name].append((start.time + COARSE, end.time))
    for name, most in limits.items():
        running = 0
        for time, step in sorted((time, step) for span in spans[name] for time, step in zip(span, (1, -1))):
            running += step
            if running > most:
                found.append(Violation("too-many-at-once", name, f"{running} of {most} at {time:.3f}"))
                break
    return found


def followed(run: Run) -> list[Violation]:
    """A follower is told every change once and in order."""
    found = []
    for kind in ("callback", "events"):
        told = run.pushes(kind)
        for number, row in run.jobs.items():
            if kind == "events" and row["session_name"] != "a":
                continue
            wanted = [
                (e["job_state"], e["job_sub_state"], round(moment(e["time"]) or 0, 3)) for e in run.events[number]
            ]
            given = told.get(number, [])
            if given != wanted:
                missed = [each for each in wanted if each not in given]
                name = "misses" if missed else "is-told-otherwise"
                found.append(Violation(f"{kind}-{name}", number, f"wanted {wanted}, told {given}, kills {run.kills}"))
    return found


def left(run: Run) -> list[Violation]:
    """What a terminated job left behind has ended soon after it."""
    found = []
    for number, records in run.records.items():
        row = run.jobs.get(number)
        if row is None or row["job_sub_state"] != "terminated":
            continue
        finish = moment(row["finish_time"]) or 0
        late = [
            each for each in records if each.kind == "b" and each.time > finish + 3 and each.attempt == row["attempt"]
        ]
        found += [Violation("child-outlives-terminate", number, f"by {each.time - finish:.1f} s") for each in late]
    return found


def destroyed(run: Run) -> list[Violation]:
    """No job of a destroyed session starts any more, but for a container whose engine was starting it already."""
    found = []
    ends = {c.facts["session"]: c for c in run.calls if c.op == "destroy" and not c.error and c.ended}
    for call in run.calls:
        end = ends.get(call.facts.get("session"))
        if call.op != "submit" or not call.result or end is None:
            continue
        for each in run.records.get(str(call.result), []):
            under_way = run.contact != "process" and end.facts["live"] == "leave" and each.attempt == 1
            if each.kind == "S" and end.ended and each.time > end.ended + (UNDER_WAY if under_way else 0.05):
                found.append(Violation("starts-after-destroy", str(call.result), f"{end}"))
    return found


RUN_CHECKS: list[Callable[[Run], list[Violation]]] = [
    accepted,
    once,
    calls,
    reaped,
    held,
    parallel,
    followed,
    left,
    destroyed,
]
