"""The version is what the installed package says."""

from __future__ import annotations

from importlib import metadata

from proctracker.version import __version__


def test_the_version_is_the_packages() -> None:
    assert metadata.version("proctracker") == __version__
