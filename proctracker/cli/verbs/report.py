"""Runs ``report``, which shows jobs as one page or as JSON."""

from __future__ import annotations

import sys

from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, text
from proctracker.cli.reporting import history


def report(call: Call) -> int:
    """Print the page of the session's jobs, or of those named, or write it to a file."""
    hosts, path = call.flag("all_hosts"), text(call.values, "output")
    if call.words and hosts:
        raise UsageError("report: an id names a job of whatever host; --all-hosts is for all jobs")
    if path == "":
        raise UsageError("--output: the name of the file is empty")
    access = Access(call)
    rows = access.named(call.words, read_only=True) if call.words else access.rows(all_hosts=hosts)
    found = history.report(access, rows)
    if call.flag("json"):
        import json

        # Indented, ten thousand jobs would take seconds and be four times the size.
        page = json.dumps(history.as_json(found)) + "\n"
    else:
        from proctracker.cli.reporting.page import page_of

        page = page_of(found)
    if path is None or path == "-":
        # In the encoding that the page names, whatever the locale's is.
        sys.stdout.buffer.write(page.encode())
    else:
        _write(path, page)
    return 1 if access.failed else 0


def _write(path: str, page: str) -> None:
    """Write a file, whose name an error tells."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as error:
        error.filename = path
        raise
