"""Exit records, the accounting, and what is true of both and of the controller's word."""

from __future__ import annotations

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation
from proctracker.records import replace
from proctracker.runtimes import slurm_records
from proctracker.runtimes.batch import Config

ENDED = """proctracker 1
code 200
cpu_time 0.5
ended 1796005563.646
max_rss 7896
node n1
slurm 59
started 1796005563.5
state ended
end
"""


def test_an_end():
    told = slurm_records.parse_record(ENDED)
    assert (told.state, told.exit_status, told.cpu_time, told.max_rss) == (JobState.FAILED, 200, 0.5, 7896)
    assert (told.started, told.finished, told.nodes, told.recorded) == (1796005563.5, 1796005563.646, ("n1",), True)


@pytest.mark.parametrize(
    "text",
    ["", "proctracker 1\n", ENDED[:-4], "proctracker 2" + ENDED[13:], ENDED.replace("code 200\n", ""),
     ENDED.replace("state ended", "state what"), "\0" * 200],
)  # fmt: skip
def test_half_of_a_record_is_none(text):
    assert slurm_records.parse_record(text) is None


def test_whys():
    limited = slurm_records.parse_record(ENDED.replace("code 200", "code 0\nwhy time-limit"))
    assert (limited.state, limited.sub_state, limited.exit_status) == (JobState.FAILED, "time-limit", 0)
    never = slurm_records.parse_record(ENDED.replace("code 200", "why deadline"))
    assert (never.state, never.sub_state, never.exit_status) == (JobState.FAILED, "deadline", None)
    failed = slurm_records.parse_record(ENDED.replace("code 200", "code 125\nwhy start-failed\nreason no file"))
    assert (failed.sub_state, failed.exit_status, failed.annotation) == ("start-failed", 125, "no file")


def test_what_a_shell_tells_of_a_signal():
    told = slurm_records.parse_record(ENDED.replace("code 200", "code 137").replace("cpu_time 0.5\n", ""))
    assert (told.terminating_signal, told.exit_status) == ("SIGKILL", None)
    assert slurm_records.parse_record(ENDED.replace("code 200", "code 137")).exit_status == 137


def test_names_of_records():
    assert slurm_records.record_name("proctracker-a-43-1/7", 2) == "proctracker-a-43-1_7.2"


RECORD = slurm_records.parse_record(ENDED)
BEGUN = Observation(JobState.RUNNING, started=5.25, nodes=("n1",), recorded=True)


@pytest.mark.parametrize(
    ("recorded", "seen", "state", "sub_state", "code"),
    [
        (RECORD, None, "FAILED", None, 200),
        (RECORD, Observation(JobState.QUEUED, "pending:Resources"), "FAILED", None, 200),
        (RECORD, Observation(JobState.RUNNING, "completing"), "FAILED", None, 200),
        (RECORD, Observation(JobState.FAILED, exit_status=72), "FAILED", None, 200),
        (RECORD, Observation(JobState.FAILED, "cancelled"), "FAILED", "cancelled", 200),
        (RECORD, Observation(JobState.FAILED, "oom-killed", oom=True), "FAILED", "oom-killed", 200),
        (RECORD, Observation(JobState.UNDETERMINED, "lost"), "FAILED", None, 200),
        (BEGUN, None, None, None, None),
        (BEGUN, Observation(JobState.QUEUED, "pending:Priority"), "RUNNING", None, None),
        (BEGUN, Observation(JobState.SUSPENDED, "stopped"), "SUSPENDED", "stopped", None),
        (BEGUN, Observation(JobState.FAILED, "node-fail"), "FAILED", "node-fail", None),
        (None, Observation(JobState.QUEUED, "pending:Priority"), "QUEUED", "pending:Priority", None),
        (None, None, None, None, None),
    ],
)
def test_merging(recorded, seen, state, sub_state, code):
    true = slurm_records.merge(recorded, seen)
    if state is None:
        assert true is None
        return
    assert (true.state.name, true.sub_state, true.exit_status) == (state, sub_state, code)
    assert recorded is not BEGUN or true.started == 5.25


