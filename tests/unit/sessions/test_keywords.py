"""What type checkers and editors are told of ``run``, ``submit`` and the waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jedi
import pytest
from jedi.api.environment import InterpreterEnvironment

from proctracker.model import EXTENSIONS, SPELLINGS, JobTemplate
from proctracker.sessions import keywords

ROOT = Path(__file__).parents[3]

RIGHT = """
from datetime import datetime, timedelta
from pathlib import Path
import proctracker as pt

info = pt.run(["true", Path("x")], timeout=timedelta(seconds=3), job_name="x", volumes=["a:b"], retries=2, after=[4, "5"])
assert info.exit_status == 0
job = pt.submit("true", after=info.job_id or "", start_time=datetime.now(), output_path=Path("o"), job_category=None)
job.wait_terminated(None), job.wait_terminated(timedelta(seconds=4))
job.wait_started(timeout=5)
for each in pt.as_completed([job], timeout=timedelta(seconds=5)):
    each.resubmit(after=job)
pt.JobTemplate(remote_command="true", resource_limits={pt.ResourceLimitType.CPU_TIME: 5})
"""

WRONG = """
import proctracker as pt

pt.run(["true"], job_nme="x")
pt.submit(["true"], env={"A": "b"})
pt.SessionManager().run(["true"], cwd="/")
pt.run(["true"], min_slots="two")
pt.JobTemplate(job_nme="x")
pt.run(["true"], timeout="5")
"""


def test_every_keyword_has_its_type() -> None:
    known = {*JobTemplate.names(), *EXTENSIONS, *SPELLINGS} - {"args", "contact"}
    assert set(keywords.TemplateKeywords.__annotations__) == known
    assert not keywords.TemplateKeywords.__required_keys__


def test_mypy_catches_a_misspelt_keyword_and_a_wrong_type(tmp_path: Path) -> None:
    for name, text in (("right.py", RIGHT), ("wrong.py", WRONG)):
        (tmp_path / name).write_text(text)
    argv = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "--config-file", ""]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT)}
    done = subprocess.run(
        [*argv, "right.py", "wrong.py"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line.split(":")[:2] for line in found] == [["wrong.py", str(number)] for number in range(4, 10)], (
        done.stdout
    )
    assert 'did you mean "job_name"' in found[0]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("pt.ru", "run"),
        ("pt.JobS", "JobSession"),
        ("pt.NO", "NOW"),
        ("from proctracker import as_", "as_completed"),
        ("pt.JobState.RUN", "RUNNING"),
        ("pt.run(['true']).exit", "exit_status"),
        ("pt.submit(['true']).wait_t", "wait_terminated"),
        ("pt.job_session('s').run_job({}).get_i", "get_info"),
    ],
)
def test_editors_complete_without_running_anything(code: str, name: str) -> None:
    text = f"import proctracker as pt\n{code}"
    # Without a process of jedi's own: the thread that reads it would take SIGCHLD from the tests of the supervisor.
    here = InterpreterEnvironment()
    script = jedi.Script(text, path=ROOT / "mine.py", project=jedi.Project(ROOT), environment=here)
    assert name in [each.name for each in script.complete(2, len(code))]
