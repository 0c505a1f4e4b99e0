"""Engines nobody named are asked side by side, and not for long."""

from __future__ import annotations

import time

import pytest

from proctracker.cli import engines


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """Command lines of engines that do not answer, and of one that does."""
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\n[ $1 = ps ] || echo box:1\n", encoding="utf-8")
    program.chmod(0o755)
    for name in ("docker", "ctr", "nerdctl"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(engines, "PATIENCE", 1.5)
    return tmp_path


@pytest.mark.parametrize("command", ["doctor", "categories", "adopt"])
def test_what_does_not_answer_is_not_waited_for(pt, slow, command):
    begun = time.monotonic()
    found = pt(command)
    assert time.monotonic() - begun < 3
    if command == "categories":
        assert found == (0, "box:1\n", "")
    else:
        assert (found.out + found.err).count("no answer within 1.5 s") == 3
        assert ("podman: no answer" in found.out + found.err) is False


def test_an_engine_that_was_named_has_its_time(pt, slow, tmp_path, monkeypatch):
    config = tmp_path / "c.yaml"
    config.write_text("cli_timeout: 1\n", encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    assert "no answer within 1 s" in pt("-c", "docker", "categories").err
    assert pt("-c", "podman", "categories").out == "box:1\n"


def test_a_default_contact_that_does_not_answer_is_an_error(pt, slow, tmp_path, monkeypatch):
    config = tmp_path / "c.yaml"
    config.write_text("default_contact: docker\n", encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    found = pt("categories")
    assert (found.code, found.out) == (1, "box:1\n")
    assert "no answer within 1.5 s" in found.err


def test_only_what_is_here_is_asked_and_each_engine_once(pt, tmp_path, monkeypatch):
    config = tmp_path / "c.yaml"
    config.write_text("trackers: {mine: {runtime: podman}}\n", encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = []
    monkeypatch.setattr(engines, "converse_all", lambda pairs: seen.extend(pairs) or [[]] * len(pairs))
    assert pt("categories") == (0, "", "")
    assert len(seen) == 1
