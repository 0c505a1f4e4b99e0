"""Every recording of a real CLI is read as its expectation says (scripts/record makes them)."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import Completed, Observation
from proctracker.runtimes.base import Engine

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "recorded")
CASES = sorted(os.path.relpath(path[:-5], ROOT) for path in glob.glob(os.path.join(ROOT, "*", "*", "*.yaml")))
ALWAYS = {"name", "container_id", "labels", "image", "command"}


def load(case: str) -> tuple[list[Completed], dict[str, Any]]:
    """A case's calls and what is written about them."""
    with open(os.path.join(ROOT, f"{case}.json"), encoding="ascii") as file:
        calls = [
            Completed(tuple(call["argv"]), call["returncode"], call["stdout"], call["stderr"])
            for call in json.load(file)
        ]
    with open(os.path.join(ROOT, f"{case}.yaml"), encoding="utf-8") as file:
        return calls, yaml.safe_load(file)


def replay(dialog: Any, calls: Sequence[Completed]) -> Any:
    """Answer a dialog with the recorded calls, in their order."""
    left = list(calls)
    try:
        asked = next(dialog)
        while True:
            asked = dialog.send([left.pop(0) for _ in asked])
    except StopIteration as stop:
        assert not left, "recorded calls that were not asked for"
        return stop.value


@pytest.mark.parametrize("case", [case for case in CASES if load(case)[1]["verb"] != "raw"])
def test_recording(case: str) -> None:
    calls, about = load(case)
    runtime = runtimes.get(case.split(os.sep)[0])
    expected = about["expected"]
    if about["verb"] == "failed_start":
        assert list(runtime.failed_start(calls[0])) == expected
        return
    dialog = getattr(runtime, about["verb"])(Engine(runtime.command), *about["arguments"])
    if isinstance(expected, dict) and "raises" in expected:
        with pytest.raises(Drmaa2Exception) as caught:
            replay(dialog, calls)
        assert type(caught.value).__name__ == expected["raises"]
        assert caught.value.message.startswith(f"{runtime.name}: ")
        assert "\n" not in caught.value.message
    elif about["verb"] in ("look", "ours"):
        compare(replay(dialog, calls), expected)
    else:
        got = replay(dialog, calls)
        assert (list(got) if isinstance(got, tuple) else got) == expected


def compare(seen: dict[str, Observation], expected: dict[str, Any]) -> None:
    """Each container as expected: what is named exactly, what is ``told`` only there, all else unset."""
    assert sorted(seen) == sorted(expected)
    for name, wanted in expected.items():
        fields = dataclasses.asdict(seen[name])
        fields["state"] = seen[name].state.name
        told = set(wanted.get("told", ()))
        assert all(fields[field] for field in told | {"name", "container_id"}), name
        rest = {
            key: value for key, value in fields.items() if key not in told | ALWAYS and value not in (None, False, ())
        }
        rest = {key: value for key, value in fields.items() if key in rest or (key == "exit_status" and value == 0)}
        assert rest == {key: value for key, value in wanted.items() if key != "told"}, name


def test_there_are_recordings() -> None:
    assert {case.split(os.sep)[0] for case in CASES} >= {"podman", "docker", "nerdctl"}
