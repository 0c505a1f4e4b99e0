"""Types what ``run``, ``submit`` and the waits take, for type checkers and editors only."""

from __future__ import annotations

from datetime import timedelta
from typing import Iterable, Sequence, Union

from proctracker.model.keywords import Attributes, Word
from proctracker.sessions.controlled import Controlled

Command = Union[Word, Sequence[Word], None]
"""A command line: its words, or a command alone."""

Timeout = Union[float, timedelta, None]
"""Seconds, None and INFINITE_TIME meaning no end."""

Jobs = Union[Controlled, str, int, Iterable[Union[Controlled, str, int]]]
"""Jobs or arrays, or their ids."""


class TemplateKeywords(Attributes, total=False):
    """Types the attributes of JobTemplate but ``args``, and the extensions.

    None is UNSET.
    """

    user: str | None
    exposed_ports: str | None
    exposedPorts: str | None
    privileged: bool | str | None
    restart: str | None
    ipc: str | None
    uts: str | None
    pid: str | None
    rm: bool | str | None
    entrypoint: str | None
    network: str | None
    volumes: Word | Sequence[Word] | None
    devices: Word | Sequence[Word] | None
    gpus: str | int | None
    userns: str | None
    memory_limit: str | int | None
    memoryLimit: str | int | None
    cpus: str | float | None
    pull: str | None
    options: str | Sequence[str] | None
    after: Jobs | None
    after_any: Jobs | None
    retries: int | None
    retry_delay: float | timedelta | str | None
    retryDelay: float | timedelta | str | None
    append: bool | None
