"""The command line: ``proctracker …`` and ``python -m proctracker``."""
