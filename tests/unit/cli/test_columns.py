"""``ps --columns`` and ``--tsv``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proctracker.cli import columns
from proctracker.cli.options import UsageError


@pytest.fixture
def two(pt: Any) -> Any:
    """Two jobs: one ended by itself, one by a signal."""
    pt("submit", "-n", "a\tb", "--", "sh", "-c", "exit 3")
    pt("wait", "1")
    pt("submit", "--", "sh", "-c", "kill -KILL $$")
    pt("wait", "2")
    return pt


def test_a_table_of_the_columns_asked_for(two: Any) -> None:
    lines = two("ps", "-a", "--columns", "exit, id,NAME,signal,attempt").out.splitlines()
    assert [line.split() for line in lines] == [
        ["EXIT", "ID", "NAME", "SIGNAL", "ATTEMPT"],
        ["3", "1", "a\\tb", "-", "1"],
        ["SIGKILL", "2", "-", "SIGKILL", "1"],
    ]
    assert two("ps", "--columns", "id").out == "ID\n"


def test_tabs_stand_between_the_values_of_the_json(two: Any) -> None:
    names = ["job_id", "name", "state", "exit", "signal", "wallclock_time", "finish_time", "allocated_machines"]
    head, *lines = two("ps", "-a", "--tsv", "--columns", ",".join(names)).out.split("\n")[:-1]
    assert head.split("\t") == names
    one, _ = json.loads(two("ps", "-a", "--json").out)
    values = [one["wallclock_time"], one["finish_time"], ",".join(one["allocated_machines"])]
    assert lines[0].split("\t") == ["1", "a\\tb", "FAILED", "3", "", *map(str, values)]
    assert lines[1].split("\t")[:5] == ["2", "", "FAILED", "", "SIGKILL"]
    assert two("ps", "-a", "--tsv").out.splitlines()[0].split("\t") == columns._USUAL.split(",")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"columns": "id,max_rs"}, r"no column 'max_rs' \(did you mean max_rss\?\): id session"),
        ({"columns": "id,,name"}, "no column ''"),
        ({"columns": "stdout"}, "no column 'stdout'"),
        ({"columns": "id", "json": True}, "--columns is another way to show jobs than --json"),
        ({"tsv": True, "quiet": True}, "--tsv is another way"),
    ],
)
def test_what_is_no_column(values: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        columns.asked(values)
    assert columns.asked({}) == []
