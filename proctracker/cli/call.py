"""Holds what a command is given."""

from __future__ import annotations

import os

from proctracker.cli.options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from proctracker.cli.commands import Command
    from proctracker.cli.options import Values

    class Closable(Protocol):
        """What is to be closed after the command."""

        def close(self) -> None:
            """Close it."""


class Call:
    """What a command is given: its name, options, words and what holds for all commands."""

    __slots__ = ("command", "contact", "open", "session", "values", "words")

    def __init__(self, command: Command, values: Values, words: list[str]) -> None:
        self.command, self.values, self.words = command, values, words
        self.open: set[Closable] = set()
        """What is to be closed after the command."""
        self.session = self._global("session", "PROCTRACKER_SESSION")
        self.contact = self._global("contact", "PROCTRACKER_CONTACT")

    def _global(self, key: str, variable: str) -> str | None:
        """Return an option or its variable, or None if neither is set."""
        value = self.values.get(key)
        if value == "":
            raise UsageError(f"--{key}: the name is empty")
        name = value if isinstance(value, str) else os.environ.get(variable) or None
        if name is not None and not name.isprintable():
            raise UsageError(f"--{key}: {name!r} is no name: it holds what cannot be printed")
        return name

    def flag(self, key: str) -> bool:
        """Whether an option that takes nothing was given."""
        return self.values.get(key) is True

    def no_words(self, first: int = 0) -> None:
        """UsageError where there are words from the ``first`` on, which nobody would read."""
        if len(self.words) > first:
            name = self.command.name
            raise UsageError(
                f"{name}: one word too many: {self.words[first]!r}; `proctracker {name} --help` tells more"
            )
