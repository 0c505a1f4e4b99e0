"""From the options of ``run submit array`` to a job template."""

from __future__ import annotations

import os
import sys

from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, dependencies, number, text, texts
from proctracker.errors import InvalidArgumentException
from proctracker.model import SPELLINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from proctracker.store import Home

_LARGEST = 2**21
"""Characters of an environment file, as a device may have no end."""

_ATTRIBUTES = {
    "image": "job_category",
    "name": "job_name",
    "workdir": "working_directory",
    "output": "output_path",
    "error": "error_path",
    "start": "start_time",
    "deadline": "deadline_time",
}
"""Option -> attribute whose value is taken as it is."""

_EXTENSIONS = {
    "memory": "memory_limit",
    "cpus": "cpus",
    "retry_delay": "retry_delay",
    "gpus": "gpus",
    "network": "network",
    "entrypoint": "entrypoint",
    "restart": "restart",
    "pull": "pull",
}
"""Option -> extension whose value is taken as it is."""

_LISTS = {"volume": "volumes", "device": "devices"}
"""Option that may be repeated -> extension that is a list."""

_ADDED = ("volumes", "devices", "exposed_ports", "options")
"""Extensions of which options add to the template file's."""

_FLAGS = {"hold": "submit_as_hold", "join": "join_files"}

_SET = ("append", "rm", "privileged")
"""Options that take nothing and are extensions of that name."""


def template_of(call: Call, command: list[str]) -> dict[str, Any]:
    """Return the template file's attributes with the options over them.

    Raises UsageError for wrong words, InvalidArgumentException for values that mean nothing.
    """
    values = call.values
    template = _from_file(text(values, "template"))
    extensions: dict[str, Any] = {}
    template.update({name: text(values, key) for key, name in _ATTRIBUTES.items() if key in values})
    template.update({name: True for key, name in _FLAGS.items() if call.flag(key)})
    extensions.update({name: text(values, key) for key, name in _EXTENSIONS.items() if key in values})
    extensions.update({name: texts(values, key) for key, name in _LISTS.items() if key in values})
    extensions.update({name: True for name in _SET if call.flag(name)})
    if "hostname" in values:
        template["candidate_machines"] = [text(values, "hostname")]
    if "priority" in values:
        template["priority"] = number(values, "priority", least=-(2**31))
    for key, convert in _OTHERS.items():
        if key in values:
            convert(call, template, extensions)
    for pair in texts(values, "ext"):
        _extend(extensions, pair)
    if command:
        template["remote_command"], template["args"] = command[0], command[1:]
    _environment(call, template)
    _input(call, template)
    _error(call, template)
    extensions = _over(template.get("implementation_specific") or {}, extensions)
    if extensions:
        template["implementation_specific"] = extensions
    return template


