"""What the start of a job needs, all resolved."""

from __future__ import annotations

from proctracker.model import JobRow
from proctracker.supervisor.running import request


def test_a_templates_own_words() -> None:
    row = JobRow("1_2", 1, 2, command='["echo", "a", "item"]', workdir="/filled")
    spec = {"template": {"remote_command": "echo", "args": ["a"], "working_directory": "$DRMAA2_HOME$"}}
    made = request.template_of(row, spec, {"A": "1"})
    assert (made.args, made.working_directory, made.job_environment) == (["a", "item"], "/filled", {"A": "1"})
    row.command = '["item"]'
    assert request.template_of(row, {"template": {"args": []}}, {}).args == ["item"]
