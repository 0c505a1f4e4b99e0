"""The documents: README's examples as written, pages made from the code's tables, links that lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from engines import Engine
from proctracker.store import Home

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"

VARYING = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+\.\d+s\b", "SECONDS"),
    (r"\b(\w+_time|pid|max_rss): +(at most )?[\d.]+ ?([KM]iB)?", r"\1: NUMBER"),
    (r"[0-9a-f]{64}", "CONTAINER"),
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
    promised = re.findall(r"print\(.*\)  # (.*)$", program, re.M)
    assert settled(done.stdout).splitlines() == [settled(each) for each in promised]


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
