"""What a command is given."""

from __future__ import annotations

import pytest

from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import UsageError


def _call(words: list[str], **values: object) -> Call:
    return Call(COMMANDS["ps"], values, words)  # type: ignore[arg-type]


def test_options_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTRACKER_SESSION", "night")
    assert (_call([]).session, _call([], session="day").session) == ("night", "day")


@pytest.mark.parametrize("name", ["", "a\x07"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--session"):
        _call([], session=name)


def test_words_that_nobody_reads_are_refused() -> None:
    _call(["7"]).no_words(1)
    with pytest.raises(UsageError, match="one word too many: '8'"):
        _call(["7", "8"]).no_words(1)
