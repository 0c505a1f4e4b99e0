"""Jobs by id, here and on other hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.store import Home, Reader, Store
from proctracker.tracker.hosts import Hosts
from stores import submit


@pytest.fixture
def two_hosts(tmp_path: Path) -> tuple[Hosts, str, str]:
    """The stores of a home with a job of this host and one of another."""
    mine, other = Store(Home(str(tmp_path))), Store(Home(str(tmp_path), "login1"))
    ids = (submit(mine, host=mine.home.host)[0].id, submit(other, host="login1", tasks=2)[0].id)
    mine.close()
    other.close()
    return (Hosts(Reader(Home(str(tmp_path)))), *ids)


def test_rows_are_found_wherever_they_are(two_hosts: tuple[Hosts, str, str]) -> None:
    hosts, mine, theirs = two_hosts
    assert {*hosts.rows([mine, theirs])} == {mine, theirs}
    assert hosts.of(hosts.row(theirs).host).home.host == "login1"
    assert hosts.of(hosts.row(mine).host) is hosts.of(None) is hosts.own
    assert hosts.spec(hosts.row(theirs))["name"] == "night"


def test_arrays_are_found_wherever_they_are(two_hosts: tuple[Hosts, str, str]) -> None:
    hosts, _, theirs = two_hosts
    found = hosts.array(theirs.partition("_")[0])
    assert found is not None
    assert found[1] is hosts.of("login1")
    assert all(hosts.array(word) is None for word in ("x", "4711", "9" * 30, ""))


def test_an_unknown_id_is_told(two_hosts: tuple[Hosts, str, str]) -> None:
    for name in ("4711", "x", ""):
        with pytest.raises(InvalidArgumentException, match=f"no job {name}"):
            two_hosts[0].row(name)


def test_another_hosts_job_says_where_to_go(two_hosts: tuple[Hosts, str, str]) -> None:
    hosts, mine, theirs = two_hosts
    assert hosts.elsewhere([mine], "wait") is None
    there, nowhere = hosts.elsewhere([mine, theirs], "wait"), hosts.elsewhere(["77"], "wait")
    assert isinstance(there, DrmCommunicationException)
    assert str(there) == f"job {theirs} is on login1: ssh login1 proctracker wait {theirs}"
    assert isinstance(nowhere, InvalidArgumentException)


def test_each_store_is_opened_once_and_again_after_it_was_closed(two_hosts: tuple[Hosts, str, str]) -> None:
    hosts, mine, theirs = two_hosts
    assert [*hosts.others()] == [*hosts.others()] == [hosts.of("login1")]
    hosts.close()
    assert {*hosts.rows([theirs, mine])} == {mine, theirs}
