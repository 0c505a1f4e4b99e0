"""Reads options by tables that are their own help (argparse costs more than a command)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, List, TypeVar, Union

    T = TypeVar("T")

    Value = Union[bool, str, List[str]]
    Values = Dict[str, Value]


LAST = ("session", "contact")
"""Options of which the last one wins, so that aliases and scripts may have them already."""

_TERMINALS = ("-it", "-ti")
"""Words of docker's that would be read as options of ours with a value."""

MOST = 2**31 - 1
"""The largest number that an option takes."""


class UsageError(Exception):
    """Says which words on the command line are wrong, and what to do."""


class Option:
    """One option: its names, what it takes (None: nothing), whether it may be repeated."""

    __slots__ = ("key", "many", "names", "takes")

    def __init__(self, names: list[str], takes: str | None, many: bool) -> None:
        self.names, self.takes, self.many = names, takes, many
        self.key = names[-1].lstrip("-").replace("-", "_")


def parse_table(text: str) -> list[Option]:
    """Read options from lines such as ``-n, --name NAME ...  the job's name``.

    ``...`` says that it may be repeated.
    """
    found = []
    for line in text.splitlines():
        left = line.strip().partition("  ")[0]
        if not left.startswith("-"):
            continue
        many = left.endswith(" ...")
        words = left[:-4].split() if many else left.split()
        names = [word.rstrip(",") for word in words if word.startswith("-")]
        takes = " ".join(word for word in words if not word.startswith("-")) or None
        found.append(Option(names, takes, many))
    return found


def nearest_word(word: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` where one of the known words is near, else nothing."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {found[0]}?)" if found else ""


class OptionReader:
    """Takes options off a list of words.

    With ``mixed`` options may stand anywhere among the other words; else they end at the first word that is none.
    ``--`` ends them in both cases and is dropped.
    """

    def __init__(self, options: Iterable[Option]) -> None:
        self._by_name = {name: option for option in options for name in option.names}

    def read(self, words: Iterable[str], values: Values, *, mixed: bool) -> list[str]:
        """Put options' values into ``values``, and return the words left.

        Raises UsageError for an option nobody knows.
        """
        queue = list(words)
        rest: list[str] = []
        queue.reverse()
        while queue:
            word = queue.pop()
            if word == "--":
                return rest + queue[::-1]
            if word == "-" or not word.startswith("-"):
                rest.append(word)
                if not mixed:
                    return rest + queue[::-1]
            elif word.startswith("--"):
                self._long(word, queue, values)
            else:
                self._short(word, queue, values)
        return rest

    def _long(self, word: str, queue: list[str], values: Values) -> None:
        name, equals, given = word.partition("=")
        option = self._find(name)
        if option.takes is None:
            if equals:
                raise UsageError(f"{name} takes no value")
            values[option.key] = True
        else:
            self._store(option, name, given if equals else self._next(name, option, queue), values)

    def _short(self, word: str, queue: list[str], values: Values) -> None:
        """Read ``-aq`` as ``-a -q`` and ``-nNAME`` as ``-n NAME``."""
        if word in _TERMINALS:
            raise _unknown(word, self._by_name)
        for place in range(1, len(word)):
            name = "-" + word[place]
            option = self._find(name)
            if option.takes is None:
                values[option.key] = True
                continue
            attached = word[place + 1 :]
            self._store(option, name, attached or self._next(name, option, queue), values)
            return

    def _find(self, name: str) -> Option:
        option = self._by_name.get(name)
        if option is None:
            raise _unknown(name, self._by_name)
        return option

    @staticmethod
    def _next(name: str, option: Option, queue: list[str]) -> str:
        if not queue:
            raise UsageError(f"{name} takes a value: {name} {option.takes}")
        return queue.pop()

    @staticmethod
    def _store(option: Option, name: str, value: str, values: Values) -> None:
        if option.many:
            values[option.key] = [*texts(values, option.key), value]
        elif option.key in values and option.key not in LAST:
            raise UsageError(f"{name} is given twice")
        else:
            values[option.key] = value


def _unknown(name: str, known: Iterable[str]) -> UsageError:
    """Say what an unknown option is here, if it is another tool's, else the nearest one."""
    from proctracker.cli import synonyms

    return UsageError(f"no option {name}{synonyms.option(name) or nearest_word(name, known)}")


def text(values: Values, key: str) -> str | None:
    """Return the value of an option that takes one, or None."""
    value = values.get(key)
    return value if isinstance(value, str) else None


def texts(values: Values, key: str) -> list[str]:
    """The values of an option that may be repeated."""
    value = values.get(key)
    return value if isinstance(value, list) else []


def dependencies(values: Values, key: str) -> list[str]:
    """The ids given with ``--after`` or ``--after-any``."""
    found = [word.strip() for given in texts(values, key) for word in given.split(",")]
    if "" in found:
        # From a variable that is unset, most likely: a job that was to wait must not start at once.
        raise UsageError(f"--{key.replace('_', '-')}: an id is missing: ID[,ID…] is expected")
    return found


def meant(read: Callable[[str], T], word: str) -> T:
    """Return what a word means, or raise UsageError."""
    from proctracker.errors import InvalidArgumentException

    try:
        return read(word)
    except InvalidArgumentException as error:
        raise UsageError(error.message) from None


def number(values: Values, key: str, least: int = 0) -> int | None:
    """Return the whole number given with an option, or raise UsageError."""
    value = text(values, key)
    if value is None:
        return None
    digits = value[1:] if value.startswith("-") and least < 0 else value
    whole = digits.isascii() and digits.isdigit() and len(digits) <= len(str(MOST))
    if not whole or not least <= int(value) <= MOST:
        kind = f"a whole number from {least} to {MOST}"
        raise UsageError(f"--{key.replace('_', '-')}: {kind} is expected, not {value!r}")
    return int(value)
