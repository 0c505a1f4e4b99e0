"""``run``, ``submit`` and ``array``."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import closing

import pytest

from proctracker.store import Reader


def test_run_exits_as_the_job_and_shows_its_streams(pt):
    assert pt("run", "--", "sh", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nosuch-command"], 127, "proctracker: job 1: nosuch-command: command not found\n"),
        (["echo hi | cat"], 127, "shell characters"),
        (["/etc/passwd"], 126, "not executable"),
        (["sh", "-c", "kill -9 $$"], 137, ""),
        (["sh", "-c", "exit 125"], 125, ""),
        (["true"], 0, ""),
    ],
)
def test_exit_codes_of_run(pt, words, code, told):
    found = pt("run", "--", *words)
    assert found.code == code
    assert found.out == ""
    assert told in found.err
    assert bool(told) == bool(found.err)


def test_a_refused_template_is_no_job(pt):
    assert pt("run", "-w", "/nosuch", "true").code == 125
    assert pt("submit", "-w", "/nosuch", "true").code == 1
    assert pt("ps", "-aq").out == ""


def test_an_option_names_the_contact_before_the_template_and_that_before_the_variable(pt, tmp_path, monkeypatch):
    path = tmp_path / "t.json"
    path.write_text('{"implementation_specific": {"contact": "process"}}', encoding="utf-8")
    monkeypatch.setenv("PROCTRACKER_CONTACT", "nosuch")
    assert pt("run", "-t", str(path), "true").code == 0
    assert pt("run", "-x", "contact=process", "true").code == 0
    assert "no tracker 'nosuch'" in pt("run", "true").err
    assert "no tracker 'other'" in pt("run", "-t", str(path), "-c", "other", "true").err


def test_run_shows_files_it_writes_and_only_what_is_new(pt, tmp_path):
    path = tmp_path / "o"
    path.write_text("old\n", encoding="utf-8")
    words = ["run", "-o", str(path), "--append", "--", "sh", "-c"]
    assert pt(*words, "echo more; echo e >&2") == (0, "more\n", "e\n")
    assert path.read_text(encoding="utf-8") == "old\nmore\n"
    words.remove("--append")
    assert pt(*words, "echo new") == (0, "new\n", "")
    assert path.read_text(encoding="utf-8") == "new\n"


def test_every_attempt_is_shown(pt):
    found = pt("run", "--retries", "2", "--", "sh", "-c", "echo $PROCTRACKER_ATTEMPT; exit 4")
    assert (found.code, found.out) == (4, "1\n2\n3\n")


def test_run_passes_files_and_pipes_and_nothing_else(begin, tmp_path):
    (tmp_path / "in").write_text("file\n", encoding="utf-8")
    with (tmp_path / "in").open() as file:
        assert begin("run", "cat", stdin=file).communicate()[0] == "file\n"
    assert begin("run", "cat", stdin=subprocess.PIPE).communicate("pipe\n")[0] == "pipe\n"
    assert begin("run", "--no-input", "cat", stdin=subprocess.PIPE).communicate("pipe\n")[0] == ""
    assert begin("run", "cat").communicate()[0] == ""
    assert begin("run", "-i", "-", "cat", stdin=subprocess.PIPE).communicate("kept\n")[0] == "kept\n"


def test_submit_warns_of_a_pipe_nobody_reads(begin):
    told = "proctracker: standard input is not passed on"
    assert begin("submit", "true", stdin=subprocess.PIPE).communicate("x")[1].startswith(told)
    assert begin("submit", "--no-input", "true", stdin=subprocess.PIPE).communicate("x")[1] == ""
    assert begin("submit", "true").communicate()[1] == ""


def test_submit_does_not_warn_of_a_pipe_that_holds_nothing(begin):
    for close in (True, False):
        process = begin("submit", "cat", stdin=subprocess.PIPE)
        if close:
            process.stdin.close()
            process.stdin = None
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_array_warns_as_submit(begin):
    process = begin("array", "1-2", "cat", stdin=subprocess.PIPE)
    assert "`-i -` keeps it" in process.communicate("x", timeout=20)[1]
    process = begin("array", "--over", "-", "echo", stdin=subprocess.PIPE)
    assert process.communicate("x\ny\n", timeout=20) == ("2\n", "")


def test_a_variable_without_a_name_is_wrong_usage(pt, tmp_path):
    for command, code in (("submit", 2), ("run", 125)):
        found = pt(command, "-e", "=x", "true")
        assert (found.code, found.err) == (
            code,
            "proctracker: error: --env: NAME=VALUE or NAME is expected, not '=x'\n",
        )
    assert pt("submit", "-e", "", "true").code == 2
    (tmp_path / "env").write_text("A=1\n=x\n", encoding="utf-8")
    found = pt("submit", "--env-file", str(tmp_path / "env"), "true")
    assert (found.code, f"{tmp_path}/env, line 2" in found.err) == (1, True)


def test_a_task_with_a_nul_byte_is_refused_at_once(pt, tmp_path):
    (tmp_path / "tasks").write_bytes(b"one\ntw\0o\n")
    found = pt("array", "--over", str(tmp_path / "tasks"), "echo")
    assert (found.code, found.out) == (2, "")
    assert f"{tmp_path}/tasks, line 2 holds a NUL byte" in found.err
    assert pt("ps", "-a", "-q").out == ""


def test_an_absolute_directory_works_in_one_that_was_removed(pt, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert pt("run", "-w", str(tmp_path), "-o", "out", "pwd") == (0, f"{tmp_path}\n", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == f"{tmp_path}\n"
    assert pt("run", "pwd").code == 125
    assert pt("run", "-w", "here", "pwd").code == 125
    assert pt("resubmit", "1").out == "2\n"
    assert pt("wait", "2").code == 0
    monkeypatch.undo()


def test_submit_prints_the_id(pt):
    assert pt("submit", "true") == (0, "1\n", "")
    assert pt("run", "-d", "true") == (0, "2\n", "")


def test_arrays_have_a_task_for_each_number_or_line(pt, tmp_path):
    assert pt("array", "2-6:2", "--", "sh", "-c", "echo $TASK_ID").out == "1\n"
    (tmp_path / "over").write_bytes(b"a b\n\nc\r\n")
    assert pt("array", "--over", str(tmp_path / "over"), "--", "sh", "-c", 'echo "$TASK_ITEM:$1"', "x").out == "2\n"
    assert pt("wait", "1", "2").code == 0
    assert pt("logs", "1", "2").out == "1_2: 2\n1_4: 4\n1_6: 6\n2_1: a b:a b\n2_2: c:c\n"
    (tmp_path / "empty").write_bytes(b"\n\n")
    assert "holds no task" in pt("array", "--over", str(tmp_path / "empty"), "true").err


def test_a_new_session_is_made_of_the_contact_given_and_default_of_the_configured(pt):
    pt("-s", "night", "-c", "process", "submit", "true")
    pt("submit", "true")
    rows = pt("session", "list").out.splitlines()[1:]
    assert [re.split(r" +", row)[:2] for row in rows] == [["default", "process"], ["night", "process"]]


def test_a_job_gets_what_its_caller_has(pt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINE", "a\nb")
    old = os.umask(0o027)
    try:
        assert pt("run", "--", "sh", "-c", 'pwd; umask; echo "$MINE"').out == f"{tmp_path}\n0027\na\nb\n"
    finally:
        os.umask(old)


def test_an_array_that_runs_so_many_at_once_as_slurm_says_it(pt, home):
    array = pt("array", "1-3%2", "--hold", "true").out.strip()
    with closing(Reader(home)) as reader:
        found = reader.array(int(array))
    assert (found.indices, found.max_parallel) == ([1, 2, 3], 2)
    assert pt("array", "1-3%2", "--max-parallel", "1", "true").code == 2
    assert "not 'x'" in pt("array", "1-3%x", "true").err


@pytest.fixture
def table(tmp_path):
    """Lines with two fields each."""
    path = tmp_path / "table"
    path.write_text("a,1\nb c,2\n", encoding="utf-8")
    return str(path)


def test_fields_of_lines_are_put_into_the_command(pt, table):
    pt("array", "--over", table, "--colsep", ",", "--", "sh", "-c", 'echo "$0|$1|$TASK_ITEM"', "{2}-{1}", "{}")
    assert pt("wait", "1").code == 0
    assert pt("logs", "1").out == "1_1: 1-a|a 1|a 1\n1_2: 2-b c|b c 2|b c 2\n"
    assert pt("resubmit", "1").out == "2\n"
    assert pt("resubmit", "1_2").out == "3\n"
    pt("wait", "2", "3")
    assert pt("logs", "2").out == pt("logs", "1").out.replace("1_1:", "2_1:").replace("1_2:", "2_2:")
    assert pt("logs", "3").out == "2-b c|b c 2|b c 2\n"


def test_fields_are_arguments_where_the_command_has_no_place_for_them(pt, table):
    pt("array", "--over", table, "--colsep", ",", "--over", table, "printf", "<%s>")
    assert pt("wait", "1").code == 0
    assert pt("logs", "1_3").out == "<b c><2><a><1>"
    assert pt("ps", "-a", "--columns", "id,command", "--tsv").out.splitlines()[2] == "1_2\tprintf '<%s>' a 1 'b c' 2"


def test_a_first_word_that_a_line_leaves_empty_runs_nothing_else(pt, tmp_path):
    path = tmp_path / "table"
    path.write_text("a,b,true\na,b\n", encoding="utf-8")
    assert pt("array", "--over", str(path), "--colsep", ",", "{3}", "sh").code == 2


def test_an_array_that_is_halted(pt):
    pt("array", "1-40%1", "--halt", "5%", "--", "sh", "-c", "exit $((TASK_ID % 2))")
    found = pt("wait", "1")
    assert found.code == 1
    assert found.err.splitlines()[-1] == "39 of 40 failed: 1_1 1_[3-40]"
    assert "annotation: array 1 was halted: 2 of its tasks have failed\n" in pt("info", "1_40").out


def test_a_run_that_is_not_kept(pt):
    assert pt("run", "--no-keep", "--", "sh", "-c", "echo out; exit 3") == (3, "out\n", "")
    assert pt("ps", "-a", "-q").out == ""
    found = pt("run", "-d", "--no-keep", "true")
    assert found.code == 125
    assert "leave out --detach" in found.err
