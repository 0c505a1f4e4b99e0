"""Environment of containers: no value in argv, none changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.errors import UnsupportedAttributeException
from proctracker.runtimes.environment import passed


def test_plain_values_go_into_the_file() -> None:
    found = passed({"A": "x y", "HOME": "/h", "E": "", "HASH": "#a", "EQ": "a=b"}, "/f/env")
    assert found.words == ["--env-file=/f/env"]
    assert found.files == {"/f/env": b"A=x y\nHOME=/h\nE=\nHASH=#a\nEQ=a=b\n"}
    assert found.environ == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A", "a\nb"),
        ("#A", "x"),
        ("A B", "x"),
        ("A", "x" * 70_000),
        ("A", "x\r"),
        ("A", 'say "x"'),
        ("\ufeffA", "x"),
        ("LDAP", "'"),
    ],
)
def test_what_no_line_carries_goes_through_the_clis_environment(name: str, value: str) -> None:
    found = passed({name: value, "B": "1"}, "/f/env")
    assert found.words == ["--env-file=/f/env", f"--env={name}"]
    assert found.files == {"/f/env": b"B=1\n"}
    assert found.environ == {name: value}


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "CONTAINER_HOST",
        "DOCKER_HOST",
        "TMPDIR",
        "XDG_RUNTIME_DIR",
        "LD_PRELOAD",
        "http_proxy",
        "GODEBUG",
        "LC_ALL",
    ],
)
def test_a_name_that_means_something_to_the_cli_never_enters_its_environment(name: str) -> None:
    with pytest.raises(UnsupportedAttributeException, match=f"'{name}'") as caught:
        passed({name: "secret\nvalue"}, "/f/env")
    assert "secret" not in caught.value.message
    quoted = passed({name: 'a "b"'}, "/f/env")
    assert quoted.files == {"/f/env": f'{name}=a "b"\n'.encode()}
    assert quoted.environ == {}


def test_a_pattern_is_no_name() -> None:
    with pytest.raises(UnsupportedAttributeException):
        passed({"A*": "a\nb"}, "/f/env")


def test_what_is_not_utf8_is_refused() -> None:
    for name, value in (("A", "\udcff"), ("\udcff", "a")):
        with pytest.raises(UnsupportedAttributeException, match="UTF-8"):
            passed({name: value}, "/f/env")


def test_nothing_to_pass() -> None:
    assert passed({}, "/f/env") == ([], {}, {})


@given(
    st.dictionaries(
        st.text("ABab#= \n1'", min_size=1).filter(lambda n: "=" not in n), st.text("ab\n\r\"' ü"), max_size=5
    )
)
def test_every_value_arrives_once_and_none_in_argv(environment: dict[str, str]) -> None:
    found = passed(environment, "/f")
    lines = found.files.get("/f", b"").decode().split("\n")[:-1]
    arrived = dict(line.split("=", 1) for line in lines)
    assert {**arrived, **found.environ} == environment
    assert not set(arrived) & set(found.environ)
    assert [word for word in found.words if word.startswith("--env=")] == [f"--env={name}" for name in found.environ]
