"""The option reader: tables in, values out, errors that help."""

from __future__ import annotations

import pytest

from proctracker.cli import options
from proctracker.cli.commands import GLOBAL
from proctracker.cli.options import OptionReader, UsageError, parse_table
from proctracker.templates import quantities

TABLE = """\
-n, --name NAME  a name
-a, --all  all of them
-q, --quiet  less
-e, --env NAME[=VALUE] ...  a variable
--dry-run  only say
--over-night HOURS  long
"""


def read(*words: str, mixed: bool = True):
    values = {}
    return OptionReader(parse_table(TABLE)).read(words, values, mixed=mixed), values


def test_a_table_is_names_argument_and_repetition():
    found = {option.key: (option.names, option.takes, option.many) for option in parse_table(TABLE)}
    assert found["name"] == (["-n", "--name"], "NAME", False)
    assert found["env"] == (["-e", "--env"], "NAME[=VALUE]", True)
    assert found["dry_run"] == (["--dry-run"], None, False)


@pytest.mark.parametrize("words", [["-n", "x"], ["-nx"], ["--name", "x"], ["--name=x"], ["-an", "x"], ["-anx"]])
def test_values_are_given_in_every_usual_way(words):
    assert read(*words)[1]["name"] == "x"


def test_values_may_look_like_options_or_be_empty():
    assert read("--name=")[1] == {"name": ""}
    assert read("-n", "--all")[1] == {"name": "--all"}
    assert read("--env=A=b=c")[1] == {"env": ["A=b=c"]}


def test_flags_cluster_and_repeated_options_make_lists():
    assert read("-aq")[1] == {"all": True, "quiet": True}
    assert read("-e", "A", "-eB=1")[1] == {"env": ["A", "B=1"]}


def test_options_end_at_the_first_word_that_is_none():
    assert read("-a", "ls", "-n", "x", mixed=False) == (["ls", "-n", "x"], {"all": True})
    assert read("-a", "--", "-n", mixed=False) == (["-n"], {"all": True})
    assert read("-", "-n", mixed=False)[0] == ["-", "-n"]


def test_mixed_options_stand_anywhere_up_to_the_dashes():
    assert read("42", "-a", "43", "--", "-q") == (["42", "43", "-q"], {"all": True})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--nmae", "x"], "no option --nmae (did you mean --name?)"),
        (["-z"], "no option -z"),
        (["--name"], "--name takes a value: --name NAME"),
        (["-n"], "-n takes a value"),
        (["--all=1"], "--all takes no value"),
        (["-n", "a", "--name", "b"], "--name is given twice"),
    ],
)
def test_wrong_words_say_what_and_what_to_do(words, told):
    with pytest.raises(UsageError) as error:
        read(*words)
    assert told in str(error.value)


def test_the_last_session_and_contact_win():
    found: dict = {}
    OptionReader(parse_table(GLOBAL)).read(["-s", "a", "-c", "b", "--session=c", "--contact", "d"], found, mixed=True)
    assert (found["session"], found["contact"]) == ("c", "d")


def test_words_that_mean_nothing_are_wrong_usage():
    assert options.meant(quantities.duration, "2m") == 120
    with pytest.raises(UsageError, match="no duration"):
        options.meant(quantities.duration, "soon")


def test_numbers():
    assert options.number({"lines": "12"}, "lines") == 12
    assert options.number({}, "lines") is None
    assert options.number({"priority": "-5"}, "priority", least=-10) == -5
    for wrong in ("", "x", "-1", "1.5", "²"):
        with pytest.raises(UsageError, match="--max-running: a whole number"):
            options.number({"max_running": wrong}, "max_running")
