"""The documents: their blocks run as written, pages made from the code's tables, links that lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from contract.kit import cli, until
from e2e.day import submit
from engines import Engine
from proctracker.model import JobInfo, JobTemplate
from proctracker.model.template import EXTENSIONS
from proctracker.store import Home
from proctracker.templates.limits import RLIMITS

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"

ELSEWHERE = ["howto-slurm.md"]
"""Pages whose blocks another test runs, as they need what few machines have."""

PAGES = [
    path.name
    for path in sorted(DOCS.glob("*.md"))
    if re.search(r"^```(console|python)$", path.read_text(encoding="utf-8"), re.M)
    and path.name not in ELSEWHERE
    and ("snakemake" not in path.name or "PROCTRACKER_TEST_PROGRAMS" in os.environ)
]
"""Pages with blocks to run; Snakemake's where `tox -e compat` has installed it."""

VARYING = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+\.\d+s\b", "SECONDS"),
    (r"\b(\w+_time|pid|max_rss): +(at most )?[\d.]+ ?([KM]iB)?", r"\1: NUMBER"),
    (r"[0-9a-f]{64}", "CONTAINER"),
    (r"/\S*/work/", "WORK/"),
    (r"/\S*/output/", "KEPT/"),
    (r" +", " "),
]
"""What differs from one run to the next, and what stands for it when two outputs are compared."""


class Example(NamedTuple):
    """A command and what it prints, as a block of the README shows them."""

    command: str
    output: str


def blocks(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.S | re.M)


def parts(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page: language and text."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)


def promised(program: str) -> list[str]:
    """What the comments of a program say that it prints."""
    return [settled(each) for each in re.findall(r"print\(.*\)  # (.*)$", program, re.M)]


def examples(block: str) -> list[Example]:
    """The commands of a console block; a line that begins with `$ ` is one, ``> `` goes on with it."""
    found: list[Example] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Example(line[2:], ""))
        elif line.startswith("> "):
            found[-1] = Example(f"{found[-1].command}\n{line[2:]}", "")
        else:
            found[-1] = Example(found[-1].command, f"{found[-1].output}{line}\n")
    return found


def settled(output: str) -> str:
    """Output with all that varies replaced."""
    for pattern, word in VARYING:
        output = re.sub(pattern, word, output)
    return "\n".join(line.rstrip() for line in output.splitlines())


def test_the_readme_opens_with_the_two_commands() -> None:
    head = README.read_text(encoding="utf-8").split("\n## ")[0]
    assert "scripts/quickstart" in head and "scripts/test" in head
    for name in ("quickstart", "test"):
        assert os.access(ROOT / "scripts" / name, os.X_OK)


@pytest.mark.parametrize("number", range(len(blocks("console"))))
def test_an_example_of_the_readme(
    podman: Engine, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    podman.cli("tag", podman.image, "docker.io/library/alpine:latest")
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    for example in examples(blocks("console")[number]):
        done = subprocess.run(
            ["bash", "-c", example.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert settled(done.stdout) == settled(example.output), example.command


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_a_program_of_the_readme(podman: Engine, home: Home, tmp_path: Path, number: int) -> None:
    podman.cli("tag", podman.image, "docker.io/library/alpine:latest")
    program = blocks("python")[number]
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert settled(done.stdout).splitlines() == promised(program)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.timeout(300)
def test_the_blocks_of_a_page(
    request: pytest.FixtureRequest, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """From top to bottom, as somebody who types them; what a block calls itself (``# NAME``) it is written to."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if "podman " in text:
        podman: Engine = request.getfixturevalue("podman")
        podman.cli("tag", podman.image, "docker.io/library/alpine:latest")
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    work, variables = tmp_path / "work", tmp_path / "variables"
    work.mkdir()
    monkeypatch.chdir(work)
    for language, block in parts(DOCS / page):
        name = re.match(r"# (\S+)\n", block)
        if name:
            (work / name[1]).write_text(block)
        elif language == "python":
            done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout.splitlines()) == (0, promised(block)), done.stderr
        elif language == "console":
            for example in examples(block):
                # As in one shell: what is exported stays.
                command = f"[ ! -e {variables} ] || . {variables}\n{example.command}\nexport -p >{variables}"
                said = subprocess.run(
                    ["bash", "-c", command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    check=False,
                ).stdout
                assert settled(said) == settled(example.output), example.command


def test_each_block_that_can_run_is_run() -> None:
    runnable = ("console", "python", "sh", "bash", "yaml", "make", "json")
    left = {path.name for path in DOCS.glob("*.md") if any(language in runnable for language, _ in parts(path))}
    assert left - {*PAGES, *ELSEWHERE, "howto-snakemake.md"} == set()
    for name in PAGES:
        for language, block in parts(DOCS / name):
            assert language in ("console", "python", "text", "eval-rst", "toctree") or block.startswith("# "), block


def cells(page: str, column: int = 0) -> set[str]:
    """The words in code type of a column of a page's tables."""
    rows = [line.split("|") for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row[column + 1])}


def test_pages_name_all_there_is() -> None:
    templates = (DOCS / "reference-templates.md").read_text(encoding="utf-8")
    own = ["args", "options", *EXTENSIONS]
    attributes = [name for name in JobTemplate.names() if name != "implementation_specific"]
    assert [name for name in [*attributes, *own] if f"`{name}`" not in templates] == []
    limits = cells("reference-templates.md")
    assert {*RLIMITS, "WALLCLOCK_TIME"} <= {word for each in limits for word in each.split()}
    assert {name for name in JobInfo.names() if name not in ("stdout", "stderr")} <= cells("reference-json.md")
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "proctracker").rglob("*.py"))
    read = set(
        re.findall(
            r"environ(?:b|\.get\()?\W{1,3}(PROCTRACKER_(?!COMPAT_PATH|DURABILITY|STANDS_IN|IMPORTING)\w+)", source
        )
    )
    assert len(read) > 3 and read <= cells("reference-environment.md")
    assert {"JOB_ID", "TASK_ID", "TASK_ITEM"} <= cells("reference-environment.md")


def test_docstrings_cite_files_that_are_there() -> None:
    cited = {
        (path.name, name)
        for path in (ROOT / "proctracker").rglob("*.py")
        for name in re.findall(r"[\w./-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert [each for each in cited if not (ROOT / each[1]).exists()] == []


def test_the_page_of_states_is_as_the_code_has_them() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "states")], capture_output=True, text=True, check=True
    ).stdout
    page = ROOT / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == made, "run: scripts/states >docs/states.md"


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", link)]
    missing = [link for link in links if link and not (ROOT / page).parent.joinpath(link).exists()]
    assert missing == []
    assert text.startswith("# ")


def test_each_sentence_of_the_page_on_security_is_tried() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    sentences = [line for line in page.splitlines() if line.startswith("* ")]
    named = [re.findall(r"`((?:unit|contract|e2e)/[\w/]+\.py)(?:::(\w+))?`", line) for line in sentences]
    assert [line for line, tests in zip(sentences, named) if not tests] == []
    for path, test in {each for tests in named for each in tests}:
        text = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in text, f"{path}::{test}"


def test_the_table_of_exit_codes_has_a_failure_whose_code_is_0(home: Home) -> None:
    row = next(line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| 125 |"))
    assert "FAILED with no code but 0" in row
    job = submit("--", "sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    until(lambda: cli("logs", job).stdout == "ready\n", "the trap")
    assert cli("terminate", job).returncode == 0
    assert cli("wait", job).returncode == 125
