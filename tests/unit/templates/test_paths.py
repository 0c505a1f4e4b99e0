"""Placeholders in paths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.errors import InvalidArgumentException
from proctracker.model import HOME_DIR, PARAMETRIC_INDEX, WORKING_DIR
from proctracker.templates import paths

_TOKENS = st.sampled_from(["%j", "%A", "%a", "%%", "%x", "$DRMAA2_INDEX$", "$HOME", "/", "out", "j", "é", "\udcff"])


@pytest.mark.parametrize(
    ("text", "job", "expected"),
    [
        ("out.%j", "42", "out.42"),
        ("out.%j", "43_7", "out.43_7"),
        ("%A/%a", "43_7", "43/7"),
        ("%A/%a", "42", "42/0"),
        ("100%%j", "42", "100%j"),
        ("%%%j", "42", "%42"),
        ("%x%", "42", "%x%"),
        (f"{HOME_DIR}/{PARAMETRIC_INDEX}", "43_7", "/home/ann/7"),
        (f"{WORKING_DIR}/a{PARAMETRIC_INDEX}", "42", "/work/dir/a0"),
        ("$HOME/$DRMAA2_OTHER$", "42", "$HOME/$DRMAA2_OTHER$"),
    ],
)
def test_fill(text: str, job: str, expected: str) -> None:
    assert paths.fill(text, job=job, home="/home/ann", working="/work/dir") == expected


@pytest.mark.parametrize(
    "text", ["out.%x", "%", "a%%%", "100%", "%J.out", "%\nj", "$DRMAA2_OTHER$/out", "$DRMAA2_index$"]
)
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentException, match=r"(?s)output_path: .* is no placeholder: "):
        paths.check(text, "output_path")


def test_what_is_one_passes() -> None:
    paths.check("%j/%A_%a.100%%%j $HOME $DRMAA2_INDEX$ $DRMAA2_HOME_DIR$ $DRMAA2_WORKING_DIR$ $DRMAA2_", "x")
    paths.check("50%", "working_directory", percent=False)


def test_percent_signs_may_mean_themselves() -> None:
    assert paths.fill("%j $DRMAA2_INDEX$", job="1_2", percent=False) == "%j 2"


def _spec(**changes: object) -> dict[str, Any]:
    plain = {"template": {}, "cwd": "/here", "home_dir": "/home/ann", "runtime_containers": False}
    return {**plain, "input": None, "output": None, "error": None, **changes}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("out", "/here/out"), ("/abs/%j", "/abs/43_7"), (f"{HOME_DIR}/o", "/home/ann/o"), ("../x", "/here/../x")],
)
def test_paths_are_absolute(text: str, expected: str) -> None:
    assert paths.resolve(_spec(output=text), "43_7") == ("/here", None, expected, None)


@pytest.mark.parametrize(
    ("working", "containers", "workdir", "output"),
    [
        (None, False, "/here", "/here/o"),
        (None, True, None, "/here/o"),
        ("sub", False, "/here/sub", "/here/sub/o"),
        ("/abs", False, "/abs", "/abs/o"),
        (f"{HOME_DIR}/x", False, "/home/ann/x", "/home/ann/x/o"),
        ("a$DRMAA2_INDEX$", False, "/here/a7", "/here/a7/o"),
        ("%j", False, "/here/%j", "/here/%j/o"),
        ("/inside", True, "/inside", "/here/o"),
        ("inside", True, "inside", "/here/o"),
    ],
)
def test_streams_are_relative_to_a_process_directory(
    working: str | None, containers: bool, workdir: str | None, output: str
) -> None:
    spec = _spec(output="o", runtime_containers=containers, template={"working_directory": working})
    assert paths.resolve(spec, "43_7") == (workdir, None, output, None)


def test_what_holds_the_id_is_not_known_before() -> None:
    spec = _spec(input="%%j", output="%A", error=f"{HOME_DIR}/%a")
    assert paths.known(spec) == {"input": "/here/%j", "error": "/home/ann/0"}
    assert paths.known(spec, "0_4")["error"] == "/home/ann/4"
    assert paths.known(_spec(output="")) == {"output": "/here/"}


def test_what_paths_are_made_of() -> None:
    assert [*paths.texts(_spec(input="i", template={"working_directory": "w"}))] == ["i", "", "", "w"]


@given(st.lists(_TOKENS).map("".join))
def test_a_text_varies_if_two_tasks_get_two_values(text: str) -> None:
    one, two = (paths.fill(text, job=f"43_{task}") for task in (1, 2))
    assert paths.varies(text) == (one != two)


@given(st.text().filter(lambda text: "%" not in text and "$DRMAA2_" not in text))
def test_everything_else_stays(text: str) -> None:
    assert paths.fill(text, job="43_7", home="/h", working="/w") == text
    assert paths.fill(text.join(["%%", "%%"]), job="1") == text.join("%%")
