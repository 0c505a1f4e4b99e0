"""From words to an exit code: every error is one line and no traceback."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.cli.commands import COMMANDS
from proctracker.cli.main import main

module = sys.modules["proctracker.cli.main"]
"""By this name, as the package has the function under the module's."""


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_help(name, capsys):
    assert main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: proctracker {COMMANDS[name].usage}\n")
    assert callable(module._function(COMMANDS[name]))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "no command"),
        (["nosuch"], 2, "no command 'nosuch'"),
        (["sumbit"], 2, "did you mean submit?"),
        (["ps", "--nosuch"], 2, "ps: no option --nosuch"),
        (["ps", "42"], 2, "`proctracker info 42`"),
        (["run"], 125, "name a command"),
        (["wait"], 125, "name jobs"),
        (["wait", "--timeout"], 125, "--timeout takes a value"),
        (["-s", "", "ps"], 2, "the name is empty"),
        (["ps", "--state", "RUNNIG"], 2, "did you mean RUNNING?"),
        (["-s", "a\nb", "submit", "true"], 2, "is no name"),
        (["session", "create", "a\tb"], 2, "is no name"),
        (["info"], 2, "name jobs"),
        (["logs"], 2, "name jobs"),
        (["reap"], 2, "name ended jobs"),
        (["suspend"], 2, "name jobs"),
        (["session", "frobnicate"], 2, "list create set start destroy"),
        (["completion", "tcsh"], 2, "bash, zsh or fish"),
        (["array"], 2, "say which tasks"),
        (["array", "0-3", "true"], 2, "tasks count from 1"),
        (["array", "1-2", "--over", "x", "true"], 2, "'1-2' or --over, not both"),
        (["terminate", "--signal", "NOPE", "--all"], 2, "NOPE is no signal"),
        (["terminate", "--grace", "soon", "--all"], 2, "--grace"),
        (["reap", "--finished", "--older-than", "long"], 2, "--older-than"),
        *(([name, "x"], 2, "one word too many: 'x'") for name in ("top", "categories", "machines", "doctor", "adopt")),
        (["session", "list", "x"], 2, "one word too many: 'x'"),
        (["-c", "podmn", "submit", "true"], 1, "did you mean podman?"),
        *((["-s", "nosuch", name], 1, "no session 'nosuch'") for name in ("ps", "events", "top")),
        *((["-s", "nosuch", name, "1"], 1, "no session 'nosuch'") for name in ("info", "logs", "reap", "resubmit")),
        (["-s", "nosuch", "wait", "1"], 125, "no session 'nosuch'"),
        (["submit", "--after", "", "true"], 2, "--after: an id is missing"),
        (["run", "--after-any", "1,", "true"], 125, "--after-any: an id is missing"),
        (["info", "99"], 1, "no job 99"),
        (["wait", "99"], 125, "no job 99"),
    ],
)
def test_errors_are_one_line_that_says_what_to_do(words, code, told, capsys, home):
    assert main(words) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("proctracker: error: ")
    assert err.count("\n") == 1
    assert told in err


def test_an_error_of_ours_is_one_line_too(capsys, monkeypatch):
    monkeypatch.setattr(module, "_read", lambda *_: 1 / 0)
    assert main(["ps"]) == 1
    assert capsys.readouterr().err == (
        "proctracker: error: of ours: ZeroDivisionError: division by zero (PROCTRACKER_DEBUG=1 tells where)\n"
    )


