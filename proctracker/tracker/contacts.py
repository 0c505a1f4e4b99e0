"""Resolves contacts to a runtime and an engine, and reads the configuration."""

from __future__ import annotations

import os
import re

from proctracker import config as configuration
from proctracker import runtimes
from proctracker.config import Config
from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.model import nearest
from proctracker.records import NamedTuple
from proctracker.runtimes.base import Engine
from proctracker.runtimes.runtime import Runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_FORM = r"(?s)([^:?]+)(?::([^?]+))?(?:\?(.*))?"

_ALWAYS = (
    "PATH HOME USER LOGNAME LANG LC_ALL TMPDIR XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME DBUS_SESSION_BUS_ADDRESS"
    " HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR"
).split()
"""Variables every CLI is called with, beside the runtime's ``engine_variables``."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_LARGEST = 1 << 20

_SETTINGS = ("max_running", "max_running_host", "keep_ended", "keep_days", "keep_environment", "cli_timeout")


class Target(NamedTuple):
    """Holds what a contact means: the string, the runtime, the engine."""

    contact: str
    runtime: Runtime
    engine: Engine


def resolve(contact: str | None, config: Config, environ: Mapping[str, str]) -> Target:
    """Resolve a contact, by default the configuration's.

    Raises InvalidArgumentException for a name nobody knows (with the nearest known one), or an option the runtime has not.
    """
    text = config.default_contact if contact is None else contact
    match = re.fullmatch(_FORM, text)
    if match is None:
        raise InvalidArgumentException(
            f"contact {text!r}: a runtime is expected, as in podman, podman:ADDRESS or ctr?namespace=x"
        )
    name, address, query = match.groups()
    tracker = config.trackers.get(name)
    known = [*runtimes.names(), *config.trackers]
    if tracker is None and name not in known:
        raise InvalidArgumentException(
            f"contact {text!r}: no tracker {name!r}{nearest(name, known)}; there are {', '.join(known)}"
        )
    runtime = _runtime(name, tracker)
    options = _options(text, address, query)
    for key in options:
        if key not in runtime.contact_options:
            raise InvalidArgumentException(
                f"contact {text!r}: {runtime.name} takes no {key}{nearest(key, runtime.contact_options)}"
            )
    command = tuple(tracker.command) if tracker and tracker.command else tuple(runtime.command)
    return Target(text, runtime, _engine(command, options, runtime, environ))


def _runtime(name: str, tracker: configuration.Tracker | None) -> Runtime:
    """The runtime of a contact's name, which the configuration may have given to it."""
    try:
        return runtimes.get(tracker.runtime if tracker else name)
    except InvalidArgumentException as error:
        raise InvalidArgumentException(f"{f'trackers: {name}: ' if tracker else ''}{error.message}") from None


def _options(contact: str, address: str | None, query: str | None) -> dict[str, str]:
    found = {"address": address} if address else {}
    if not query:
        return found

    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals or key == "address":
            raise InvalidArgumentException(f"contact {contact!r}: NAME=VALUE is expected after the ?, not {pair!r}")
        raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(value))
        found[key] = os.fsdecode(raw)
    return found


def _engine(
    command: tuple[str, ...], options: Mapping[str, str], runtime: Runtime, environ: Mapping[str, str]
) -> Engine:
    """Return the engine with all that decides which one it is."""
    if not command:
        return Engine((), options, {})

    env = {name: environ[name] for name in (*_ALWAYS, *runtime.engine_variables) if environ.get(name)}
    env.update(runtime.engine_environment)
    env.setdefault("PATH", _PATH)
    if "XDG_RUNTIME_DIR" not in env:
        own = f"/run/user/{os.geteuid()}"
        if os.path.isdir(own) and os.stat(own).st_uid == os.geteuid():
            env["XDG_RUNTIME_DIR"] = own
    from proctracker.runner import find

    if runtime.name == "podman" and not options.get("address") and "CONTAINER_HOST" not in env:
        from proctracker.tracker import sessionless

        command, env = sessionless.adjusted(command, env)
    path = find(command[0], env["PATH"])
    return runtime.pinned(
        Engine((os.path.abspath(path) if path else command[0], *command[1:]), options, env), _configured
    )


def _configured(path: str) -> str | None:
    """Read a CLI's own configuration file, or return None."""
    try:
        with open(
            path, encoding="utf-8", errors="replace", opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)
        ) as file:
            return file.read(_LARGEST)
    except OSError:
        return None


def present(target: Target) -> None:
    """Raise DrmCommunicationException if the contact's CLI is not there."""
    command = target.engine.command
    if command and not os.path.isabs(command[0]):
        raise DrmCommunicationException(
            f"{command[0]}: command not found: install it, or name it in the configuration (trackers); `proctracker doctor` tells more"
        )


def deciding(contact: str | None, config: Config, environ: Mapping[str, str]) -> tuple[Any, ...]:
    """Return what ``resolve`` depends on besides the configuration, to compare."""
    name = re.split("[:?]", config.default_contact if contact is None else contact, maxsplit=1)[0]
    tracker = config.trackers.get(name)
    runtime = _runtime(name, tracker) if tracker or name in runtimes.REGISTRY else None
    if runtime is None or not (tracker or runtime.command):
        return ()
    env = {each: environ[each] for each in (*_ALWAYS, *runtime.engine_variables) if environ.get(each)}
    command = tuple(tracker.command) if tracker and tracker.command else tuple(runtime.command)
    found = runtime.pinned(Engine(command, {}, env), _configured)
    return (*sorted(found.env.items()), *sorted(found.options.items()))


def engine_of(spec: Mapping[str, Any]) -> Engine:
    """Return the engine a job was submitted to."""
    return Engine.of(spec.get("engine"))


def settings(config: Config) -> dict[str, Any]:
    """What of the configuration a supervisor has to know."""
    return {name: getattr(config, name) for name in _SETTINGS}


class Configured:
    """Holds the configuration, read again when its files or variables change."""

    def __init__(self) -> None:
        self._known: tuple[Any, Config] | None = None

    def load(self, environ: Mapping[str, str], lenient: bool = False) -> Config:
        """Return the configuration as it is now.

        ``lenient``: one with trackers that mean nothing is taken all the same.
        """
        stamp = [_stamp(path) for path in configuration.paths(environ)]
        if self._known is None or self._known[0] != stamp:
            found = configuration.load(environ)
            if not lenient:
                _check(found)
            self._known = (stamp, found)
        return self._known[1]


def _check(config: Config) -> None:
    """Raise InvalidArgumentException for a tracker of no runtime, or a wrong default."""
    for name, tracker in config.trackers.items():
        _runtime(name, tracker)
    name = re.split("[:?]", config.default_contact, maxsplit=1)[0]
    known = [*runtimes.names(), *config.trackers]
    if name not in known:
        raise InvalidArgumentException(f"default_contact: no tracker {name!r}{nearest(name, known)}")


def _stamp(path: str) -> tuple[str, int, int, int] | str:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return path, found.st_ctime_ns, found.st_size, found.st_ino
