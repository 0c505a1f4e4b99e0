"""What others call it."""

from __future__ import annotations

import re

import pytest

from proctracker.cli import synonyms
from proctracker.cli.commands import COMMANDS, GLOBAL
from proctracker.cli.options import parse_table


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *(("kill", "terminate"), ("cancel", "terminate"), ("scancel", "terminate"), ("stop", "terminate")),
        *(("rm", "reap ID"), ("list", "ps"), ("status", "ps"), ("squeue", "ps"), ("pause", "suspend")),
        *(("unpause", "resume"), ("inspect", "info"), ("sbatch", "submit"), ("images", "categories")),
    ],
)
def test_commands(pt, theirs, ours):
    found = pt(theirs, "1")
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"proctracker: error: no command '{theirs}': ")
    assert f"`proctracker {ours}" in found.err


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["run", "--time", "5", "true"], "--time-limit"),
        (["submit", "--dependency", "1", "true"], "--after"),
        *((["run", "-it", "sh"], "terminal"), (["run", "-ti", "sh"], "terminal"), (["run", "--tty", "sh"], "terminal")),
        *((["submit", "--cwd", "/", "true"], "-w"), (["terminate", "-9", "1"], "--signal KILL")),
        *((["ps", "--format", "json"], "--json"), (["submit", "--job-name=x", "true"], "--name")),
    ],
)
def test_options(pt, words, ours):
    found = pt(*words)
    assert (found.code, found.out) == (125 if words[0] == "run" else 2, "")
    assert re.search(rf"no option -\S+: .*{re.escape(ours)}", found.err)


def test_ours_are_ours_and_theirs_are_not():
    for words in synonyms._COMMANDS:
        assert words.split()[0] in COMMANDS
    assert not COMMANDS.keys() & synonyms._COMMAND.keys()
    known = {
        name for each in COMMANDS.values() for option in parse_table(each.options + GLOBAL) for name in option.names
    }
    for words in synonyms._OPTIONS:
        assert words.split()[0] in known, words
    assert not {word for word in known if word in parse_table_of_submit()} & synonyms._OPTION.keys()
    assert synonyms.command("frob") == synonyms.option("--frob") == ""


def parse_table_of_submit():
    return {name for option in parse_table(COMMANDS["submit"].options + GLOBAL) for name in option.names}
