"""``report``: where it goes, and what it says when that cannot be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def test_to_a_file_or_to_standard_output(pt: Any, tmp_path: Path) -> None:
    pt("submit", "true")
    pt("wait", "1")
    path = tmp_path / "a report.html"
    assert pt("report", "-o", str(path)) == (0, "", "")
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert pt("report").out.startswith("<!DOCTYPE html>")
    assert pt("report", "-o", "-").out.startswith("<!DOCTYPE html>")
    assert pt("report", "--json", "-o", str(path)) == (0, "", "")
    assert json.loads(path.read_text())["jobs"][0]["job_id"] == "1"


def test_nothing_is_a_page_too(pt: Any) -> None:
    found = pt("report")
    assert (found.code, found.err) == (0, "")
    assert json.loads(pt("report", "--json").out)["jobs"] == []


def test_a_file_that_cannot_be_written_is_one_line(pt: Any, tmp_path: Path) -> None:
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "none" / "r.html", "No such file or directory")):
        found = pt("report", "-o", str(path))
        assert (found.code, found.out) == (1, "")
        assert found.err == f"proctracker: error: {path}: {why}\n"
    assert pt("report", "-o", "/dev/full").err == "proctracker: error: /dev/full: No space left on device\n"
    assert pt("report", "-o", "").code == 2


def test_an_unknown_id_or_session_is_told_of(pt: Any) -> None:
    pt("submit", "true")
    found = pt("report", "--json", "1", "7")
    assert found.code == 1 and "no job 7" in found.err
    assert [job["job_id"] for job in json.loads(found.out)["jobs"]] == ["1"]
    assert pt("report", "7") == (1, "", pt("report", "7").err)
    assert "no session 'nope'" in pt("-s", "nope", "report").err


def test_a_pipe_that_closes_ends_it_without_a_word(begin: Any) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = begin("report", stdout=write_end)
    os.close(write_end)
    assert process.stderr.read() == ""
    assert process.wait() == 141


def test_the_page_is_utf_8_in_any_locale(pt: Any, begin: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    with open(tmp_path / "page", "wb") as file:
        assert begin("report", stdout=file).wait() == 0
    assert "◐".encode() in (tmp_path / "page").read_bytes()
