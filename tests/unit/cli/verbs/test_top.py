"""``top``."""

from __future__ import annotations

import re

from proctracker.cli.verbs import top


def test_it_shows_running_jobs_once_where_there_is_no_terminal(pt):
    pt("submit", "sleep", "60")
    pt("submit", "--hold", "true")
    pt("wait", "--started", "1")
    summary, head, line = pt("top").out.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  2 jobs, 1 \w+, 1 \w+; cpu \d+%, memory [\d.]+[KM]", summary)
    assert "1 RUNNING" in summary
    assert "1 QUEUED_HELD" in summary
    assert head.split() == top._HEAD
    assert line.split()[:3] == ["1", "default", "RUNNING"]
    assert pt("top", "-n", "0").code == 2


def test_sizes():
    assert [top.size(kib) for kib in (0, 900, 1536, 2 * 2**20)] == ["0K", "900K", "1.5M", "2.0G"]
