"""What ``--help`` shows."""

from __future__ import annotations

import shlex

import pytest

from proctracker.cli import main as module
from proctracker.cli import manual
from proctracker.cli.commands import COMMANDS


def test_help_has_two_columns():
    lines = manual.help_of(COMMANDS["ps"]).splitlines()
    assert "  -a, --all                     ended ones too" in lines
    assert "      --json                    as JSON" in lines


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_that_are_read(name):
    assert len(manual.EXAMPLES[name]) == 2
    for example in manual.EXAMPLES[name]:
        program, *words = shlex.split(example.partition(" >")[0])
        command, rest, values = module._choose(words)
        assert program == "proctracker"
        if command is None:
            assert words == ["--version"]
            continue
        call = module._read(command, rest, values)
        assert call is not None
        assert call.command.name == name
    assert set(manual.EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize(
    ("name", "told", "untold"),
    [
        (
            "run",
            ["DURATION  seconds", "TIME      ISO", "SIZE      bytes", "ID        42", "124 the time-out", "125"],
            ["RANGE "],
        ),
        ("array", ["RANGE     1-10", "DURATION", "0 done, 1 failed, 2 wrong usage"], ["124"]),
        ("wait", ["SECONDS", "ID  ", "124", "126 and 127"], ["SIZE"]),
        ("ps", ["STATE     QUEUED", "UNDETERMINED"], ["DURATION", "124"]),
        ("reap", ["DURATION", "ID  "], ["TIME  "]),
        ("terminate", ["STATE ", "SECONDS", "(TERM)", "(10)"], []),
        ("version", ["exit code: 0 done"], ["values:"]),
    ],
)
def test_how_values_are_written_and_exit_codes_are_told(pt, name, told, untold):
    found = pt(name, "--help")
    assert found == pt("help", name) == pt("--help", name)
    assert (found.code, found.err) == (0, "")
    for word in told:
        assert word in found.out
    for word in untold:
        assert word not in found.out.partition("values:")[2]


def test_the_overview_has_all_commands_and_examples(pt):
    found = pt("--help")
    assert found == pt("help")
    for name, command in COMMANDS.items():
        assert f"  {name:<12}{command.summary}\n" in found.out
    assert manual.EXAMPLES["run"][0] in found.out
