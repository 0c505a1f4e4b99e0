"""``nativeSpecification``: our options, and what is said of others'."""

from __future__ import annotations

import warnings

import pytest

from proctracker.compat.drmaa1 import native
from proctracker.errors import InvalidArgumentException


def test_our_options() -> None:
    found = native.attributes("-c podman --image busybox -e 'A=x y' --memory 2G -n night --hold -e PATH=/bin -v /a:/b")
    assert (found["job_category"], found["job_name"], found["submit_as_hold"]) == ("busybox", "night", True)
    assert found["job_environment"] == {"A": "x y", "PATH": "/bin"}
    assert found["implementation_specific"] == {"contact": "podman", "memory_limit": "2G", "volumes": ["/a:/b"]}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("-pe threaded 4", "-pe"),
        ("-l h_vmem=4G", "-l"),
        ("-cwd", "-cwd"),
        ("-V", "-V"),
        ("-b y -n x", "-b"),
        ("-j y", "-j"),
        ("-e /logs", "-e"),
        ("-p -10", "-p"),
        ("-t 1-10", "-t"),
        ("-v A=1,B=2", "-v"),
        ("-N night", "-N"),
    ],
)
def test_grid_engines_options_are_told_by_name(text: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROCTRACKER_COMPAT_LENIENT", raising=False)
    with pytest.raises(InvalidArgumentException, match=rf"nativeSpecification: {word} is Grid Engine's option"):
        native.attributes(text)


@pytest.mark.parametrize("said", ["1", "true", "all", "pe,-V", "-pe -V"])
def test_ignored_where_the_environment_says_so(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTRACKER_COMPAT_LENIENT", said)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert native.attributes("-V -pe smp 4 -n night") == {"job_name": "night"}
    assert [str(each.message).partition(" ")[2] for each in told] == [
        "-V is Grid Engine's option, ignored: -V",
        "-pe is Grid Engine's option, ignored: -pe smp 4",
    ]


@pytest.mark.parametrize("said", ["0", "no", "", "-pe"])
def test_others_are_refused_all_the_same(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTRACKER_COMPAT_LENIENT", said)
    with pytest.raises(InvalidArgumentException, match="-q is Grid Engine's option"):
        native.attributes("-q all.q")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("--ntasks=4", "no option --ntasks"),
        ("--mem 4G", "it is --memory here"),
        ("--priority high", "--priority: a whole number"),
        ("-n 'x", "No closing quotation"),
        ("sleep 4", "'sleep' is no option"),
        ("-i -", "--input"),
        ("-n", "-n takes a value"),
    ],
)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises(InvalidArgumentException, match=f"^nativeSpecification: .*{said}"):
        native.attributes(text)
