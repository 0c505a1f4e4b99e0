"""Bad input and bad places: full disks, foreign state, long paths, odd names, big arguments, templates that mean nothing."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, cli, text, until
from e2e.day import kill, one_line, running, seat, submit
from proctracker.store import Home

ODD = [
    "two words",
    'it\'s "quoted"',
    "new\nline",
    "tab\tand \x1b[31mred",
    "b\udcffd \udcfe",
    "ümläut ✓",
    "$(touch /tmp/no)",
    "-dash",
]


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of 4 MB."""
    if os.geteuid():
        pytest.skip("only root can mount a small file system")
    path = tmp_path / "small"
    path.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "small", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def small_home(small_disk: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory there."""
    path = small_disk / "state"
    monkeypatch.setenv("PROCTRACKER_HOME", str(path))
    yield path
    (small_disk / "filler").unlink(missing_ok=True)
    cli("terminate", "--all", "--grace", "0")
    _end(Home(str(path)))


def _end(home: Home) -> None:
    """Have no supervisor left there."""
    from e2e.day import kill, seat

    if os.path.isdir(home.run) and cli("ps", "-a").returncode == 0:
        try:
            kill(*seat(home))
        except (AssertionError, ProcessLookupError):
            return


def _fill(disk: Path) -> None:
    with open(disk / "filler", "wb", buffering=0) as file:
        for size in (1 << 16, 4096, 512, 64, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def test_a_full_disk_refuses_new_jobs_and_names_the_directory(small_disk: Path, small_home: Path) -> None:
    assert cli("run", "--", "true").returncode == 0
    _fill(small_disk)
    done = cli("submit", "--", "true")
    assert done.returncode == 1
    assert str(small_home) in one_line(done)
    (small_disk / "filler").unlink()
    assert cli("run", "--", "true").returncode == 0


def test_an_end_on_a_full_disk_is_not_lost(small_disk: Path, small_home: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    job = submit("-o", "/dev/null", "--error", "/dev/null", "--", "sh", "-c", f"read x < {gate}; exit 7")
    running()
    pid = json.loads(cli("info", "--json", job).stdout)[0]["pid"]
    _fill(small_disk)
    gate.write_text("go\n")
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the job")
    (small_disk / "filler").unlink()
    assert cli("wait", job).returncode == 7


def _full(disk: Path) -> bool:
    return os.statvfs(disk).f_bavail == 0


def test_a_job_that_fills_the_disk(small_disk: Path, small_home: Path) -> None:
    job = submit("--", "sh", "-c", "head -c 20000000 /dev/zero; exit 3")
    assert cli("wait", job).returncode == 3
    assert _full(small_disk)
    assert "the disk is full" in one_line(cli("submit", "--", "true"))
    assert cli("reap", job).returncode == 0
    assert cli("run", "--", "sh", "-c", "head -c 20000000 /dev/zero; exit 4").returncode == 4


def test_a_job_that_takes_every_byte_there_is(small_disk: Path, small_home: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    other = submit("--", "sh", "-c", f"read x < {gate}; exit 4")
    greedy = submit("--", "sh", "-c", "while :; do head -c 1000000 /dev/zero || sleep 0.01; done")
    until(lambda: _full(small_disk), "a full disk")
    gate.write_text("go\n")
    assert cli("wait", other).returncode == 4
    assert cli("terminate", greedy).returncode == 0
    assert cli("wait", greedy).returncode == 143
    _end(Home(str(small_home)))
    _fill(small_disk)
    assert cli("reap", other, greedy).returncode == 0
    assert not _full(small_disk)


def test_a_state_directory_of_someone_else(home: Home, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a directory to someone else")
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o700)
    os.chown(foreign, 12345, 12345)
    for words in (["run", "--", "true"], ["ps"], ["submit", "--", "true"]):
        done = cli(*words, PROCTRACKER_HOME=str(foreign))
        assert done.returncode in (1, 125)
        assert "12345" in one_line(done)
    assert os.listdir(foreign) == []


def test_a_state_directory_that_others_can_write_to(home: Home, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    done = cli("run", "--", "true", PROCTRACKER_HOME=str(shared))
    assert done.returncode == 125
    assert "chmod" in one_line(done)
    with pytest.raises(pt.DeniedByDrmsException):
        pt.SessionManager(home=str(shared)).create_job_session("s")
    assert os.listdir(shared) == []


def test_the_state_is_private(home: Home) -> None:
    assert cli("run", "-e", "SECRET=sesame", "--", "true").returncode == 0
    for folder, folders, files in os.walk(home.path):
        for name in [*folders, *files]:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0, name
    assert os.stat(home.path).st_mode & 0o077 == 0


def test_a_state_path_too_long_for_a_socket(home: Home, tmp_path: Path) -> None:
    path = str(tmp_path / ("long" * 40) / ("way" * 30))
    done = cli("run", "--", "echo", "works", PROCTRACKER_HOME=path)
    assert (done.returncode, done.stdout) == (0, "works\n")
    from e2e.day import kill, seat

    kill(*seat(Home(path)))


@pytest.mark.parametrize("word", ODD)
def test_odd_words_arrive_as_they_are(home: Home, word: str) -> None:
    done = cli("run", "-n", word, "-e", f"ODD={word}", "--", "sh", "-c", 'printf "%s|%s" "$0" "$ODD"', word)
    assert (done.returncode, done.stdout) == (0, f"{word}|{word}")


def test_odd_names_stay_on_their_line(home: Home) -> None:
    for word in ODD:
        submit("-n", word, "--", "true", word)
    cli("wait", "--all")
    lines = cli("ps", "-a").stdout.splitlines()
    assert len(lines) == len(ODD) + 1
    assert not any("\x1b" in line or "\t" in line for line in lines)
    found = json.loads(cli("ps", "-a", "--json").stdout)
    assert sorted(each["job_name"] for each in found) == sorted(ODD)
    assert all(each["job_name"] == each["command"][1] for each in found)


def test_odd_paths(home: Home, tmp_path: Path) -> None:
    for index, word in enumerate(ODD):
        folder = f"{tmp_path}/{index} {word.replace('/', '_')}"
        os.mkdir(folder)
        done = cli("run", "-w", folder, "-o", f"out {word.replace('/', '_')}", "--", "pwd")
        assert done.returncode == 0, done.stderr
        assert text(f"{folder}/out {word.replace('/', '_')}") == f"{folder}\n"


@pytest.mark.parametrize("name", ["two words", 'it\'s "quoted"', "ümläut", "a.b-c_d"])
def test_an_odd_session_name(home: Home, name: str) -> None:
    session = pt.create_job_session(name)
    assert session.run_job({"remote_command": "true"}).wait_terminated(LONG).exit_status == 0
    assert pt.get_job_session_names() == [name]
    assert len(json.loads(cli("-s", name, "ps", "-a", "--json").stdout)) == 1


@pytest.mark.parametrize("name", ["", "new\nline", "\x1b[31m"])
def test_a_session_name_that_is_none(home: Home, name: str) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        pt.create_job_session(name)
    assert pt.get_job_session_names() == []


def test_two_hundred_kilobytes_of_arguments(home: Home) -> None:
    script = 'echo "$# ${#1} ${#200}"'
    done = cli("run", "--", "sh", "-c", script, "sh", *["x" * 1000] * 200)
    assert (done.returncode, done.stdout) == (0, "200 1000 1000\n")


def test_one_argument_longer_than_the_kernel_takes(home: Home) -> None:
    session = pt.create_job_session("s")
    info = session.run_job({"remote_command": "echo", "args": ["x" * 200_000]}).wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 126)


def test_variables_of_several_lines(home: Home, tmp_path: Path) -> None:
    done = cli("run", "-e", "TWO=one\ntwo", "--", "sh", "-c", 'printf %s "$TWO"')
    assert done.stdout == "one\ntwo"
    (tmp_path / "env").write_text("# a comment\n\nA=1 2\nB=it's\n")
    done = cli("run", "--env-file", str(tmp_path / "env"), "--", "sh", "-c", 'printf "%s|%s" "$A" "$B"')
    assert done.stdout == "1 2|it's"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("remote_comand: true\n", ["remote_comand", "remote_command"]),
        ("remote_command: [a, b]\n", ["remote_command"]),
        ("args: 5\n", ["args"]),
        ("- a list\n", ["mapping"]),
        ("remote_command: 'true\n", []),
        ("implementation_specific: {restrat: always}\nremote_command: 'true'\n", ["restrat", "restart"]),
        ("remote_command: 'true'\nresource_limits: {CPU: 1}\n", ["CPU"]),
        ("remote_command: 'true'\nstart_time: yesterday evening\n", ["start_time"]),
    ],
)
def test_a_template_that_means_nothing(home: Home, tmp_path: Path, content: str, names: list[str]) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(content)
    for words in (["template", "check", str(path)], ["submit", "-t", str(path)]):
        done = cli(*words)
        assert done.returncode == 1, words
        line = one_line(done)
        assert all(name in line for name in ["job.yaml", *names]), line
    assert cli("ps", "-a", "-q").stdout == ""


def test_a_template_file_and_options_over_it(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(
        "remote_command: sh\nargs: [-c, 'echo $A $B']\njob_environment: {A: file, B: file}\njob_name: filed\n"
    )
    assert cli("template", "check", str(path)).returncode == 0
    done = cli("run", "-t", str(path), "-e", "B=option")
    assert (done.returncode, done.stdout) == (0, "file option\n")
    assert json.loads(cli("ps", "-a", "--json").stdout)[0]["job_name"] == "filed"


def test_an_unreadable_input(home: Home, tmp_path: Path) -> None:
    done = cli("submit", "-i", str(tmp_path), "--", "cat")
    assert done.returncode == 1
    assert str(tmp_path) in one_line(done)
    assert cli("ps", "-a", "-q").stdout == ""


def test_files_of_a_later_start_are_looked_at_then(home: Home, tmp_path: Path) -> None:
    job = submit("--hold", "-w", str(tmp_path / "later"), "--", "pwd")
    other = submit("--hold", "-w", str(tmp_path / "never"), "--", "pwd")
    (tmp_path / "later").mkdir()
    assert cli("release", job, other).returncode == 0
    assert cli("wait", job).returncode == 0
    assert cli("wait", other).returncode == 125
    assert json.loads(cli("info", "--json", other).stdout)[0]["job_sub_state"] == "start-failed"


@pytest.mark.parametrize(
    "words",
    [
        ["submit", "--env-file", "/dev/zero", "true"],
        ["array", "--over", "/dev/zero", "true"],
        ["template", "check", "/dev/zero"],
        ["submit", "-t", "/dev/zero", "true"],
    ],
)
def test_a_file_without_an_end(home: Home, words: list[str]) -> None:
    done = cli(*words)
    assert done.returncode == 1
    assert "/dev/zero" in one_line(done)
    assert "larger than" in done.stderr


def test_a_configuration_without_an_end(home: Home) -> None:
    done = cli("submit", "--", "true", PROCTRACKER_CONFIG="/dev/zero")
    assert done.returncode == 1
    assert "/dev/zero can be written by others" in one_line(done)


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_template_that_is_a_bomb(home: Home, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(25)
    )
    path.write_text(bomb if name == "a.yaml" else '{"args": ' + "[" * 200_000)
    for words in (["template", "check", str(path)], ["submit", "-t", str(path), "true"]):
        done = cli(*words)
        assert done.returncode == 1
        assert str(path) in one_line(done)
    done = cli("ps", PROCTRACKER_CONFIG=str(path))
    assert done.returncode in (0, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trackers: {x: {runtime: podmn}}", "trackers: x: no runtime 'podmn' (did you mean podman?)"),
        ("default_contact: podmn", "default_contact: no tracker 'podmn' (did you mean podman?)"),
        ("trackers: {x: {runtime: podman, command: [bin/podman]}}", "absolute path is expected, not 'bin/podman'"),
        ("output_dir: out", "output_dir: an absolute path is expected"),
        ("output_dir: ~nobody-has-this-name/out", "output_dir: an absolute path is expected"),
        ("max_running: 1\nmax_running: 2", "line 2: no YAML: 'max_running' is there twice"),
    ],
)
def test_a_configuration_that_means_nothing_is_told_when_it_is_read(
    home: Home, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    done = cli("submit", "--", "true", PROCTRACKER_CONFIG=str(path))
    assert done.returncode == 1
    assert told in one_line(done)
    if text.startswith("max"):
        assert told in cli("doctor", PROCTRACKER_CONFIG=str(path)).stdout


@pytest.mark.parametrize("given", ["~/x", "x", "./x", "~nobody-has-this-name/x"])
def test_no_directory_of_that_name_is_made_here(home: Home, tmp_path: Path, given: str) -> None:
    """A home from ``~`` is expanded; a relative one is refused, and what nobody knows too."""
    here, mine = tmp_path / "here", tmp_path / "mine"
    for folder in (here, mine):
        folder.mkdir()
    words = ["env", f"--chdir={here}", sys.executable, "-m", "proctracker", "run", "--", "true"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(mine), "PROCTRACKER_HOME": given}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert os.listdir(here) == []
    assert done.returncode == (0 if given == "~/x" else 125)
    assert os.listdir(mine) == (["x"] if given == "~/x" else [])
    if given == "~/x":
        from e2e.day import kill, seat

        kill(*seat(Home(str(mine / "x"))))


@pytest.mark.parametrize("words", [["submit", "true"], ["run", "true"], ["ps"]], ids=lambda words: words[0])
def test_a_store_without_what_it_should_have_is_told_of_at_once(home: Home, words: list[str]) -> None:
    assert cli("run", "true").returncode == 0
    kill(*seat(home))
    with contextlib.closing(sqlite3.connect(home.database)) as store:
        store.execute("ALTER TABLE jobs RENAME TO others")
    done = cli(*words)
    assert done.returncode == (125 if words[0] == "run" else 1)
    assert "no such table: jobs: it is no store of this proctracker: move it away" in one_line(done)
