"""Refuses options that a start sets itself, as the job would no longer be ours to see."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException
from proctracker.runtimes import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Sequence

    from proctracker.model import JobTemplate

REMOVE = "use rm: code and output are recorded first"
NAME = "use job_name: a container's own name is how it is found again"
MARKS = "they mark whose a container is"
TOLD = "`proctracker info` tells it"
DETACHED = "`proctracker submit` returns at once, `proctracker run` waits"
STREAMS = "use input_path, output_path and error_path"
LOG = "use output_path and error_path; what has no file is kept for `proctracker logs`"
LABELS = "use --label"

DOCKER: Mapping[str, str] = {
    "rm": REMOVE,
    "name": NAME,
    "cidfile": TOLD,
    "label-file": LABELS,
    "detach": DETACHED,
    "interactive": STREAMS,
    "attach": STREAMS,
    "sig-proxy": DETACHED,
}
"""What every CLI modelled on docker's is given -> how to have it."""

CTR: Mapping[str, str] = {
    "rm": REMOVE,
    "detach": DETACHED,
    "d": DETACHED,
    "tty": STREAMS,
    "t": STREAMS,
    "null-io": LOG,
    "log-uri": LOG,
    "fifo-dir": STREAMS,
    "pid-file": TOLD,
    "env-file": "use job_environment: ctr takes one such file",
}
"""``ctr run``'s own (``ctr run --help``)."""

_SHORT = {"d": "detach", "i": "interactive", "a": "attach", "l": "label"}
_TAKING = "acehlmpuvw"
"""Letters of ``docker run`` and ``podman run`` behind which a value comes."""
_MARK = "proctracker."


def refuse(template: JobTemplate, own: Mapping[str, str]) -> None:
    """Raise InvalidArgumentException for an option of these, naming the right way."""
    for word, name, value in read(flags.options(template)):
        why = MARKS if name == "label" and value.startswith(_MARK) else own.get(name)
        if why:
            raise InvalidArgumentException(f"options: {word}: proctracker sets this itself: {why}")


def read(words: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Read options: the word each is in, its name and its value."""
    for place, word in enumerate(words):
        for name, value in _read(word, words[place + 1] if place + 1 < len(words) else ""):
            yield word, name, value


def _read(word: str, following: str) -> Iterator[tuple[str, str]]:
    """Read the options in one word, and their values, letters standing together (``-dit``)."""
    name, equals, value = word.partition("=")
    if name.startswith("--") or (name.startswith("-") and len(name) > 2 and "-" in name[1:]):
        yield name.lstrip("-"), value if equals else following
    elif name.startswith("-"):
        yield name[1:], value if equals else following  # ctr takes long ones with one dash, too
        for at, letter in enumerate(word[1:], 2):
            yield _SHORT.get(letter, letter), word[at:].lstrip("=") or following
            if letter in _TAKING or not letter.isalpha():
                return
