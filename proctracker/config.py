"""The configuration of a site and a user, in YAML (docs/configuration.md)."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException
from proctracker.linux.trusted import expanded
from proctracker.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping


@record(frozen=True)
class Tracker:
    """A contact of a name of its own: a runtime and the command that stands for its CLI."""

    runtime: str
    command: tuple[str, ...]


@record(frozen=True)
class Category:
    """A job category of a name of its own: an image and options passed to the CLI as they are."""

    image: str
    options: tuple[str, ...] = ()


@record
class Config:
    """Holds what can be configured.

    Times are in seconds, ``output_limit`` is in bytes, 0 is "no limit" for the counts.
    """

    default_contact: str = "process"
    max_running: int = 0
    max_running_host: int = 0
    keep_ended: int = 1000
    keep_days: float = 0
    output_dir: str | None = None
    output_limit: int = 10 * 2**30
    cli_timeout: float = 15.0
    start_timeout: float | None = None
    durability: str = "process"
    keep_environment: bool = False
    trackers: dict[str, Tracker] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)


def paths(environ: Mapping[str, str]) -> list[str]:
    """Return the files that count, the later winning key by key.

    Raises InvalidArgumentException for ``~`` where nobody knows it.
    """
    if environ.get("PROCTRACKER_CONFIG"):
        return [expanded(environ["PROCTRACKER_CONFIG"], environ, "PROCTRACKER_CONFIG")]
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or "/", ".config")
    return ["/etc/proctracker/config.yaml", os.path.join(base, "proctracker", "config.yaml")]


def load(environ: Mapping[str, str]) -> Config:
    """Read it. Raises InvalidArgumentException naming file, key, and the nearest known key.

    DeniedByDrmsException for a file that others own or can change, or put another in place of: commands in it are run.
    """
    config = Config()
    for path in paths(environ):
        if environ.get("PROCTRACKER_CONFIG") or os.path.exists(path):
            from proctracker.templates import files  # here: most users have no file, and a command is begun without

            for key, value in files.read(path, _opened(path, environ)).items():
                _set(config, path, key, value)
    return config


def _opened(path: str, environ: Mapping[str, str]) -> int | None:
    """Open a file that only its user, or root, can have written.

    Returns None for a descriptor that the caller handed over.
    """
    if path == os.devnull or os.path.dirname(path) in ("/dev/fd", "/proc/self/fd"):
        return None
    if not os.path.isabs(path) and not environ.get("PROCTRACKER_CONFIG"):
        name = "XDG_CONFIG_HOME" if environ.get("XDG_CONFIG_HOME") else "HOME"
        raise InvalidArgumentException(
            f"{name}: {environ[name]!r} is relative, and {path} of whatever directory this is would be believed: "
            "name an absolute path"
        )
    from proctracker.linux import trusted

    try:
        held = trusted.reach(os.path.abspath(path), "use a configuration of your own (PROCTRACKER_CONFIG)")
        try:
            return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(held)
    except OSError as error:
        raise InvalidArgumentException(f"{path}: {error.strerror}") from None


def _set(config: Config, path: str, key: str, value: Any) -> None:
    convert = _KEYS.get(key)
    if convert is None:
        from proctracker.model import nearest

        raise InvalidArgumentException(f"{path}: no key {key!r}{nearest(key, _KEYS)}")
    try:
        converted = convert(value)
    except InvalidArgumentException as error:
        raise InvalidArgumentException(f"{path}: {error.message}") from None
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise InvalidArgumentException(f"{path}: {key}: {error}") from None
    if isinstance(converted, dict):
        converted = {**getattr(config, key), **converted}
    setattr(config, key, converted)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError(f"a whole number from 0 is expected, not {value!r}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise TypeError(f"a number from 0 is expected, not {value!r}")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"text is expected, not {value!r}")
    return os.path.expanduser(value)


def _folder(value: Any) -> str:
    path = _text(value)
    if not os.path.isabs(path):
        raise TypeError(f"an absolute path is expected, not {value!r}")
    return path


def _seconds(value: Any, name: str) -> float:
    from proctracker.templates import quantities

    found = quantities.duration(value, name)
    if not found:
        raise TypeError("it is 0, within which nothing could answer")
    return found


def _size(value: Any) -> int | None:
    from proctracker.templates import quantities

    return quantities.size(value, "output_limit")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false is expected, not {value!r}")
    return value


def _durability(value: Any) -> str:
    if value not in ("process", "power"):
        raise TypeError(f"process or power is expected, not {value!r}")
    return str(value)


def _words(value: Any) -> tuple[str, ...]:
    words: list[Any] = value.split() if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"a list of words is expected, not {value!r}")
    return tuple(os.path.expanduser(word) if word.startswith("~/") else word for word in words)


def _named(value: Any, kind: str, keys: tuple[str, str], build: Callable[..., Any]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"a mapping of names to {kind} is expected")
    found = {}
    for name, entry in value.items():
        if not isinstance(entry, dict) or not set(entry) <= set(keys) or keys[0] not in entry:
            raise TypeError(f"{name}: keys {keys[0]} and {keys[1]} are expected")
        found[str(name)] = build(str(entry[keys[0]]), _words(entry.get(keys[1], [])))
        command = getattr(found[str(name)], "command", ())
        if command and "/" in command[0] and not os.path.isabs(command[0]):
            raise TypeError(f"{name}: a command's name or absolute path is expected, not {command[0]!r}")
    return found


_KEYS: dict[str, Callable[[Any], Any]] = {
    "default_contact": _text,
    "max_running": _count,
    "max_running_host": _count,
    "keep_ended": _count,
    "keep_days": _number,
    "output_dir": _folder,
    "output_limit": _size,
    "cli_timeout": lambda value: _seconds(value, "cli_timeout"),
    "start_timeout": lambda value: _seconds(value, "start_timeout"),
    "durability": _durability,
    "keep_environment": _flag,
    "trackers": lambda value: _named(value, "trackers", ("runtime", "command"), Tracker),
    "categories": lambda value: _named(value, "categories", ("image", "options"), Category),
}
