"""Template files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from proctracker import templates
from proctracker.errors import InvalidArgumentException
from proctracker.templates import files

_YAML = """
remote_command: sleep
args: ["5"]
job_environment: {A: "1"}
submit_as_hold: true
implementation_specific: {exposedPorts: "80:8080", rm: true}
"""
_JSON = (
    '{"remote_command": "sleep", "args": ["5"], "job_environment": {"A": "1"}, "submit_as_hold": true,'
    ' "implementation_specific": {"exposedPorts": "80:8080", "rm": true}}'
)


def _write(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    found = templates.load(_write(tmp_path, "a.yaml", _YAML))
    assert found.args == ["5"]
    assert found.implementation_specific == {"exposedPorts": "80:8080", "rm": True}
    assert found == templates.load(_write(tmp_path, "a.JSON", _JSON)) == templates.load(_write(tmp_path, "a", _JSON))


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n"])
def test_an_empty_file_is_an_empty_template(text: str, tmp_path: Path) -> None:
    assert templates.load(_write(tmp_path, "a.yaml", text)).to_dict() == {}


def test_colons_make_no_numbers(tmp_path: Path) -> None:
    text = "resource_limits: {WALLCLOCK_TIME: 1:30:00}\nimplementation_specific: {exposedPorts: 22:22, cpus: 1.5, retries: 0x2}"
    found = templates.load(_write(tmp_path, "a.yaml", text))
    assert found.resource_limits == {"WALLCLOCK_TIME": "1:30:00"}
    assert found.implementation_specific == {"exposedPorts": "22:22", "cpus": 1.5, "retries": 2}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "resource_limits: {WALLCLOCK_TIME: 1:30}", ["H:MM:SS", "90s"]),
        ("a.json", '{"resource_limits": {"WALLCLOCK_TIME": "1:30"}}', ["H:MM:SS", "90s"]),
        ("a.yaml", "implementation_specific: {retry_delay: 1:30}", ["retry_delay", "H:MM:SS", "90s"]),
        ("a.yaml", "start_time: +1:30", ["start_time", "H:MM:SS", "90s"]),
        ("a.yaml", "remote_comand: x", ["no attribute 'remote_comand' (did you mean remote_command?)"]),
        ("a.json", '{"remote_comand": "x"}', ["no attribute 'remote_comand' (did you mean remote_command?)"]),
        ("a.yaml", "args: sleep 5", ["args: a list of texts is expected, not 'sleep 5'"]),
        ("a.yaml", "job_environment: {A: 1}", ["job_environment: text is expected"]),
        ("a.yaml", "implementation_specific: {rm: maybe}", ["rm: true or false is expected, not 'maybe'"]),
        ("a.yaml", "a: 1\nb: c: d\n", ["line 2", "no YAML"]),
        ("a.yaml", "a: !!python/object/apply:os.getpid []", ["line 1", "no YAML"]),
        ("a.yaml", "start_time: 2026-13-45", ["no YAML", "month"]),
        ("a.yaml", b"a: \xff\xfe", ["no YAML"]),
        ("a.yaml", "[a]", ["a mapping of names to values is expected at the top"]),
        ("a.yaml", "1: a", ["a mapping of names to values is expected at the top"]),
        ("a.json", '{"args": [}', ["no JSON", "line 1 column 11"]),
        ("a.json", b'{"args": "\xff"}', ["no JSON"]),
        ("a.json", "", ["no JSON"]),
        ("a.json", "[]", ["a mapping of names to values is expected at the top"]),
    ],
)
def test_what_is_wrong_is_named_with_its_file(name: str, text: str | bytes, words: list[str], tmp_path: Path) -> None:
    path = _write(tmp_path, name, text)
    with pytest.raises(InvalidArgumentException) as caught:
        templates.load(path)
    assert caught.value.message.startswith(path)
    assert all(word in caught.value.message for word in words), caught.value.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match=r"none\.yaml: No such file or directory"):
        files.read(str(tmp_path / "none.yaml"))
    with pytest.raises(InvalidArgumentException, match="Is a directory"):
        files.read(str(tmp_path))


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20)
)
CHAIN = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 150))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", BOMB, "no YAML: its aliases stand for"),
        ("a.yaml", CHAIN, "no YAML for us: its values are nested too deep"),
        ("a.yaml", "args: &a [x, *a]", ", line 1: no YAML: an anchor that refers to itself"),
        ("a.yaml", "a: &a\n  b: {c: *a}", ", line 1: no YAML: an anchor that refers to itself"),
        ("a.yaml", "? &a [*a]\n: x", "no YAML: an anchor that refers to itself"),
        ("a.yaml", "args: [a]\njob_name: x\nargs: [b]\n", ", line 3: no YAML: 'args' is there twice"),
        ("a.yaml", "job_environment: {A: '1', B: '2', A: '1'}", ", line 1: no YAML: 'A' is there twice"),
        ("a.yaml", "args: " + "[" * 101, "no YAML for us: its values are nested too deep"),
        ("a.yaml", "args: " + "[" * 100_000, "nest"),
        ("a.yaml", "- " * 100_000 + "x", "nest"),
        ("a.json", '{"args": ' + "[" * 100_000, "no JSON for us: its values are nested too deep"),
        ("a.json", '{"args": ' + "[" * 120 + "]" * 120 + "}", "no JSON for us: its values are nested too deep"),
        ("a.json", '{"args": ["a"], "args": ["b"]}', "no JSON: 'args' is there twice"),
        ("a.json", '{"implementation_specific": {"rm": true, "rm": false}}', "no JSON: 'rm' is there twice"),
        ("a.json", '{"priority": NaN}', "no JSON: NaN is no number"),
        ("a.json", '{"priority": ' + "9" * 10_000 + "}", ""),
        ("a.yaml", "priority: " + "9" * 10_000, ""),
        ("a.yaml", "#" * files.LARGEST + "\n", "it is larger than 1 MiB"),
    ],
)
@pytest.mark.parametrize("plain", [False, True])
def test_nonsense_ends_soon_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, told: str, plain: bool
) -> None:
    if plain:
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    path = _write(tmp_path, name, text)
    with pytest.raises(InvalidArgumentException) as caught:
        templates.load(path)
    assert caught.value.message.startswith(path)
    assert told in caught.value.message
    assert "\n" not in caught.value.message


def test_aliases_and_merges_within_reason(tmp_path: Path) -> None:
    text = (
        "job_environment: &e {A: '1'}\nargs: [&w word, *w, *w]\nimplementation_specific: {<<: {rm: true}, rm: false}\n"
    )
    found = templates.load(_write(tmp_path, "a.yaml", text))
    assert (found.job_environment, found.args) == ({"A": "1"}, ["word"] * 3)
    assert found.implementation_specific == {"rm": False}


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/urandom"])
def test_a_device_without_an_end(path: str) -> None:
    with pytest.raises(InvalidArgumentException, match=f"{path}: it is larger than 1 MiB"):
        templates.load(path)


def test_a_descriptor_of_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.yaml", "job_name: x")
    fd = os.open(path, os.O_RDONLY)
    assert files.read("called this", fd) == {"job_name": "x"}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
