"""Which container is a job's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from proctracker.model import JobState, Observation
from proctracker.store import Home
from proctracker.supervisor.running import identity

LABELS = {"proctracker.home": "h", "proctracker.job": "3_1", "proctracker.attempt": "2", "proctracker.session": "s"}


@pytest.mark.parametrize(("files", "told"), [
    ({}, None),
    ({"id": ""}, None),
    ({"id": "abc\n"}, "abc"),
    ({"pid": "77"}, "name"),
    ({"id": "abc", "pid": "77"}, "abc"),
])  # fmt: skip
def test_what_a_start_has_told(tmp_path: Path, files: dict[str, str], told: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert identity.told(str(tmp_path), "name") == told
    identity.forget(str(tmp_path))
    assert identity.told(str(tmp_path), "name") is None


@pytest.mark.parametrize(("labels", "agrees"), [
    ({}, True),  # nobody asked for them
    (LABELS, True),
    ({**LABELS, "proctracker.session": "renamed", "more": "x"}, True),
    ({**LABELS, "proctracker.attempt": "1"}, False),
    ({**LABELS, "proctracker.job": "3_2"}, False),
    ({**LABELS, "proctracker.home": "other"}, False),
    ({"maintainer": "x"}, False),
])  # fmt: skip
def test_labels_agree(labels: dict[str, str], agrees: bool) -> None:
    assert identity.agrees(LABELS, Observation(JobState.RUNNING, labels=labels)) == agrees


def test_no_word_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(b"\xff")
    assert (identity.word(None), identity.word(str(tmp_path)), identity.word(str(tmp_path / "odd"))) == ("", "", "")


@pytest.mark.parametrize("forbidden", [False, True])
def test_a_script_may_be_executed_where_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: bool
) -> None:
    if forbidden:  # as on a file system that is mounted with noexec
        monkeypatch.setattr(os, "access", lambda name, mode, dir_fd: False)
    home = Home(str(tmp_path / "home"))
    home.prepare()
    folder = f"{home.starts}/1.1"
    identity.write(home, folder, {f"{folder}/env": b"A=b", f"{folder}/conmon": b"#!/bin/sh\n"})
    found = {name: stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode) for name in os.listdir(folder)}
    assert found == ({"env": 0o600} if forbidden else {"env": 0o600, "conmon": 0o700})
