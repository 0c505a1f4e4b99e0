"""Turns job templates from files into specs, pure but for reading the files."""

from __future__ import annotations

from proctracker.templates.files import load
from proctracker.templates.spec import check, make_spec

__all__ = ["check", "load", "make_spec"]
