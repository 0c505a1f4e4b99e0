"""DRMAA2 job tracking for plain processes and container command lines."""

from __future__ import annotations

__version__ = "0.1.0"
