"""The release of the DRMAA 1 binding whose surface this is (module ``drmaa.version``)."""

from __future__ import annotations

__version__ = "0.7.9"
VERSION = (0, 7, 9)
