"""Runs all tests as parts, several pytest processes at once: much of a test's time is waiting.

``python tests/parts.py JOBS FOLDER [PYTEST'S OPTIONS]``: a runtime's contract tests are a part, as each needs an engine of
its own, and so are a file of e2e and a folder of unit tests. What a part says is printed once it has ended.
"""

from __future__ import annotations

import glob
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import engines
from e2e import conftest

CONTRACT, E2E, UNIT = "tests/contract", "tests/e2e", "tests/unit"
REPLAY = "tests/contract/test_replay.py"
SHARES = {"slurm": 3, "podman-rootless": 2}
"""Engines whose contract tests take so long that they are several parts."""

APART = ("tests/unit/cli", "tests/unit/supervisor")
"""Folders of unit tests that take long enough to be parts of their own."""

_NONE = 5
"""pytest's exit code where nothing was left to run."""


def parts() -> Iterator[list[str]]:
    """Every part as arguments of pytest, those that take longest first."""
    modules = sorted(set(glob.glob(f"{CONTRACT}/test_*.py")) - {REPLAY})
    for name in sorted(engines.ENGINES, key=lambda name: SHARES.get(name, 1), reverse=True):
        kind, count = engines.ENGINES[name], SHARES.get(name, 1)
        named = [f"{CONTRACT}/{module}.py" for module in kind.modules] or modules
        if not (kind.optional and engines.tested(name).missing()):
            yield from ([*named[share::count], f"--runtimes={name}"] for share in range(count))
    yield from ([folder] for folder in APART)
    yield [UNIT, *(f"--ignore={folder}" for folder in APART)]
    yield [REPLAY]
    files = (file for file in glob.glob(f"{E2E}/test_*.py") if os.path.basename(file) not in conftest.collect_ignore)
    yield from ([file] for file in sorted(files, key=os.path.getsize, reverse=True))


def run(number: int, arguments: Sequence[str], options: Sequence[str], folder: str) -> tuple[int, Counter[str]]:
    """Run one part, print what it said, and return its exit code and what became of its tests."""
    began, place = time.monotonic(), os.path.join(folder, str(number))
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", place, f"--junitxml={place}.xml"]
    with open(f"{place}.out", "w+b") as out:
        code = subprocess.run([*pytest, *options, *arguments], check=False, stdout=out, stderr=out).returncode
        out.seek(0)
        heading = f"\n=== {' '.join(arguments)}: exit code {code} after {time.monotonic() - began:.0f} s\n"
        sys.stdout.buffer.write(heading.encode() + out.read())
    sys.stdout.flush()
    return 0 if code == _NONE else code, _counted(f"{place}.xml")


def _counted(path: str) -> Counter[str]:
    """What became of the tests that a report lists; nothing where there is none."""
    counts: Counter[str] = Counter()
    if os.path.exists(path):
        for suite in ET.parse(path).getroot().iter("testsuite"):
            bad = {word: int(suite.get(word, 0)) for word in ("failures", "errors", "skipped")}
            counts.update(bad, passed=int(suite.get("tests", 0)) - sum(bad.values()))
    return counts


def main(jobs: str, folder: str, *options: str) -> int:
    """Run all, and return 1 where a part failed or none had a test."""
    began = time.monotonic()
    with ThreadPoolExecutor(int(jobs)) as pool:
        futures = [pool.submit(run, number, part, options, folder) for number, part in enumerate(parts())]
        results = [future.result() for future in futures]
    total = sum((counts for _, counts in results), Counter[str]())
    told = ", ".join(f"{total[word]} {word}" for word in ("passed", "skipped", "failures", "errors"))
    print(f"\n=== {told} in {len(results)} parts, {time.monotonic() - began:.0f} s")
    return int(any(code for code, _ in results) or not total["passed"])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
