"""What a job gets from its caller."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator

import pytest

from proctracker.tracker.surroundings import Surroundings, is_named, key_of


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o027)
    yield
    os.umask(old)


def test_a_context_says_it_all(umask: None) -> None:
    key, context = Surroundings().now({"A": "1"}, {"B": "2"})
    assert (context["env"], context["job_env"], context["umask"]) == ({"A": "1"}, {"B": "2"}, 0o027)
    assert context["limits"]["NOFILE"] == list(resource.getrlimit(resource.RLIMIT_NOFILE))
    assert (context["nice"], context["affinity"]) == (os.nice(0), sorted(os.sched_getaffinity(0)))
    with open("/proc/self/oom_score_adj", encoding="ascii") as file:
        assert context["oom_score_adj"] == int(file.read())
    assert key == key_of(context)


def test_the_umask_is_read_beside_other_threads_too(umask: None) -> None:
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        assert Surroundings().now({})[1]["umask"] == 0o027
    finally:
        stop.set()
        other.join()
    assert os.umask(0o027) == 0o027


def test_the_same_is_not_made_twice() -> None:
    here = Surroundings()
    first = here.now(os.environ)
    assert here.now(os.environ) is first
    assert here.now(os.environ, {"A": "1"}) is here.now(os.environ, {"A": "1"})
    assert here.now(os.environ, {"A": "2"})[0] != here.now(os.environ, {"A": "1"})[0]


def test_every_change_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Surroundings()
    keys = [here.now(os.environ)[0]]
    monkeypatch.setenv("SOMETHING", "new")
    keys.append(here.now(os.environ)[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    try:
        keys.append(here.now(os.environ)[0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    old = os.umask(0o077)
    keys.append(here.now(os.environ)[0])
    os.umask(old)
    assert len(set(keys)) == 4
    assert here.now(os.environ)[0] == keys[1]


def test_a_job_does_not_hand_on_which_job_it_is() -> None:
    ours = {"PROCTRACKER_JOB": "u/1/1", "JOB_ID": "1", "TASK_ID": "2", "PROCTRACKER_SESSION": "s", "A": "b"}
    assert Surroundings().now(ours)[1]["env"] == {"A": "b"}
    assert Surroundings().now({"JOB_ID": "gridengine's"})[1]["env"] == {"JOB_ID": "gridengine's"}


def test_containers_do_not_get_the_callers_environment() -> None:
    here = Surroundings()
    key, context = here.now({"SECRET": "s"}, {"B": "2"}, containers=True)
    assert (context["env"], context["job_env"]) == ({}, {"B": "2"})
    assert here.now({"SECRET": "s"}, {"B": "2"})[0] != key


def test_bytes_that_are_no_text_have_a_key() -> None:
    key, context = Surroundings().now({"A": os.fsdecode(b"\xff")})
    assert len(key) == 32
    assert context["env"]["A"] == "\udcff"


def test_keys_of_older_releases_are_known() -> None:
    context = {"umask": 18, "env": {"A": "é"}}
    old = "d97525cf72552e5d26ca033614c86d031befcb9fe362628ddc05d0564deef805"
    assert is_named(context, old)
    assert is_named(context, key_of(context))
    assert not any(is_named({**context, "umask": 2}, key) for key in (old, key_of(context), ""))


def test_many_job_environments_do_not_pile_up() -> None:
    here = Surroundings()
    for number in range(200):
        here.now({}, {"N": str(number)})
    assert len(here._known) <= 66
