"""Programs of others, from PyPI and unmodified, that import the DRMAA 1 binding: ``tox -e compat`` installs and runs them.

PROCTRACKER_TEST_PROGRAMS is the directory of their commands; without it this module is not collected.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contract.kit import cli, until
from engines import Engine
from proctracker.store import Home

BIN = os.environ["PROCTRACKER_TEST_PROGRAMS"]
LONG = 50.0

WORKFLOW = """
rule all:
    input: "both.txt"
rule one:
    output: "{name}.part"
    shell: "echo {wildcards.name} > {output}"
rule both:
    input: "a.part", "b.part"
    output: "both.txt"
    shell: "cat {input} > {output}"
"""

FAILING = """
rule all:
    input: "good.txt", "bad.txt"
rule good:
    output: "good.txt"
    shell: "echo good > {output}"
rule bad:
    output: "bad.txt"
    shell: "echo no >&2; exit 3"
"""

LASTING = """
rule all:
    output: "late.txt"
    shell: "sleep 1000; touch {output}"
"""

PIPELINE = """
import sys
import drmaa
from ruffus import merge, originate, pipeline_run
from ruffus.drmaa_wrapper import error_drmaa_job, run_job

session = drmaa.Session()
session.initialize()
OPTIONS = sys.argv[1]

def run(command, name):
    out, err = run_job(command, job_name=name, job_other_options=OPTIONS, drmaa_session=session)
    print(name, out, err)

@originate(["a.part", "b.part"])
def one(output):
    run(f"echo {output} > {output}; echo said; echo loud >&2", "one")

@merge(one, "both.txt")
def both(inputs, output):
    run(f"cat {' '.join(inputs)} > {output}; exit {sys.argv[2]}", "both")

pipeline_run(verbose=0, multithread=2)
session.exit()
"""


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "proctracker.compat", "drmaa1", *words]
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    return subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def snakemake(folder: Path, workflow: str) -> subprocess.Popen[str]:
    (folder / "Snakefile").write_text(workflow)
    looks = ["--seconds-between-status-checks", "1", "--latency-wait", "1"]
    return started(folder, "snakemake", "--executor", "drmaa", "-j", "2", "--drmaa-log-dir", "logs", *looks)


def ended(program: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        said, _ = program.communicate(timeout=LONG)
    finally:
        program.kill()
    return program.returncode, said


def job_runs(program: subprocess.Popen[str]) -> None:
    """Wait for a running job; a program that has ended before shows what it said."""
    until(lambda: program.poll() is not None or "RUNNING" in cli("ps").stdout, "the job", LONG)
    assert program.poll() is None, ended(program)


def states() -> dict[str, str]:
    lines = cli("ps", "-a").stdout.splitlines()[1:]
    return {line.split()[2].split(".")[1]: line.split()[3] for line in lines}


def test_snakemake(home: Home, tmp_path: Path) -> None:
    code, said = ended(snakemake(tmp_path, WORKFLOW))
    assert code == 0, said
    assert (tmp_path / "both.txt").read_text() == "a\nb\n"
    assert [*states().values()] == ["DONE", "DONE"] and len(cli("ps", "-a", "-q").stdout.split()) == 3
    assert [each for each in os.listdir(tmp_path / "logs") if each.startswith("snakejob.both")]


def test_snakemake_is_told_of_a_failure(home: Home, tmp_path: Path) -> None:
    code, said = ended(snakemake(tmp_path, FAILING))
    assert code == 1, said
    assert "Error in rule bad" in said and "Error in rule good" not in said
    assert states() == {"good": "DONE", "bad": "FAILED"}


def test_snakemake_is_told_of_a_kill(home: Home, tmp_path: Path) -> None:
    program = snakemake(tmp_path, LASTING)
    job_runs(program)
    assert cli("terminate", "--all").returncode == 0
    code, said = ended(program)
    assert code == 1 and "Error in rule all" in said, said
    assert not (tmp_path / "late.txt").exists()


def test_an_interrupted_snakemake_ends_its_jobs(home: Home, tmp_path: Path) -> None:
    program = snakemake(tmp_path, LASTING)
    job_runs(program)
    program.send_signal(signal.SIGINT)
    code, said = ended(program)
    assert code != 0, said
    until(lambda: not cli("ps", "-q").stdout, "the end of the job")


@pytest.mark.parametrize("status", ["0", "3"])
def test_ruffus(home: Home, tmp_path: Path, status: str) -> None:
    _ruffus(tmp_path, "-e LANG=C", status)


@pytest.mark.parametrize("status", ["0", "3"])
def test_ruffus_on_podman(podman: Engine, home: Home, tmp_path: Path, status: str) -> None:
    _ruffus(tmp_path, f"-c podman --image {podman.image} -v {tmp_path}:{tmp_path}", status)


def _ruffus(folder: Path, options: str, status: str) -> None:
    (folder / "pipeline.py").write_text(PIPELINE)
    code, said = ended(started(folder, os.path.join(BIN, "python"), "pipeline.py", options, status))
    assert (code == 0) is (status == "0"), said
    assert (folder / "both.txt").read_text() == "a.part\nb.part\n"
    assert "one ['said\\n'] ['loud\\n']" in said and ("JobFailed" in said) is (status != "0"), said