def _over(said: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the template file's extensions with the options' over or beside them."""
    found = {SPELLINGS.get(name, name): value for name, value in said.items()}
    for name, value in given.items():
        both = [*_listed(found[name]), *_listed(value)] if name in _ADDED and name in found else None
        found[name] = value if both is None else ",".join(map(str, both)) if name == "exposed_ports" else both
    return found


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    from proctracker.templates import load

    found = load(path)
    return {name: getattr(found, name) for name in found.names() if getattr(found, name) is not None}


def _listed(value: Any) -> list[Any]:
    """A template's list, which may be a single word."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def _limits(call: Call, template: dict[str, Any], extensions: dict[str, Any]) -> None:
    limits = dict(template.get("resource_limits") or {})
    for pair in texts(call.values, "limit"):
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--limit: NAME=VALUE is expected, not {pair!r}")
        limits[name.upper()] = value
    given = text(call.values, "time_limit")
    if given is not None:
        from proctracker.templates.quantities import duration

        limits["WALLCLOCK_TIME"] = duration(given, "--time-limit")
    template["resource_limits"] = limits


def _dependencies(call: Call, template: dict[str, Any], extensions: dict[str, Any]) -> None:
    for key in ("after", "after_any"):
        if key in call.values:
            extensions[key] = dependencies(call.values, key)


def _retries(call: Call, template: dict[str, Any], extensions: dict[str, Any]) -> None:
    extensions["retries"] = number(call.values, "retries")


def _user(call: Call, template: dict[str, Any], extensions: dict[str, Any]) -> None:
    given = text(call.values, "user")
    extensions["user"] = f"{os.getuid()}:{os.getgid()}" if given == "me" else given


def _ports(call: Call, template: dict[str, Any], extensions: dict[str, Any]) -> None:
    extensions["exposed_ports"] = ",".join(texts(call.values, "publish"))


_OTHERS: dict[str, Callable[[Call, dict[str, Any], dict[str, Any]], None]] = {
    "limit": _limits,
    "time_limit": _limits,
    "after": _dependencies,
    "after_any": _dependencies,
    "retries": _retries,
    "user": _user,
    "publish": _ports,
}


def _extend(extensions: dict[str, Any], pair: str) -> None:
    """Add ``KEY=VALUE``, given again as a list."""
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise UsageError(f"--ext: KEY=VALUE is expected, not {pair!r}")
    key = SPELLINGS.get(key, key)
    extensions[key] = [*_listed(extensions[key]), value] if key in extensions else value


def _environment(call: Call, template: dict[str, Any]) -> None:
    """Variables of the files, then those of the options, over the template's."""
    found = dict(template.get("job_environment") or {})
    pairs = [pair for path in texts(call.values, "env_file") for pair in _lines(path)]
    pairs += [(pair, "--env") for pair in texts(call.values, "env")]
    for pair, where in pairs:
        name, equals, value = pair.partition("=")
        if not name:
            raise UsageError(f"{where}: NAME=VALUE or NAME is expected, not {pair!r}")
        if not equals and name not in os.environ:
            raise InvalidArgumentException(f"{where}: {name} is not set here: write {name}=VALUE, or export it")
        found[name] = value if equals else os.environ[name]
    if found:
        template["job_environment"] = found


def _lines(path: str) -> list[tuple[str, str]]:
    """The lines of an environment file that are neither empty nor a comment, and where each is.

    Blanks before a name are none of it. A name that holds any is refused: so is a shell's ``export``, which no
    container CLI takes for more than a part of the name.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
            read = file.read(_LARGEST + 1)
    except OSError as error:
        raise InvalidArgumentException(f"--env-file: {path}: {error.strerror}") from None
    if len(read) > _LARGEST:
        raise InvalidArgumentException(
            f"--env-file: {path}: it is larger than {_LARGEST >> 20} MiB, as no environment is"
        )
    found = []
    for place, line in enumerate(read.split("\n"), 1):
        given = line.lstrip() if "=" in line else line.strip()
        if not given or given.startswith("#"):
            continue
        where, name = f"--env-file: {path}, line {place}", given.partition("=")[0]
        if name.split()[:1] == ["export"] and name != "export":
            raise InvalidArgumentException(f"{where}: `export` is a shell's word: write {name.split()[-1]}=VALUE alone")
        if not name or any(letter.isspace() for letter in name):
            raise InvalidArgumentException(
                f"{where}: {name!r} is no name: write NAME=VALUE, with no blank before the ="
            )
        found.append((given, where))
    return found


def _input(call: Call, template: dict[str, Any]) -> None:
    given = text(call.values, "input")
    if given is not None and call.flag("no_input"):
        raise UsageError("--input and --no-input exclude each other")
    if call.flag("no_input"):
        template.pop("input_path", None)
    elif given is not None:
        template["input_path"] = given


def _error(call: Call, template: dict[str, Any]) -> None:
    """Settle where standard error goes, as a file of its own and ``join`` exclude each other."""
    if call.flag("join") and "error" in call.values:
        raise UsageError("--join and --error exclude each other")
    if call.flag("join"):
        template.pop("error_path", None)
    elif "error" in call.values:
        template.pop("join_files", None)


def keep_stdin(home: Home) -> str:
    """Read standard input to its end into a private file, and return its path."""
    return home.keep_input(_standard_input())


def _standard_input() -> Iterator[bytes]:
    while sys.stdin is not None:
        try:
            part = sys.stdin.buffer.read(1 << 20)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard input") from None
        if not part:
            return
        yield part
