"""The names the binding exports."""

from __future__ import annotations

from proctracker.compat import drmaa1


def test_all_names_are_there() -> None:
    assert all(hasattr(drmaa1, name) for name in drmaa1.__all__)
    exceptions = [name for name in drmaa1.__all__ if name.endswith("Exception")]
    assert len(exceptions) == 26
    assert issubclass(drmaa1.OutOfMemoryException, MemoryError)
