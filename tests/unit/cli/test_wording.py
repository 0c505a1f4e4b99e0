"""What is wrong is told in the words it was given in: options here, attributes in Python and in template files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import proctracker
from proctracker.cli import wording
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import parse_table
from proctracker.errors import InvalidArgumentException
from proctracker.model import EXTENSIONS, JobTemplate

ROOT = Path(proctracker.__file__).parent
PYTHONS = ("runtimes", "templates", "tracker", "model", "sessions", "supervisor", "store")
"""Where what is raised may be seen in Python and on the command line."""
OPTIONS = {name for option in parse_table(COMMANDS["array"].options) for name in option.names if name.startswith("--")}
ENGINES = {"--cap-add", "--network", "--user", "--hostname"}
"""Options of ours that engines have too: where these are named, an engine's are meant."""

PODMAN = ["-c", "podman", "submit", "--image", "x"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["submit", "--memory", "much"], "--memory: 'much' is no size"),
        (["submit", "--memory", "1G"], "--memory: process cannot honour it here: .* by --limit: VIRTUAL_MEMORY in KiB"),
        (["submit", "--cpus", "none"], "--cpus: "),
        (["submit", "--image", "x"], "--image: process cannot honour it: .* podman"),
        (["-c", "podman", "submit"], "--image: the image is missing"),
        (["submit", "--limit", "FOO=1"], "--limit: no limit 'FOO'"),
        (["submit", "--limit", "CPU_TIME=1:30"], "--limit CPU_TIME: '1:30' may mean"),
        (["submit", "--time-limit", "1:30"], "--time-limit: '1:30' may mean"),
        (["submit", "-o", "/nonexistent/x"], "--output: /nonexistent/x: there is no directory"),
        (["submit", "--error", "%q"], "--error: %q: %q is no placeholder"),
        (["submit", "-i", "/nonexistent"], "--input: /nonexistent: No such file"),
        (["submit", "-w", "/nonexistent"], "--workdir: /nonexistent: no such"),
        (["array", "1-3", "-o", "x"], "--output: every task would write x"),
        (["submit", "-o", "/proc/self/fd/1"], "--output: /proc/self/fd/1 would be its supervisor's own"),
        (["submit", "--start", "soon"], "--start: a time "),
        (["submit", "--deadline", "2001-01-01T00:00"], "--deadline: the deadline is over"),
        (["submit", "--retry-delay", "x"], "--retry-delay: 'x' is no duration"),
        (["submit", "-x", "volums=a"], r"--ext: no extension 'volums' \(did you mean volumes\?\)"),
        (["submit", "-x", "retries=many"], "--ext retries: a whole number"),
        (["submit", "-x", "retry_delay=x"], "--ext retry_delay: 'x' is no duration"),
        (["submit", "--rm"], "--rm: process cannot honour it"),
        (["submit", "--hostname", "h"], "--hostname: process cannot honour it"),
        (["submit", ""], "the command: empty"),
        ([*PODMAN, "-v", "x"], "--volume: 'x' is not SOURCE"),
        ([*PODMAN, "-v", "/nonexistent:/x"], "--volume: /nonexistent: no such"),
        ([*PODMAN, "-p", "x"], "--publish: 'x' is not"),
        ([*PODMAN, "-p", "1:1", "--network", "host"], "--publish: nothing can be published with network host"),
        ([*PODMAN, "--restart", "always", "-o", "/tmp/x"], "--restart: .* leave out --output, .*; or use --retries"),
        ([*PODMAN, "--pull", "often"], "--pull: one of missing, always, never"),
        ([*PODMAN, "--limit", "VIRTUAL_MEMORY=1"], "--limit: VIRTUAL_MEMORY .*; use --memory"),
        ([*PODMAN, "-w", "x"], "--workdir: x: a container's is absolute"),
        ([*PODMAN, "-x", "options=--rm"], "--ext options: --rm: .* use --rm"),
        ([*PODMAN, "-x", "options=-it"], "--ext options: -it: .* use --input, --output and --error"),
    ],
)
def test_the_command_line_is_told_of_options(pt, words, said):
    given = words if words[-1:] == [""] else [*words, "true"]
    found = pt(*given)
    assert found.code == 1, found
    assert re.match(f"proctracker: error: {said}", found.err), found.err
    names = [name for name in (*EXTENSIONS, *JobTemplate.names()) if "_" in name]
    plain = found.err.replace("--ext retry_delay", "")
    assert [name for name in names if re.search(rf"\b{name}\b", plain)] == []


def test_a_template_file_is_told_of_attributes_and_by_name(pt, tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text("implementation_specific: {memory_limit: 1G}\nresource_limits: {CPU_TIME: 1}\n", encoding="utf-8")
    found = pt("submit", "-t", str(path), "true")
    assert found.err.startswith(f"proctracker: error: {path}: memory_limit: process cannot honour it")
    assert "resource_limits: VIRTUAL_MEMORY" in found.err
    assert pt("submit", "-t", str(path), "--memory", "x", "true").err.startswith("proctracker: error: --memory: 'x'")
    found = pt("submit", "-t", str(path), "-o", "/nonexistent/x", "-x", "memory_limit=2G", "true")
    assert "error: --ext memory_limit: process" in found.err


def test_resubmit_names_options(pt):
    pt("run", "true")
    pt("submit", "--after", "1", "true")
    pt("wait", "2")
    found = pt("resubmit", "2")
    assert (found.code, found.out) == (1, "")
    assert "say --after 1" in found.err


def test_every_option_that_is_named_there_is():
    known = {name[2:] for name in OPTIONS}
    assert set(wording.ATTRIBUTES.values()) <= known
    assert set(wording.ATTRIBUTES) <= {*EXTENSIONS, *JobTemplate.names()}


def test_the_other_words_of_an_error_stay():
    error = InvalidArgumentException("after: no job output_path.txt: x-error_path")
    assert str(wording.told(error, {})) == "--after: no job output_path.txt: x-error_path"
    assert isinstance(wording.told(error, {}), InvalidArgumentException)


def test_nothing_that_python_is_told_names_an_option():
    found = [f"{path.name}: {text}" for path in _modules() for text in _raised(path) if _options(text)]
    assert found == []


def _modules():
    return sorted(path for part in PYTHONS for path in (ROOT / part).rglob("*.py"))


def _raised(path):
    """What a module's errors say, and the words that tables of refusals hold."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and str(getattr(node.func, "id", "")).endswith("Exception"):
            yield "".join(str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\buse |\bsay ", node.value):
            yield node.value if "\n" not in node.value else ""


def _options(text):
    return set(re.findall(r"(?<![\w-])--[a-z-]+", text)) & (OPTIONS - ENGINES)
