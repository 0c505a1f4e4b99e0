"""Template files."""

from __future__ import annotations

from pathlib import Path

import pytest

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
