"""What docs/security.md says of whom to trust, as far as no other test looks at it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from contract.kit import cli, until
from e2e.day import submit
from people import ANN, THIEF, People
from proctracker.store import Home


def test_a_job_may_do_what_its_user_may(home: Home) -> None:
    """Jobs are kept apart from other users, not from each other."""
    other = submit("--", "sleep", "600")
    words = [sys.executable, "-m", "proctracker", "terminate", other]
    assert cli("run", "-e", f"PROCTRACKER_HOME={home.path}", "--", *words).returncode == 0
    assert cli("wait", other).returncode == 143
    assert cli("run", "--", "cat", home.database).returncode == 0


def test_a_process_that_wants_to_can_leave_its_job(home: Home, tmp_path: Path) -> None:
    """Without its mark, its session and its parent nothing tells whose it is."""
    pid = tmp_path / "pid"
    script = f"(setsid env -i sh -c 'echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 600' &) ; sleep 600"
    job = submit("--", "sh", "-c", script)
    until(pid.exists, "the process that left")
    assert cli("terminate", "--grace", "0", job).returncode == 0
    assert cli("wait", job).returncode != 0
    os.kill(int(pid.read_text()), signal.SIGKILL)


def test_a_limit_is_each_processs_or_files_own(home: Home, tmp_path: Path) -> None:
    script = f"for n in 1 2 3; do head -c 1000 /dev/zero >{tmp_path}/$n; done"
    assert cli("run", "--limit", "FILE_SIZE=1024", "--", "sh", "-c", script).returncode == 0
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) > 1024


def test_a_template_is_a_command(home: Home, tmp_path: Path) -> None:
    """Looking at one runs nothing, submitting it runs what it says."""
    template, trace = tmp_path / "t.yaml", tmp_path / "trace"
    template.write_text(f"remote_command: touch\nargs: [{trace}]\n")
    assert cli("template", "check", str(template)).returncode == 0
    assert not trace.exists()
    assert cli("run", "-t", str(template)).returncode == 0
    assert trace.exists()


def test_what_another_user_sees(people: People) -> None:
    """The command of a job, as of any process; nothing of its environment, output or state."""
    os.chmod(people.home(ANN), 0o755)
    env = {"SECRET": "sesame"}
    assert people.cli(ANN, "submit", "--", "sh", "-c", "echo hidden; exec sleep 600", **env).stdout == "1\n"
    people.until(lambda: people.cli(ANN, "logs", "1").stdout == "hidden\n")
    pid = people.cli(ANN, "info", "1").stdout.partition("pid:")[2].split()[0]
    assert people.sh(THIEF, f"tr '\\0' ' ' </proc/{pid}/cmdline") == "sleep 600 "
    assert people.run(THIEF, "cat", f"/proc/{pid}/environ").returncode != 0
    state = f"{people.home(ANN)}/.local/state/proctracker"
    assert people.run(THIEF, "ls", state).returncode != 0
    for words in (("ps",), ("logs", "1"), ("terminate", "1"), ("submit", "--", "true")):
        done = people.cli(THIEF, *words, PROCTRACKER_HOME=state)
        assert done.returncode == 1
        assert "hidden" not in done.stdout
    assert people.cli(ANN, "ps", "-q").stdout == "1\n"


def test_who_runs_a_job_is_its_submitter(people: People) -> None:
    """Nothing here changes a user: each has a supervisor, and a state directory, of its own."""
    for uid in (ANN, THIEF):
        assert people.cli(uid, "run", "--", "id", "-u").stdout == f"{uid}\n"
