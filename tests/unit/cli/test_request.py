"""Options become a template."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from proctracker.cli.call import Call
from proctracker.cli.commands import COMMANDS, GLOBAL
from proctracker.cli.options import OptionReader, UsageError, parse_table
from proctracker.cli.request import keep_stdin, template_of
from proctracker.errors import InvalidArgumentException


def template(*words: str):
    command, values = COMMANDS["run"], {}
    rest = OptionReader(parse_table(command.options + GLOBAL)).read(words, values, mixed=False)
    return template_of(Call(command, values, rest), rest)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ls", "-l"], {"remote_command": "ls", "args": ["-l"]}),
        (["-n", "x"], {"job_name": "x"}),
        (["--image", "i"], {"job_category": "i"}),
        (
            ["-w", "/d", "-o", "out", "--error", "err"],
            {"working_directory": "/d", "output_path": "out", "error_path": "err"},
        ),
        (["-i", "in"], {"input_path": "in"}),
        (["--join", "--hold"], {"join_files": True, "submit_as_hold": True}),
        (["--append"], {"implementation_specific": {"append": True}}),
        (["--priority", "-5"], {"priority": -5}),
        (["--start", "+1h", "--deadline", "+2h"], {"start_time": "+1h", "deadline_time": "+2h"}),
        (
            ["--limit", "cpu_time=60", "--time-limit", "2m"],
            {"resource_limits": {"CPU_TIME": "60", "WALLCLOCK_TIME": 120.0}},
        ),
        (["--after", "1,2", "--after", "3_1"], {"implementation_specific": {"after": ["1", "2", "3_1"]}}),
        (["--after-any", "4"], {"implementation_specific": {"after_any": ["4"]}}),
        (["--rm", "--privileged"], {"implementation_specific": {"rm": True, "privileged": True}}),
        (["--restart", "on-failure:3"], {"implementation_specific": {"restart": "on-failure:3"}}),
        (["--pull", "never"], {"implementation_specific": {"pull": "never"}}),
        (["--hostname", "box"], {"candidate_machines": ["box"]}),
        (["--retries", "2", "--retry-delay", "1s"], {"implementation_specific": {"retries": 2, "retry_delay": "1s"}}),
        (["-v", "/a:/b", "-v", "/c:/d:ro"], {"implementation_specific": {"volumes": ["/a:/b", "/c:/d:ro"]}}),
        (["--device", "/dev/kfd"], {"implementation_specific": {"devices": ["/dev/kfd"]}}),
        (["-p", "80:8080", "-p", "1:2/udp"], {"implementation_specific": {"exposed_ports": "80:8080,1:2/udp"}}),
        (["-u", "me"], {"implementation_specific": {"user": f"{os.getuid()}:{os.getgid()}"}}),
        (["-u", "daemon"], {"implementation_specific": {"user": "daemon"}}),
        (["--memory", "1G", "--cpus", "2"], {"implementation_specific": {"memory_limit": "1G", "cpus": "2"}}),
        (
            ["-x", "rm=true", "-x", "options=a", "-x", "options=b"],
            {"implementation_specific": {"rm": "true", "options": ["a", "b"]}},
        ),
    ],
)
def test_options_are_attributes_and_extensions(words, expected):
    assert template(*words) == expected


def test_variables_come_from_files_then_options_and_from_the_caller(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", "here")
    (tmp_path / "env").write_text("# no\n\nA=1\nB=2=3\n", encoding="utf-8")
    found = template("--env-file", str(tmp_path / "env"), "-e", "A=4", "-e", "MINE")
    assert found["job_environment"] == {"A": "4", "B": "2=3", "MINE": "here"}
    with pytest.raises(InvalidArgumentException, match="NOTMINE is not set here"):
        template("-e", "NOTMINE")
    with pytest.raises(InvalidArgumentException, match="No such file"):
        template("--env-file", str(tmp_path / "nosuch"))


def test_blanks_before_a_name_are_skipped(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", "m")
    (tmp_path / "env").write_text(
        "\ufeffFIRST=1\n   A= x \n\tB=2\n  MINE\t\n  # no\n \n export=3\nC=a=b c\n", encoding="utf-8"
    )
    found = template("--env-file", str(tmp_path / "env"))["job_environment"]
    assert found == {"FIRST": "1", "A": " x ", "B": "2", "MINE": "m", "export": "3", "C": "a=b c"}


@pytest.mark.parametrize(
    "line", ["export X=1", "  export  X=1", "export X", "export\tX=1", "X =1", "=1", "A B=2", "A B"]
)
def test_a_line_that_is_no_variable_is_refused_with_its_place(tmp_path, line):
    (tmp_path / "env").write_text(f"A=1\n\n{line}\n")
    with pytest.raises(InvalidArgumentException) as caught:
        template("--env-file", str(tmp_path / "env"))
    assert f"{tmp_path}/env, line 3: " in caught.value.message
    assert ("a shell's word: write X=VALUE" in caught.value.message) == ("export" in line)


def test_options_win_over_the_file(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(
        '{"remote_command": "a", "job_name": "file", "job_environment": {"X": "1"}, '
        '"input_path": "in", "implementation_specific": {"volumes": ["/a:/b"]}}',
        encoding="utf-8",
    )
    found = template("-t", str(path), "-n", "option", "-e", "Y=2", "-v", "/c:/d", "--no-input")
    assert found["job_name"] == "option"
    assert found["remote_command"] == "a"
    assert found["job_environment"] == {"X": "1", "Y": "2"}
    assert found["implementation_specific"]["volumes"] == ["/a:/b", "/c:/d"]
    assert "input_path" not in found


@pytest.mark.parametrize(
    ("said", "words", "expected"),
    [
        ({"retries": 1, "retry_delay": "9s"}, ["-x", "retries=2"], {"retries": "2", "retry_delay": "9s"}),
        ({"memoryLimit": "1G"}, ["--memory", "2G"], {"memory_limit": "2G"}),
        ({"memory_limit": "1G"}, ["-x", "memoryLimit=2G"], {"memory_limit": "2G"}),
        ({"after": [1]}, ["--after", "2", "-x", "after=3"], {"after": ["2", "3"]}),
        ({"entrypoint": "a"}, ["-x", "entrypoint=b", "-x", "entrypoint=c"], {"entrypoint": ["b", "c"]}),
        ({"options": "--a"}, ["-x", "options=--b"], {"options": ["--a", "--b"]}),
        ({"exposedPorts": "1:1,2:2"}, ["-p", "3:3", "-x", "exposedPorts=4:4"], {"exposed_ports": "1:1,2:2,3:3,4:4"}),
    ],
)
def test_extensions_of_options_win_over_the_files_whatever_their_spelling(tmp_path, said, words, expected):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"implementation_specific": said}), encoding="utf-8")
    assert template("-t", str(path), *words)["implementation_specific"] == expected


@pytest.mark.parametrize(
    ("said", "words", "expected"),
    [
        ({"join_files": True}, ["--error", "e"], {"error_path": "e"}),
        ({"error_path": "e"}, ["--join"], {"join_files": True}),
    ],
)
def test_where_errors_go_is_the_options_to_say(tmp_path, said, words, expected):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    assert template("-t", str(path), *words) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "x"],
        ["--join", "--error", "e"],
        ["-x", "novalue"],
        ["-x", "=v"],
        ["-i", "f", "--no-input"],
        ["--retries", "-1"],
    ],
)
def test_wrong_words(words):
    with pytest.raises(UsageError):
        template(*words)


def test_standard_input_is_kept(home, monkeypatch):
    home.prepare()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * 3_000_000)))
    assert os.path.getsize(keep_stdin(home)) == 3_000_000


def test_standard_input_that_cannot_be_read_is_named(home, monkeypatch):
    home.prepare()
    with open("/proc/self/mem", encoding="ascii") as none:
        monkeypatch.setattr(sys, "stdin", none)  # its first page is no memory
        with pytest.raises(OSError, match="'standard input'"):
            keep_stdin(home)
    assert not os.listdir(home.kept_dir)


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--time-limit", "1:30", "true"],
        ["submit", "--limit", "CPU_TIME=1:30", "true"],
        ["array", "1-2", "--limit", "wallclock_time=1:30", "true"],
        ["submit", "--start", "+1:30", "true"],
        ["submit", "--deadline", "+1:30", "true"],
        ["submit", "--retry-delay", "1:30", "true"],
        ["submit", "-x", "retry_delay=1:30", "true"],
        ["wait", "--timeout", "1:30", "1"],
        ["terminate", "--grace", "1:30", "1"],
        ["reap", "--finished", "--older-than", "1:30"],
    ],
)
def test_a_duration_of_two_parts_is_refused_wherever_one_is_taken(pt, words):
    found = pt(*words)
    assert (found.code > 0, found.out, len(found.err.splitlines())) == (True, "", 1)
    assert "H:MM:SS" in found.err
    assert "90s" in found.err
    assert pt("ps", "-a", "-q").out == ""


def test_a_time_limit_of_0_is_none(pt):
    assert pt("run", "--time-limit", "0", "--", "sh", "-c", "sleep 0.3; echo done") == (0, "done\n", "")
