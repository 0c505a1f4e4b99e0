"""The public names."""

from __future__ import annotations

import proctracker
from proctracker import model, runtimes, store, templates


def _place(name: str) -> tuple[int, str]:
    """Constants, classes, functions, each by the alphabet: the linter's order."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_public_names_are_sorted_and_there() -> None:
    assert list(proctracker.__all__) == sorted(set(proctracker.__all__), key=_place)
    for module in (proctracker, model, store, templates, runtimes):
        assert all(hasattr(module, name) for name in getattr(module, "__all__", ())), module.__name__