@pytest.mark.parametrize(("seen", "queue"), [("main", "main"), (None, "short")])
def test_the_queue_is_what_slurm_says_now_or_what_the_job_was_told(seen, queue):
    told = replace(RECORD, queue="short")
    assert slurm_records.merge(told, None).queue == "short"
    assert slurm_records.merge(told, Observation(JobState.FAILED, queue=seen)).queue == queue


def _sacct(*lines, version="22.05.8"):
    done = Completed(("sacct",), 0, "".join(f"{line}\n" for line in lines))
    return slurm_records.parse_accounting(done, Config(version=version, accounting=True))


@pytest.mark.parametrize(
    ("version", "state", "code", "status", "signal", "sub_state"),
    [
        ("22.05.8", "FAILED", "72:0", None, None, None),
        ("24.11.5", "FAILED", "0:0", None, None, None),
        ("26.05.5", "FAILED", "200:0", 200, None, None),
        ("22.05.8", "FAILED", "0:11", None, "SIGSEGV", None),
        ("22.05.8", "COMPLETED", "0:0", 0, None, None),
        ("22.05.8", "CANCELLED by 1000", "0:0", None, None, "cancelled"),
        ("22.05.8", "TIMEOUT", "0:0", None, None, "time-limit"),
        ("22.05.8", "NODE_FAIL", "0:0", None, None, "node-fail"),
        ("22.05.8", "OUT_OF_MEMORY", "0:125", None, None, "oom-killed"),
        ("22.05.8", "RUNNING", "0:0", None, None, "lost"),
    ],
)
def test_accounting(version, state, code, status, signal, sub_state):
    name = "proctracker-a-1-1"
    found = _sacct(f"59|{name}|{state}|{code}|2026-11-30T02:19:40|2026-11-30T02:20:40|n1|main|None", version=version)
    seen = found[name]
    assert (seen.exit_status, seen.terminating_signal, seen.sub_state) == (status, signal, sub_state)
    if status is None and state == "FAILED" and not signal:
        assert "seven bits" in seen.annotation


def test_accounting_of_tasks_steps_and_others():
    found = _sacct(
        "60_2|proctracker-a-2-1|COMPLETED|0:0|Unknown|Unknown|n1|main|None",
        "60_[3-9]|proctracker-a-2-1|PENDING|0:0|Unknown|Unknown|None assigned|main|None",
        "60_2.batch|batch|COMPLETED|0:0|Unknown|Unknown|n1||None",
        "61|someone's|COMPLETED|0:0|Unknown|Unknown|n1|main|None",
    )
    assert list(found) == ["proctracker-a-2-1/2"]


def test_no_accounting_tells_nothing_and_a_silent_one_is_an_error():
    assert (
        slurm_records.parse_accounting(Completed(("sacct",), 1, "", "Slurm accounting storage is disabled\n"), Config())
        == {}
    )
    with pytest.raises(DrmCommunicationException):
        slurm_records.parse_accounting(
            Completed(("sacct",), 1, "", "sacct: error: Problem talking to the database\n"), Config()
        )


def test_config():
    said = (
        "Configuration data as of 2026-11-30T02:28:32\nAccountingStorageType   = accounting_storage/slurmdbd\n"
        "ClusterName             = pt\nJobRequeue              = 1\nKillWait                = 5 sec\n"
        "MaxArraySize            = 1001\nMinJobAge               = 2 sec\nSLURM_VERSION           = 22.05.8\n"
        "SlurmctldParameters     = (null)\n"
    )
    config = slurm_records.parse_config(Completed(("scontrol",), 0, said))
    assert (config.version, config.min_job_age, config.kill_wait, config.max_array_size) == ("22.05.8", 2, 5, 1001)
    assert config.accounting and config.cluster == "pt"
