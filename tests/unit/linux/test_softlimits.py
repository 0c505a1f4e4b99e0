"""Soft limits: raised for a supervisor, lent to what it starts."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator

import pytest

from proctracker.linux import softlimits

FILES, STACK = resource.RLIMIT_NOFILE, resource.RLIMIT_STACK


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The soft limits of this process as they were."""
    before = {number: resource.getrlimit(number) for number in softlimits._NUMBERS.values()}
    yield
    for number, pair in before.items():
        resource.setrlimit(number, pair)


def test_all_are_raised_but_core_dumps() -> None:
    hard = resource.getrlimit(FILES)[1]
    resource.setrlimit(FILES, (100, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    core = (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
    resource.setrlimit(resource.RLIMIT_CORE, core)
    softlimits.raise_own()
    assert resource.getrlimit(FILES) == (hard, hard)
    for name, number in softlimits._NUMBERS.items():
        soft, most = resource.getrlimit(number)
        assert soft == (0 if name == "CORE" else most), name


def test_what_can_be_lent() -> None:
    hard = resource.getrlimit(FILES)[1]
    assert softlimits.can_be_lent(None)
    assert softlimits.can_be_lent({"NOFILE": (1000, hard)})
    assert not softlimits.can_be_lent({"NOFILE": (1000, hard - 1)})
    assert not softlimits.can_be_lent({"NOFILE": (3, hard)})
    assert not softlimits.can_be_lent({"CPU": (5, resource.getrlimit(resource.RLIMIT_CPU)[1])})


def test_what_an_engines_command_gets() -> None:
    files, size = resource.getrlimit(FILES)[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    given = {"NOFILE": (1000, files), "FSIZE": (1024, size), "CPU": (9, 9)}
    assert softlimits.of_engines(given) == {"NOFILE": (1000, files)}
    assert softlimits.of_engines(None) == {}


def test_they_are_lent_for_a_moment() -> None:
    before = resource.getrlimit(FILES)
    with softlimits.lent({"NOFILE": (100, before[1])}):
        assert resource.getrlimit(FILES) == (100, before[1])
    assert resource.getrlimit(FILES) == before
    with softlimits.lent(None):
        assert resource.getrlimit(FILES) == before


@pytest.mark.parametrize(
    ("name", "hard", "word"),
    [
        ("NOFILE", 20, r"open files \(ulimit -Hn\) is 20"),
        ("FSIZE", 51200, r"KiB \(ulimit -Hf\) is 50 here, it needs 1024"),
    ],
)
def test_what_a_hard_limit_forbids(monkeypatch: pytest.MonkeyPatch, name: str, hard: int, word: str) -> None:
    assert softlimits.forbidding() is None
    known = {softlimits._NUMBERS[name]: (hard, hard)}
    monkeypatch.setattr(resource, "getrlimit", lambda number: known.get(number, (-1, -1)))
    found = softlimits.forbidding()
    assert found is not None
    with pytest.raises(ValueError, match=word):
        raise ValueError(found)


def test_what_the_system_is_short_of_is_told_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OSError(errno.EAGAIN, "Resource temporarily unavailable")
    monkeypatch.setattr(resource, "getrlimit", lambda number: (50, 60))
    assert softlimits.named(error) == f"{error.strerror} (the limit, ulimit -u, is 50 here)"
    assert softlimits.named(OSError(errno.ENOMEM, "Cannot allocate memory")) == "Cannot allocate memory"
    monkeypatch.setattr(resource, "getrlimit", lambda number: (-1, -1))
    assert softlimits.named(error) == error.strerror
