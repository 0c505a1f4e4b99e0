"""What the tasks of an array are."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import UsageError
from proctracker.cli.tasks import Tasks


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {"a": "x\ny z\n", "b": "1\n2\n3", "csv": "one,1\ntwo,2,more\n", "tabs": "a\tb c\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: str(tmp_path / name) for name in texts}


def tasks(*words: str, **values: object) -> Tasks:
    return Tasks(Call(COMMANDS["array"], values, list(words)))


def test_a_line_is_a_text_where_nothing_else_is_asked_for(files: dict[str, str]) -> None:
    found = tasks("gzip", over=[files["a"]])
    assert (found.indices, found.items, found.command) == ([1, 2], ["x", "y z"], ["gzip"])


def test_a_line_is_a_field_where_the_command_has_a_place_for_it(files: dict[str, str]) -> None:
    assert tasks("mv", "{}", "{}.bak", over=[files["a"]]).items == [["x"], ["y z"]]


def test_fields(files: dict[str, str]) -> None:
    assert tasks("cp", over=[files["csv"]], colsep=",").items == [["one", "1"], ["two", "2", "more"]]
    for tab in ("\t", "\\t"):
        assert tasks("cp", over=[files["tabs"]], colsep=tab).items == [["a", "b c"]]


def test_several_are_the_product_the_first_outermost(files: dict[str, str]) -> None:
    found = tasks("f", over=[files["a"], files["b"]])
    assert found.items == [["x", "1"], ["x", "2"], ["x", "3"], ["y z", "1"], ["y z", "2"], ["y z", "3"]]
    assert tasks("f", over=[files["csv"], files["a"]], colsep=",").items[0] == ["one", "1", "x"]


@pytest.mark.parametrize(
    ("words", "values", "told"),
    [
        (["f", "{3}"], {"over": ["b"]}, r"\{3\}: no line has more than 1 field$"),
        (["f", "{-4}"], {"over": ["csv"], "colsep": ","}, r"\{-4\}: no line has more than 3 fields"),
        (["f"], {"over": ["b"], "colsep": ""}, "--colsep: a separator is expected"),
        (["{3}"], {"over": ["csv"], "colsep": ","}, "the command of a line is empty"),
        (["f"], {"over": ["-", "-"]}, "read once only"),
        (["f"], {"over": ["-"], "input": "-"}, "read once only"),
        (["1-3", "f"], {"colsep": ","}, "--colsep goes with --over"),
        ([], {}, "say which tasks"),
        (["1-3", "f"], {"halt": "0"}, "--halt: a whole number from 1"),
        (["1-3", "f"], {"halt": "101%"}, "--halt: 1% to 100% is expected"),
        (["1-3", "f"], {"halt": "5%%"}, "--halt: "),
    ],
)
def test_what_is_refused(files: dict[str, str], words: list[str], values: dict[str, object], told: str) -> None:
    if "over" in values:
        values = {**values, "over": [files.get(name, name) for name in values["over"]]}  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=told):
        tasks(*words, **values)


def test_no_more_tasks_than_an_array_has(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "many").write_text("x\n" * 1001, encoding="utf-8")
    with pytest.raises(UsageError, match="1002001 tasks: an array has at most 1000000"):
        tasks("f", over=[str(tmp_path / "many")] * 2)


@pytest.mark.parametrize(("word", "count"), [("2", 2), ("1%", 1), ("10%", 5), ("11%", 6), ("100%", 50), (None, 0)])
def test_how_many_failures_end_it(word: str | None, count: int) -> None:
    assert tasks("1-50", "f", **({"halt": word} if word else {})).halt == count
