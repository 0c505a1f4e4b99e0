"""Keeps what clients told of the configuration beside the lock, for the next supervisor."""

from __future__ import annotations

import json
import os

from proctracker.store import Home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_LARGEST = 2.0**53

DEFAULTS: dict[str, Any] = {
    "max_running": 0,
    "max_running_host": 0,
    "keep_ended": 1000,
    "keep_days": 0,
    "keep_environment": False,
    "cli_timeout": 15.0,
    "idle": 5.0,
}
"""What clients may tell of the configuration in ``hello``, times in seconds."""


def path(home: Home, key: str) -> str:
    """Where the last told settings of a confinement's supervisors are."""
    return os.path.join(home.run, f"{key}.settings")


def load(home: Home, key: str) -> dict[str, Any]:
    """Return the settings told last, defaults for the others or an unreadable file."""
    try:
        with open(home.at(path(home, key)), encoding="ascii") as file:
            told = json.load(file)
    except (OSError, ValueError):
        told = {}
    return {**DEFAULTS, **_known(told)}


def tell(home: Home, key: str, settings: dict[str, Any], told: Mapping[str, Any]) -> bool:
    """Take over what a client told, and return whether it changed something."""
    new = {**settings, **_known(told)}
    if new == settings:
        return False
    settings.update(new)
    try:
        place = home.at(path(home, key))
        fresh = f"{place}.new"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="ascii") as file:
            json.dump(settings, file)
        os.replace(fresh, place)
    except OSError:
        pass  # this supervisor knows them; without room the next one waits for a client to tell
    return True


def _known(told: Any) -> dict[str, Any]:
    """What of this is known and can be gone by."""
    if not isinstance(told, dict):
        return {}
    return {name: told[name] for name, usual in DEFAULTS.items() if name in told and _fits(told[name], usual)}


def _fits(value: object, usual: object) -> bool:
    """Whether a setting is a truth value, or a number that is not below 0, as the default is."""
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(usual, bool)
    return isinstance(value, (int, float)) and 0 <= value <= _LARGEST
