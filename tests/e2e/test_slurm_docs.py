"""The pages about Slurm: their blocks run as written, on a cluster of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import slurm
from e2e.test_docs import DOCS, README, examples, parts, settled
from engines import remove, short_folder
from proctracker.store import Home


@pytest.fixture(scope="module")
def cluster() -> Iterator[slurm.Cluster]:
    """A cluster of two nodes."""
    why = slurm.missing()
    if why:
        pytest.skip(why)
    made = slurm.Cluster(short_folder())
    try:
        yield made.start()
    finally:
        made.stop()
        remove(made.folder)


@pytest.fixture
def bash(cluster: slurm.Cluster, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bash:
    """A shell that finds proctracker and the cluster."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_CONF", cluster.conf)
    monkeypatch.chdir(tmp_path)
    return Bash()


class Bash:
    """Runs what a page shows."""

    def __call__(self, command: str) -> str:
        return subprocess.run(
            ["bash", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False, timeout=90,
        ).stdout  # fmt: skip


def test_the_how_to(bash: Bash) -> None:
    for language, block in parts(DOCS / "howto-slurm.md"):
        for example in examples(block) if language == "console" else ():
            assert settled(bash(example.command)) == settled(example.output), example.command


def test_the_readme(bash: Bash) -> None:
    section = re.search(r"^## A cluster\n(.*?)^## ", README.read_text(encoding="utf-8"), re.S | re.M)
    assert section is not None
    [block] = re.findall(r"^```sh\n(.*?)^```$", section[1], re.S | re.M)
    printed = bash(f"set -e\n{block}")
    assert "on n1\n" in printed and "error" not in printed
    assert bash("proctracker logs 2_100") == "task 100\n"


def test_the_same_script_everywhere(bash: Bash) -> None:
    script = "echo out; echo err >&2; exit 7"
    told = [
        bash(f"proctracker -c {contact} run -- sh -c '{script}' 2>&1; echo $?; proctracker ps -a --json")
        for contact in ("process", "slurm")
    ]
    for printed in told:
        head, _, rest = printed.partition("7\n")
        assert sorted(head.split()) == ["err", "out"] and '"exit_status": 7' in rest and '"job_state": "FAILED"' in rest
