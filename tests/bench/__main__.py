"""The benchmark: ``scripts/bench [--quick] [--only WORD] [--folder DIR] [--json FILE]``; prints a table, exit 1 if a goal is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import calls
import cluster
import containers
import face
import idle
import latency
import many
import shell
import throughput
from measure import Row, table
from place import Place, place
from proctracker.linux import netfs

PROCESS: dict[str, Callable[[Place], Iterator[Row]]] = {
    "throughput": throughput.rows,
    "latency": latency.rows,
    "idle": idle.rows,
    "shell": shell.rows,
    "many": many.rows,
    "calls": calls.rows,
    "face": face.rows,
}
"""Groups of rows about processes, by the word for ``--only``."""

CONTAINERS = ("podman", "ctr", "nerdctl", "docker")


def main() -> int:
    """Measure what was asked for."""
    options = _options().parse_args()
    rows: list[Row] = []
    missing: list[str] = []
    print(_head(options.folder), flush=True)
    for name, group in PROCESS.items():
        if options.only in (None, name):
            with place(options.folder, options.quick) as where:
                _take(rows, name, group(where))
    for name in CONTAINERS:
        if options.only in (None, name, "containers"):
            with containers.found(name) as cli, place(options.folder, options.quick) as where:
                if cli is None:
                    missing.append(name)
                else:
                    _take(rows, name, containers.rows(where, cli))
    if options.only in (None, "slurm"):
        with place(options.folder, options.quick) as where, cluster.found() as its:
            if its is None:
                missing.append("slurm")
            else:
                _take(rows, "slurm", cluster.rows(where, its))
    print(table(rows), end="")
    for name in missing:
        print(f"not measured, not on this machine: {name} (scripts/install-runtimes {name})")
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump([{**row._asdict(), "met": row.met} for row in rows], file, indent=1)
    if options.quick:
        print("quick: small numbers, the figures mean nothing; only that every row can be measured")
        return 0
    return 0 if all(row.met for row in rows) else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure proctracker beside its bare peers, in one run.")
    parser.add_argument(
        "--quick", action="store_true", help="small numbers: shows that all rows work, in a minute or two"
    )
    parser.add_argument("--only", choices=[*PROCESS, *CONTAINERS, "containers", "slurm"], help="one group of rows")
    parser.add_argument("--folder", help="where the state directory is made (default: the temporary directory)")
    parser.add_argument("--json", metavar="FILE", help="write the rows there too")
    return parser


def _take(rows: list[Row], name: str, found: Iterator[Row]) -> None:
    """Collect rows; each is told on stderr as it comes, as a run takes minutes."""
    for row in found:
        rows.append(row)
        print(f"{name}: {row.what}: {row.factor:.2f} {row.unit}", file=sys.stderr, flush=True)


def _head(folder: str | None) -> str:
    """What the figures hold for."""
    folder = folder or tempfile.gettempdir()
    kind = netfs.file_system(folder)
    disk = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False).stdout
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, Linux {platform.release()}, "
        f"{os.cpu_count()} CPUs, state on {kind or disk.strip() or 'unknown'}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
