"""The table of commands is what the help shows."""

from __future__ import annotations

import os

from proctracker.cli import commands
from proctracker.cli.options import parse_table


def test_every_option_is_named_once_in_a_command():
    for command in commands.COMMANDS.values():
        names = [name for option in parse_table(command.options + commands.GLOBAL) for name in option.names]
        assert len(names) == len(set(names)), command.name


def test_every_command_leads_to_a_module():
    folder = os.path.dirname(commands.__file__)
    assert all(os.path.exists(os.path.join(folder, "verbs", f"{it.module}.py")) for it in commands.COMMANDS.values())


def test_failures_of_run_and_wait_are_not_taken_for_the_jobs():
    assert {name for name, it in commands.COMMANDS.items() if it.failure == 125} == {"run", "wait"}
