"""The package's own door: what needs sqlite3 is imported when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proctracker import store


def test_finding_a_home_needs_no_sqlite() -> None:
    script = "import sys; from proctracker.store import Home, home_path; assert 'sqlite3' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", store.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(store, name).__name__ == name


def test_unknown_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(store, "nothing")  # noqa: B009
