"""Tests proctracker against a simple model, at random: ``tox -e model -- --minutes 10 --seed N``.

Clients call the library and the command line, kills come at random moments, every job records what it does. In the
end all of it is compared (``checks.py``), and each violation is printed with the seed that leads to it. The same seed
makes the same plans and kills; moments differ, so a race may take several runs of its seed. Exit code 1: violations.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import engines
from model import checks, clients, follower
from model.history import Run
from model.kills import KINDS
from model.sequence import Sequence

CONTACTS = ("process", "podman")


def main(argv: list[str]) -> int:
    """Run what was asked for."""
    if argv[:1] == ["client"]:
        clients.main(json.loads(argv[1]), int(argv[2]))
        return 0
    if argv[:1] == ["follower"]:
        follower.main(json.loads(argv[1]))
        return 0
    options = _options().parse_args(argv)
    if options.check:
        found = checks.check(Run(options.check, options.contacts.split(",")[0]))
        print("\n".join(f"{kind} {job}: {what}" for kind, job, what in found))
        return 1 if found else 0
    if options.one:
        result = Sequence(options.seed, options.folder, options.contacts, options.image, options.seconds, options.chaos)
        print(json.dumps(result.run()))
        return 0
    return Campaign(options).run()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="model", description="Test proctracker against a simple model, at random.")
    parser.add_argument("--minutes", type=float, default=1, help="no further seed is begun after this time")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; default: by the clock")
    parser.add_argument("--seeds", type=int, default=None, help="how many, whatever time it takes")
    parser.add_argument("--seconds", type=float, default=12, help="of random calls for each seed")
    parser.add_argument("--parallel", type=int, default=2, help="seeds at the same time")
    parser.add_argument("--contacts", default=",".join(CONTACTS), help="every fourth seed is one of the second")
    parser.add_argument("--chaos", choices=list(KINDS), help="what is killed; default: by the seed")
    parser.add_argument("--folder", help="where seeds with violations are kept; default: a temporary directory")
    parser.add_argument("--check", metavar="SEED'S FOLDER", help="compare once more what a kept seed left")
    parser.add_argument("--image", default="", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return parser


class Campaign:
    """Many seeds, some at the same time, one process each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = options.folder or tempfile.mkdtemp(prefix="proctracker-model-")
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.first = int(time.time()) % 1_000_000 if options.seed is None else options.seed
        self.given = 0
        self.until = time.time() + options.minutes * 60
        self.lock = threading.Lock()
        self.totals: Counter[str] = Counter()
        self.kinds: dict[str, list[int]] = {}
        self.podman: engines.Engine | None = None

    def run(self) -> int:
        """Run the seeds; exit code 1 if any found a violation or broke."""
        contacts = self.options.contacts.split(",")
        if "podman" in contacts:
            podman = engines.Podman()
            missing = podman.missing()
            if missing:
                print(f"podman is left out: {missing}")
                contacts.remove("podman")
            else:
                self.podman = podman.up()
        try:
            threads = [threading.Thread(target=self._work, args=[contacts]) for _ in range(self.options.parallel)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            if self.podman:
                self.podman.down()
        print(", ".join(f"{count} {name}" for name, count in sorted(self.totals.items())))
        for kind, seeds in sorted(self.kinds.items()):
            print(f"{len(seeds)} x {kind}: seeds {sorted(set(seeds))}")
        if self.kinds:
            print(f"kept: {self.folder}")
            return 1
        shutil.rmtree(self.folder, ignore_errors=True)
        return 0

    def _next(self) -> int | None:
        with self.lock:
            if self.options.seeds is not None:
                if self.given >= self.options.seeds:
                    return None
            elif time.time() > self.until:
                return None
            self.given += 1
            return self.first + self.given - 1

    def _work(self, contacts: list[str]) -> None:
        while True:
            seed = self._next()
            if seed is None:
                return
            contact = contacts[1] if len(contacts) > 1 and seed % 4 == 3 else contacts[0]
            self._take(seed, contact, self._one(seed, contact))

    def _one(self, seed: int, contact: str) -> dict[str, Any]:
        options, folder = self.options, os.path.join(self.folder, f"seed-{seed}")
        words = ["--one", "--seed", str(seed), "--folder", folder, "--contacts", contact]
        words += ["--seconds", str(options.seconds), *(["--chaos", options.chaos] if options.chaos else [])]
        environ = dict(os.environ)
        if contact != "process" and self.podman:
            environ.update(self.podman.environ)
            words += ["--image", self.podman.image]
        done = subprocess.run(
            [sys.executable, os.path.abspath(__file__), *words],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            return {"violations": [["sequence-broken", "", f"{done.stdout[-500:]}{done.stderr[-2000:]}"]]}
        return result

    def _take(self, seed: int, contact: str, result: dict[str, Any]) -> None:
        violations = result["violations"]
        with self.lock:
            self.totals["seeds"] += 1
            for name in ("operations", "jobs", "starts"):
                self.totals[name] += result.get(name, 0)
            for kind, count in result.get("kills", {}).items():
                self.totals[f"kills ({kind})"] += count
            about = {name: value for name, value in result.items() if name not in ("violations", "seed")}
            print(f"seed {seed} {contact} {about}: {len(violations)} violations", flush=True)
            for kind, job, what in violations:
                self.kinds.setdefault(kind, []).append(seed)
                print(f"  seed {seed}: {kind} {job}: {what}", flush=True)
        if not violations:
            shutil.rmtree(os.path.join(self.folder, f"seed-{seed}"), ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
