"""The configuration: which files count, and what each key may be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proctracker import config
from proctracker.config import Category, Config, Tracker
from proctracker.errors import InvalidArgumentException


def _load(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text)
    return config.load({"PROCTRACKER_CONFIG": str(path)})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PROCTRACKER_CONFIG": "/a.yaml", "XDG_CONFIG_HOME": "/x"}, ["/a.yaml"]),
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, ["/etc/proctracker/config.yaml", "/x/proctracker/config.yaml"]),
        (
            {"HOME": "/h", "PROCTRACKER_CONFIG": ""},
            ["/etc/proctracker/config.yaml", "/h/.config/proctracker/config.yaml"],
        ),
        ({}, ["/etc/proctracker/config.yaml", "/.config/proctracker/config.yaml"]),
    ],
)
def test_paths(environ: dict[str, str], expected: list[str]) -> None:
    assert config.paths(environ) == expected


def test_no_file_is_the_defaults(tmp_path: Path) -> None:
    assert config.load({"XDG_CONFIG_HOME": str(tmp_path), "PROCTRACKER_CONFIG": ""}) == Config()


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match=r"missing\.yaml: No such file"):
        config.load({"PROCTRACKER_CONFIG": str(tmp_path / "missing.yaml")})


def test_every_key_is_documented_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(config._KEYS)


def test_every_key(tmp_path: Path) -> None:
    text = """
default_contact: podman
max_running: 4
max_running_host: 8
keep_ended: 10
keep_days: 1.5
output_dir: /scratch/out
output_limit: 2G
cli_timeout: 1m
start_timeout: 90
durability: power
keep_environment: true
trackers:
  scratch: {runtime: podman, command: [/opt/podman, --root, /scratch]}
  plain: {runtime: docker}
categories:
  analysis: {image: "registry.example/analysis:4", options: --device /dev/kfd}
"""
    assert _load(tmp_path, text) == Config(
        default_contact="podman",
        max_running=4,
        max_running_host=8,
        keep_ended=10,
        keep_days=1.5,
        output_dir="/scratch/out",
        output_limit=2 * 2**30,
        cli_timeout=60.0,
        start_timeout=90.0,
        durability="power",
        keep_environment=True,
        trackers={"scratch": Tracker("podman", ("/opt/podman", "--root", "/scratch")), "plain": Tracker("docker", ())},
        categories={"analysis": Category("registry.example/analysis:4", ("--device", "/dev/kfd"))},
    )


def test_the_later_file_wins_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, user = tmp_path / "site.yaml", tmp_path / "user.yaml"
    site.write_text("max_running: 3\nkeep_ended: 7\ntrackers: {a: {runtime: podman}, b: {runtime: podman}}\n")
    user.write_text("max_running: 5\ntrackers: {b: {runtime: docker}}\n")
    monkeypatch.setattr(config, "paths", lambda environ: [str(site), str(tmp_path / "none"), str(user)])
    found = config.load({})
    assert (found.max_running, found.keep_ended) == (5, 7)
    assert {name: each.runtime for name, each in found.trackers.items()} == {"a": "podman", "b": "docker"}


def test_a_home_directory_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert _load(tmp_path, "output_dir: ~/out").output_dir == "/home/ann/out"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_runing: 1", ["no key 'max_runing'", "did you mean max_running?"]),
        ("max_running: -1", ["max_running: a whole number from 0 is expected, not -1"]),
        ("max_running: true", ["max_running: a whole number"]),
        ("keep_ended:", ["keep_ended: a whole number from 0 is expected, not None"]),
        ("keep_days: soon", ["keep_days: a number from 0 is expected, not 'soon'"]),
        ("keep_days: -1", ["keep_days: a number from 0"]),
        ("output_dir: ''", ["output_dir: text is expected"]),
        ("output_dir: out", ["output_dir: an absolute path is expected, not 'out'"]),
        ("cli_timeout: 0", ["cli_timeout: it is 0"]),
        ("start_timeout: 0s", ["start_timeout: it is 0"]),
        ("default_contact: 5", ["default_contact: text is expected, not 5"]),
        ("output_limit: big", ["output_limit: 'big' is no size"]),
        ("cli_timeout: long", ["cli_timeout: 'long' is no duration"]),
        ("durability: forever", ["durability: process or power is expected"]),
        ("keep_environment: 1", ["keep_environment: true or false is expected, not 1"]),
        ("trackers: [a]", ["trackers: a mapping of names to trackers is expected"]),
        ("trackers: {a: {command: [x]}}", ["trackers: a: keys runtime and command are expected"]),
        ("trackers: {a: {runtime: x, commands: [x]}}", ["trackers: a: keys runtime and command"]),
        ("trackers: {a: {runtime: x, command: [1]}}", ["trackers: a list of words is expected"]),
        ("categories: {a: image}", ["categories: a: keys image and options are expected"]),
        ("- a", ["a mapping of names to values is expected at the top"]),
        ("max_running: 1\n  a: [", ["line 2", "no YAML"]),
    ],
)
def test_a_wrong_key_or_value_is_named(text: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        _load(tmp_path, text)
    assert caught.value.message.startswith(str(tmp_path / "config.yaml"))
    for word in words:
        assert caught.value.message.count(word) == 1, caught.value.message
