"""The binding's version."""

from __future__ import annotations

from proctracker.compat.drmaa1 import version


def test_it_is_the_release_whose_surface_this_is() -> None:
    assert ".".join(map(str, version.VERSION)) == version.__version__ == "0.7.9"
