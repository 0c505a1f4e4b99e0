"""Placeholders in paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.errors import InvalidArgumentException
from proctracker.model import HOME_DIR, PARAMETRIC_INDEX, WORKING_DIR
from proctracker.templates import placeholders

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
    assert placeholders.fill(text, job=job, home="/home/ann", working="/work/dir") == expected


@pytest.mark.parametrize(
    "text", ["out.%x", "%", "a%%%", "100%", "%J.out", "%\nj", "$DRMAA2_OTHER$/out", "$DRMAA2_index$"]
)
def test_what_is_no_placeholder_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentException, match=r"(?s)output_path: .* is no placeholder: "):
        placeholders.check(text, "output_path")


def test_what_is_one_passes() -> None:
    placeholders.check("%j/%A_%a.100%%%j $HOME $DRMAA2_INDEX$ $DRMAA2_HOME_DIR$ $DRMAA2_WORKING_DIR$ $DRMAA2_", "x")
    placeholders.check("50%", "working_directory", percent=False)


def test_percent_signs_may_mean_themselves() -> None:
    assert placeholders.fill("%j $DRMAA2_INDEX$", job="1_2", percent=False) == "%j 2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("out", "/base/out"), ("/abs/%j", "/abs/43_7"), (f"{HOME_DIR}/o", "/home/ann/o"), ("../x", "/base/../x")],
)
def test_paths_are_absolute(text: str, expected: str) -> None:
    assert placeholders.path(text, "/base", job="43_7", home="/home/ann", working="/w") == expected


@given(st.lists(_TOKENS).map("".join))
def test_a_text_varies_if_two_tasks_get_two_values(text: str) -> None:
    one, two = (placeholders.fill(text, job=f"43_{task}") for task in (1, 2))
    assert placeholders.varies(text) == (one != two)


@given(st.text().filter(lambda text: "%" not in text and "$DRMAA2_" not in text))
def test_everything_else_stays(text: str) -> None:
    assert placeholders.fill(text, job="43_7", home="/h", working="/w") == text
    assert placeholders.fill(text.join(["%%", "%%"]), job="1") == text.join("%%")
