"""What requests, specs and rows must look like."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.model import JobRow, JobState, JobTemplate
from proctracker.supervisor.base import shapes
from proctracker.templates import make_spec
from supervising import Desk, spec

_WRONG: dict[str, list[Any]] = {
    "a text": [5, None, [], {}],
    "a list of texts": ["x", [1], None, {"a": 1}],
    "a whole number": [-1, 1.5, "1", True, 2**64],
    "a list of texts, or of lists of texts": ["x", [1], None, {"a": 1}, [["a"], "b"], [[1]]],
    "a number": ["1", True, None, 2.0**60],
    "an object": [[], "x", 1],
    "true or false": ["true", [], 2],
    "a list of different numbers from 1": [[], [0], [1, 1], ["1"], [2**32], [True], 5],
    "a list of containers": [{}, [{}], [{"name": "x", "labels": {"proctracker.job": "9;rm"}, "spec": {}}]],
    "a command": [[], "python", [1]],
    "refuse, terminate or leave": ["x", 5, []],
}


def test_every_request_has_its_shape(desk: Desk) -> None:
    assert set(shapes.REQUESTS) == set(desk.service.server.operations)


@pytest.mark.parametrize("op", shapes.REQUESTS)
def test_what_does_not_fit_is_named(op: str) -> None:
    for name, shape in shapes.REQUESTS[op].items():
        if shape.needed:
            assert shapes.problem({}, {name: shape}) == f"{name}: {shape.what} is expected"
        for value in _WRONG[shape.what]:
            if shape.needed or value is not None:
                assert shapes.problem({name: value}, {name: shape}) == f"{name}: {shape.what} is expected", value
    assert shapes.problem([], shapes.REQUESTS[op]) == "an object is expected"


def test_what_another_release_says_besides_is_passed_over() -> None:
    assert shapes.problem({"ids": [], "kind": "ended", "news": object()}, shapes.REQUESTS["wait"]) == ""


def test_specs_of_ours_fit() -> None:
    template = JobTemplate(remote_command="x", deadline_time=5e9, implementation_specific={"retries": 2, "after": "1"})
    made = make_spec(
        template, contact="process", runtime="process", engine={}, cwd="/", home_dir="/", now=0.0, containers=False
    )
    assert shapes.problem(made, shapes.SPEC) == shapes.problem(spec("true"), shapes.SPEC) == ""


@pytest.mark.parametrize(("name", "value"), [
    ("runtime", "nosuch"), ("runtime", ["podman"]), ("template", {"args": "x"}), ("template", {"remote_command": 5}),
    ("retries", "2"), ("after", "1"), ("deadline", "soon"), ("time_limit", 1e300), ("engine", {"command": "podman"}),
    ("engine", {"env": {"A": 1}}), ("slots", -1), ("priority", 0.5), ("cwd", 5), ("output_dir", []),
])  # fmt: skip
def test_specs_nobody_could_go_by(name: str, value: object) -> None:
    assert shapes.problem({**spec("true"), name: value}, shapes.SPEC).startswith(f"{name}: ")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, None, 5, '{"runtime": "nosuch"}'])
def test_what_is_no_spec_is_an_empty_one(text: object) -> None:
    assert shapes.spec_of(text) == {}


@pytest.mark.parametrize(("columns", "there"), [
    ({}, True), ({"task": 3, "id": "7_3"}, True), ({"id": "8"}, False), ({"task": "x"}, False), ({"num": None}, False),
    ({"num": -7, "id": "-7"}, False),
])  # fmt: skip
def test_rows_that_say_which_job_they_are(columns: dict[str, Any], there: bool) -> None:
    assert shapes.known(JobRow(**{"id": "7", "num": 7, **columns})) == there


def test_a_row_as_it_should_be_is_left_alone() -> None:
    row = JobRow("7", 7, dispatched=5.0, exit_status=-3, pid=9, sub_state="x", kill_at=7, command='["a"]')
    assert shapes.mend(row) == ""
    assert row == JobRow("7", 7, dispatched=5.0, exit_status=-3, pid=9, sub_state="x", kill_at=7, command='["a"]')


@pytest.mark.parametrize(("name", "value"), [
    ("state", 99), ("state", "RUNNING"), ("runtime", "nosuch"), ("command", "{"), ("command", None), ("attempt", "x"),
    ("submitted", None), ("kill_at", "soon"), ("session", None), ("annotation", 5), ("slots", None), ("pid", 1.5),
])  # fmt: skip
def test_a_row_that_holds_nonsense_is_mended(name: str, value: object) -> None:
    row = JobRow("7", 7, **{name: value})
    assert shapes.mend(row).startswith(f"its record holds {value!r} as {name}, ")
    assert row == JobRow("7", 7)
    assert JobState(row.state) == JobState.QUEUED