def test_debug_adds_the_traceback(capsys, monkeypatch):
    monkeypatch.setenv("PROCTRACKER_DEBUG", "1")
    monkeypatch.setattr(module, "_read", lambda *_: 1 / 0)
    assert main(["ps"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_debug_log_tells_where_and_what_was_asked_but_no_secret(home):
    command = [
        sys.executable,
        "-m",
        "proctracker",
        "--debug",
        "-s",
        "night",
        "run",
        "-e",
        "KEY=swordfish",
        "--",
        "true",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    for word in (f"state directory {home.path}, session night, contact -", ": submit, ", "run: version "):
        assert word in done.stderr
    assert "swordfish" not in done.stderr


def test_an_interrupted_command_ends_as_a_shell_expects(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_read", interrupt)
    assert main(["ps"]) == 130


def test_a_reader_that_left_is_no_error(capsys, monkeypatch):
    def closed(*_):
        raise BrokenPipeError

    monkeypatch.setattr(module, "_read", closed)
    assert main(["ps"]) == 141
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_told_of(home):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "proctracker", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "proctracker: error: standard output: No space left on device\n")


def test_closed_descriptors_are_no_one_elses(home):
    code = "import os, sys; os.closerange(0, 3); from proctracker.cli.main import main; sys.exit(main(['version']))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_options_before_and_after_the_command_are_the_same(monkeypatch):
    seen = []
    monkeypatch.setattr(
        module, "_function", lambda command: lambda call: seen.append((call.session, call.contact)) or 0
    )
    main(["-s", "night", "-c", "podman", "ps"])
    main(["ps", "-s", "night", "--contact=podman"])
    monkeypatch.setenv("PROCTRACKER_SESSION", "env")
    main(["ps"])
    assert seen == [("night", "podman"), ("night", "podman"), ("env", None)]


def test_the_words_of_a_job_are_its_own(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "_function", lambda command: lambda call: seen.append((call.words, call.values)) or 0)
    main(["run", "-n", "x", "ls", "-n", "--", "--help"])
    main(["run", "--", "-n"])
    main(["array", "1-3", "-n", "x", "--", "sh", "-c", "true"])
    main(["array", "--over", "f", "sh", "-c"])
    assert seen == [
        (["ls", "-n", "--", "--help"], {"name": "x"}),
        (["-n"], {}),
        (["1-3", "sh", "-c", "true"], {"name": "x"}),
        (["sh", "-c"], {"over": ["f"]}),
    ]


def test_output_that_no_terminal_can_show_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["--help"]) == 0
    sys.stdout.flush()
    assert b"\\u2026" in raw.getvalue()


@pytest.mark.parametrize("given", [{}, {"LC_CTYPE": "C"}, {"LC_CTYPE": "C.UTF-8"}])
def test_a_job_gets_the_locale_we_were_started_with(home, given):
    argv = [sys.executable, "-m", "proctracker", "run", "--", "env"]
    done = subprocess.run(
        argv, env={"PROCTRACKER_HOME": home.path, **given}, capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {name: value for name, value in found.items() if name.startswith("LC_")} == given


def test_a_relative_state_directory_where_the_current_one_was_removed(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("PROCTRACKER_HOME", "state")
    assert [main(words) for words in (["ps"], ["run", "true"])] == [1, 125]
    told = "proctracker: error: state directory state: No such file or directory: make it usable, or set PROCTRACKER_HOME elsewhere\n"
    assert capsys.readouterr() == ("", told * 2)


NUMBERED = """info {} | info 1_{} | wait {}_1 | logs 1_[1-{}] | terminate {} | reap {} | resubmit {} | resubmit --after {} 1
submit --after {} true | session create x --max-running {} | session set default max_running={} | array {} true
array 1-{} true | array 1-9:{} --max-parallel {} true | submit --retries {} true | submit -x retries={} true
logs -n {} 1 | top -n {} | terminate --signal {} 1 | submit --limit DATA_SIZE={}0 true | logs --attempt {} 1
submit --priority {} true | array 1-2 --max-parallel {} true"""


@pytest.mark.parametrize("number", ["9" * 23, "9" * 5000, str(2**63), str(2**31)])
def test_numbers_that_nobody_can_count_to(pt, number):
    pt("session", "create", "default")
    for words in NUMBERED.replace("\n", " | ").split(" | "):
        found = pt(*(word.replace("{}", number) for word in words.split()))
        assert found.code in (1, 2, 125) or "DATA_SIZE" in words, words
        assert found.err.count("\n") == (found.code > 0), words
        assert not any(word in found.err for word in ("of ours", "Overflow", "Exceeds", "SQLite")), words


def test_the_last_contact_and_session_win(pt, monkeypatch):
    monkeypatch.setenv("PROCTRACKER_CONTACT", "podmn")
    assert pt("-c", "podmn", "-s", "a", "submit", "-c", "docker", "-s", "b", "-c", "process", "true").code == 0
    assert pt("-s", "b", "ps", "-a", "-q").out == "1\n"
    assert pt("-s", "a", "-s", "b", "-c", "process", "ps", "-a", "-q").out == "1\n"


def test_the_entry_point_is_what_its_name_says(pt):
    """As shiv looks it up: a module of that name, were there one, would be called."""
    import configparser
    from importlib import import_module
    from importlib.util import find_spec

    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[3] / "setup.cfg")
    _, _, where = config["options.entry_points"]["console_scripts"].strip().partition("=")
    module, _, name = where.strip().partition(":")
    assert getattr(import_module(module), name) is main
    with pytest.raises(ModuleNotFoundError):
        find_spec(f"{module}.{name}")
    assert import_module("proctracker.cli.main") is sys.modules["proctracker.cli"].main
