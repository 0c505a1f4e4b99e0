"""Commands with the fields of a line in them."""

from __future__ import annotations

import pytest

from proctracker.templates import items


@pytest.mark.parametrize(
    ("words", "fields", "argv"),
    [
        (["gzip"], ["a b"], ["gzip", "a b"]),
        (["cmp"], ["a", "b"], ["cmp", "a", "b"]),
        (["mv", "{}", "{}.bak"], ["a b"], ["mv", "a b", "a b.bak"]),
        (["{1}", "-n{2}", "{2}{1}"], ["x", "y"], ["x", "-ny", "yx"]),
        (["echo", "{}"], ["x", "y"], ["echo", "x y"]),
        (["echo", "{-1}", "{-2}"], ["x", "y"], ["echo", "y", "x"]),
        (["echo", "<{3}>", "{-3}"], ["x", "y"], ["echo", "<>", ""]),
        (["echo", "{0}", "{a}", "{ }", "{1"], ["x"], ["echo", "{0}", "{a}", "{ }", "{1", "x"]),
        (["echo", "{1}"], ["{2}", "y"], ["echo", "{2}"]),
        (["awk", "{print $1}", "{}"], ["f"], ["awk", "{print $1}", "f"]),
        (["echo", "{}"], ["\\1 \udcff"], ["echo", "\\1 \udcff"]),
    ],
)
def test_a_task_has_its_own_command(words: list[str], fields: list[str], argv: list[str]) -> None:
    assert items.argv(words, fields) == argv


def test_places() -> None:
    assert items.places(["a", "{}{2}", "{-1}"]) == {0, 2, -1}
    assert items.places(["a", "{x}", "${HOME}"]) == set()
    assert items.whole(["a", "b c"]) == "a b c"
