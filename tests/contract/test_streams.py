"""Streams: separate, live, joined, appended, kept; standard input; what cannot be opened."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

import pytest

import image
import proctracker as pt
from contract.kit import LONG, Kit, cli, state, text, until
from proctracker import runtimes

BOTH = "echo to stdout; echo to stderr >&2"


def test_files_hold_exactly_their_stream(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out, err = str(tmp_path / "out"), str(tmp_path / "err")
    job = session.run_job(kit.script(BOTH, output_path=out, error_path=err))
    info = job.wait_terminated(LONG)
    assert (text(out), text(err)) == ("to stdout\n", "to stderr\n")
    assert (info.output_path, info.error_path) == (out, err)
    assert (job.read_output(), job.read_output("stderr")) == (b"to stdout\n", b"to stderr\n")


def test_one_file_alone_leaves_the_other_stream_kept(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    job = session.run_job(kit.script(BOTH, output_path=str(tmp_path / "out")))
    job.wait_terminated(LONG)
    assert text(tmp_path / "out") == "to stdout\n"
    assert job.read_output("stderr") == b"to stderr\n"


def test_a_file_grows_while_the_job_runs(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    job = session.run_job(kit.script(f"{BOTH}; sleep 600", output_path=str(out), error_path=str(err)))
    until(lambda: out.exists() and text(out) == "to stdout\n" and text(err) == "to stderr\n", "live output")
    job.wait_started(LONG)
    assert state(job) == pt.JobState.RUNNING


def test_output_without_a_path_is_kept(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script(BOTH))
    job.wait_terminated(LONG)
    assert (job.read_output(), job.read_output("stderr")) == (b"to stdout\n", b"to stderr\n")
    assert cli("logs", "--stdout", job.job_id).stdout == "to stdout\n"
    assert cli("logs", "--stderr", job.job_id).stdout == "to stderr\n"
    assert sorted(cli("logs", job.job_id).stdout.splitlines()) == ["to stderr", "to stdout"]


def test_no_output_stays_none_whatever_runs_afterwards(kit: Kit, session: pt.JobSession) -> None:
    first = session.run_job(kit.job("true"))
    first.wait_terminated(LONG)
    for job in session.run_bulk_jobs(kit.job("true"), 1, 3).jobs:
        assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert (first.read_output(), first.read_output("stderr")) == (b"", b"")
    assert cli("logs", first.job_id).stdout == ""


def test_kept_output_is_read_while_the_job_runs(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("echo first; sleep 600"))
    until(lambda: job.read_output() == b"first\n", "live output")
    assert cli("logs", job.job_id).stdout == "first\n"


def test_logs_follow_ends_with_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("for i in 1 2 3; do echo $i; sleep 0.2; done"))
    assert cli("logs", "-f", job.job_id).stdout == "1\n2\n3\n"
    assert job.wait_terminated(LONG).exit_status == 0


def test_logs_of_the_last_lines(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("seq 1 100"))
    job.wait_terminated(LONG)
    assert cli("logs", "-n", "2", job.job_id).stdout == "99\n100\n"


def test_logs_of_the_last_lines_of_both_streams(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("for i in 1 2 3; do echo o$i; sleep 0.1; echo e$i >&2; sleep 0.1; done"))
    job.wait_terminated(LONG)
    last = ["e2", "e3", "o3"] if runtimes.get(kit.runtime).keeps_logs else ["e1", "e2", "e3"]
    assert sorted(cli("logs", "-n", "3", job.job_id).stdout.split()) == last
    assert sorted(cli("logs", "-f", "-n", "3", job.job_id).stdout.split()) == last
    assert cli("logs", "-n", "2", "--stdout", job.job_id).stdout == "o2\no3\n"


def test_logs_with_times(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("echo first; sleep 2.5; echo second"))
    info = job.wait_terminated(LONG)
    if not runtimes.get(kit.runtime).keeps_logs:
        done = cli("logs", "-t", job.job_id)
        assert (done.returncode, done.stdout) == (1, "")
        assert "its output is in files, which hold no times of lines" in done.stderr
        return
    assert [line.split()[-1] for line in cli("logs", "-t", job.job_id).stdout.splitlines()] == ["first", "second"]
    assert cli("logs", "-t", job.job_id).stdout.startswith("20")
    assert info.finish_time is not None
    since = (info.finish_time - datetime.timedelta(seconds=1.2)).isoformat()
    assert cli("logs", "--since", since, job.job_id).stdout == "second\n"
    assert cli("logs", "--since", "1h", "-n", "1", "-t", job.job_id).stdout.split()[1:] == ["second"]


def test_joined_streams_keep_their_order(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out = str(tmp_path / "both")
    script = "for i in 1 2 3; do echo o$i; echo e$i >&2; done"
    session.run_job(kit.script(script, output_path=out, join_files=True)).wait_terminated(LONG)
    found, ordered = text(out).split(), ["o1", "e1", "o2", "e2", "o3", "e3"]
    if kit.runtime in ("ctr", "nerdctl", "docker"):
        # These have a pipe for each stream: what comes out of which first is chance.
        found, ordered = sorted(found), sorted(ordered)
    assert found == ordered


@pytest.mark.parametrize("removed", [False, True])
def test_joined_streams_without_a_path_are_one_output(kit: Kit, session: pt.JobSession, removed: bool) -> None:
    template = kit.script("echo out; echo err >&2", join_files=True)
    job = session.run_job(kit.extended(template, rm=True) if removed and kit.containers else template)
    job.wait_terminated(LONG)
    if removed and kit.containers:
        until(lambda: f"-{job.job_id}-1" not in kit.listed(), "the removal")
    assert sorted(job.read_output().split()) == [b"err", b"out"]
    assert job.read_output("stderr") == b""
    assert sorted(cli("logs", job.job_id).stdout.split()) == ["err", "out"]
    assert cli("logs", "--stderr", job.job_id).stdout == ""


def test_an_output_file_is_truncated(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("something longer from before\n")
    session.run_job(kit.script("echo new", output_path=str(out))).wait_terminated(LONG)
    assert text(out) == "new\n"


def test_an_output_file_is_appended_to_when_asked(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("before\n")
    session.run_job(kit.extended(kit.script("echo after", output_path=str(out)), append=True)).wait_terminated(LONG)
    assert text(out) == "before\nafter\n"


def test_an_input_file_is_read_to_its_end(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("one\ntwo\n")
    out = str(tmp_path / "out")
    job = session.run_job(kit.job("cat", input_path=str(tmp_path / "in"), output_path=out))
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert text(out) == "one\ntwo\n"


def test_all_of_a_big_input_comes_out_again(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    given = bytes(range(256)) * 1000
    (tmp_path / "in").write_bytes(given)
    jobs = [session.run_job(kit.job("cat", input_path=str(tmp_path / "in"))) for _ in range(4)]
    session.wait_all_terminated(jobs)
    assert [job.read_output() == given for job in jobs] == [True] * 4


def test_an_input_from_nowhere_is_the_end_of_file(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("cat; echo over", input_path=os.devnull))
    assert (job.wait_terminated(LONG).exit_status, job.read_output()) == (0, b"over\n")


def test_without_an_input_there_is_the_end_of_file(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("cat; echo end"))
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert job.read_output() == b"end\n"


def test_the_output_of_one_is_the_input_of_the_next(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    between = str(tmp_path / "between")
    session.run_job(kit.script("seq 1 5", output_path=between)).wait_terminated(LONG)
    job = session.run_job(kit.job("wc", "-l", input_path=between))
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert job.read_output().strip() == b"5"


@pytest.mark.parametrize("attribute", ["output_path", "error_path"])
def test_input_equal_to_output_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path, attribute: str) -> None:
    path = tmp_path / "same"
    path.write_text("precious\n")
    with pytest.raises(pt.InvalidArgumentException, match="same"):
        session.run_job(kit.job("cat", input_path=str(path), **{attribute: str(path)}))
    assert session.get_jobs() == []
    assert text(path) == "precious\n"


def test_input_that_is_the_output_by_another_name_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious\n")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(pt.InvalidArgumentException):
        session.run_job(kit.job("cat", input_path=str(tmp_path / "file"), output_path=str(tmp_path / "link")))
    assert text(tmp_path / "file") == "precious\n"


@pytest.mark.parametrize("attribute", ["output_path", "error_path", "input_path"])
def test_a_path_in_a_missing_directory_is_refused(
    kit: Kit, session: pt.JobSession, tmp_path: Path, attribute: str
) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="missing"):
        session.run_job(kit.job("true", **{attribute: str(tmp_path / "missing" / "file")}))
    assert session.get_jobs() == []


def test_an_output_that_is_a_directory_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    with pytest.raises(pt.InvalidArgumentException):
        session.run_job(kit.job("true", output_path=str(tmp_path)))
    assert session.get_jobs() == []


def test_ten_megabytes_arrive_whole(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    script = "dd if=/dev/zero bs=1000000 count=10 2>/dev/null; dd if=/dev/zero bs=1000 count=3 >&2 2>/dev/null"
    session.run_job(kit.script(script, output_path=str(out), error_path=str(err))).wait_terminated(LONG)
    assert (os.path.getsize(out), os.path.getsize(err)) == (10_000_000, 3_000)


def test_output_that_nobody_reads_does_not_stop_the_job(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("yes 0123456789 | head -c 2200000"))
    assert job.wait_terminated(LONG).job_state == pt.JobState.DONE
    assert len(job.read_output()) == 2_200_000


def test_output_is_taken_as_bytes(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script(r"printf '\377\376 no newline'"))
    job.wait_terminated(LONG)
    assert job.read_output() == b"\xff\xfe no newline"


def test_placeholders_in_a_path(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    script = kit.script("echo $TASK_ID", output_path=f"{tmp_path}/{pt.PARAMETRIC_INDEX}.txt")
    session.run_bulk_jobs(script, 1, 2).wait_terminated(LONG)
    assert [text(tmp_path / f"{index}.txt") for index in (1, 2)] == ["1\n", "2\n"]


def test_the_command_fills_in_percent_words(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    image = ["--image", str(kit.image)] if kit.image else []
    words = ["-s", session.session_name, "submit", *image, "-o", f"{tmp_path}/%j-%%.txt", "--", "echo", "hi"]
    job_id = cli(*words).stdout.strip()
    assert cli("wait", job_id).returncode == 0
    assert text(tmp_path / f"{job_id}-%.txt") == "hi\n"


def test_run_shows_the_output_and_exits_with_the_code(kit: Kit, session: pt.JobSession) -> None:
    image = ["--image", str(kit.image)] if kit.image else []
    done = cli("-s", session.session_name, "-c", kit.contact, "run", *image, "--", "sh", "-c", f"{BOTH}; exit 3")
    assert (done.returncode, done.stdout) == (3, "to stdout\n")
    assert "to stderr\n" in done.stderr


def test_run_passes_its_standard_input(kit: Kit, session: pt.JobSession) -> None:
    image = ["--image", str(kit.image)] if kit.image else []
    done = cli("-s", session.session_name, "run", *image, "--", "cat", stdin="from a pipe\n")
    assert (done.returncode, done.stdout) == (0, "from a pipe\n")


def test_captured_output(kit: Kit, home: object) -> None:
    info = pt.run(
        ["sh", "-c", BOTH],
        contact=kit.contact,
        capture_output=True,
        **({"job_category": kit.image} if kit.image else {}),
    )
    assert (info.stdout, info.stderr, info.job_state) == (b"to stdout\n", b"to stderr\n", pt.JobState.DONE)


_ONE = {
    "dot": ("./K", lambda here: None),
    "absolute": ("{here}/K", lambda here: None),
    "symbolic link": ("link", lambda here: (here / "link").symlink_to("K")),
    "hard link": ("hard", lambda here: ((here / "K").touch(), os.link(here / "K", here / "hard"))),
    "later": ("late", lambda here: None),
}
"""A second name of the file K, and how it is made; the last one once the job has been accepted."""


@pytest.mark.parametrize("how", _ONE)
def test_one_file_by_two_names_gets_both_streams_whole(
    kit: Kit, session: pt.JobSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name, make = _ONE[how]
    make(tmp_path)
    script = kit.script(
        "echo a long line of output; sleep 0.2; echo an error >&2; sleep 0.2; echo more",
        output_path="K",
        error_path=name.format(here=tmp_path),
        submit_as_hold=how == "later",
    )
    job = session.run_job(script)
    if how == "later":
        (tmp_path / "K").touch()
        os.link(tmp_path / "K", tmp_path / "late")
        job.release()
    job.wait_terminated(LONG)
    found = text(tmp_path / "K")
    assert sorted(found.splitlines()) == ["a long line of output", "an error", "more"]
    assert job.read_output().decode() == found
    assert sorted(cli("logs", job.job_id).stdout.splitlines()) == sorted(found.splitlines())
    assert job.job_template == pt.JobTemplate(script)


@pytest.mark.parametrize("attribute", ["input_path", "output_path", "error_path"])
@pytest.mark.parametrize("path", ["/dev/std{}", "/dev/fd/1", "/proc/self/fd/0", "link"])
def test_the_supervisors_own_files_are_no_jobs(
    kit: Kit, session: pt.JobSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("/dev/stdout")
    name = path.format("in" if attribute == "input_path" else "out")
    for hold in (False, True):
        with pytest.raises(pt.InvalidArgumentException, match=rf"{attribute}: .*{name} would be its supervisor's own"):
            session.run_job(kit.job("true", submit_as_hold=hold, **{attribute: name}))
    with pytest.raises(pt.InvalidArgumentException, match=attribute):
        session.run_bulk_jobs(kit.job("true", **{attribute: name}), 1, 2)
    assert session.get_jobs() == []


@pytest.mark.parametrize("attribute", ["input_path", "output_path", "error_path"])
def test_an_unknown_placeholder_is_refused(kit: Kit, session: pt.JobSession, tmp_path: Path, attribute: str) -> None:
    with pytest.raises(
        pt.InvalidArgumentException, match=rf"{attribute}: .*: %x is no placeholder: %j is the job's id"
    ):
        session.run_job(kit.job("true", **{attribute: str(tmp_path / "out.%x")}))
    assert session.get_jobs() == []


def test_a_percent_sign_stays(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    session.run_job(kit.script("echo out", output_path=str(tmp_path / "100%%j.%j"))).wait_terminated(LONG)
    [found] = tmp_path.iterdir()
    assert found.name.startswith("100%j.")
    assert text(found) == "out\n"


@pytest.mark.parametrize("way", ["run", "logs", "capture"])
def test_all_output_of_a_container_that_goes_with_its_job(kit: Kit, session: pt.JobSession, way: str) -> None:
    if not kit.image:
        return  # there is nothing that goes
    script = "echo first; echo efirst >&2; sleep 0.3; echo last; echo elast >&2"
    expected = ("first\nlast\n", "efirst\nelast\n")
    for _ in range(4 if kit.name == "podman" else 1):
        if way == "capture":
            info = pt.run(
                ["sh", "-c", script],
                capture_output=True,
                session=session,
                job_category=kit.image,
                implementation_specific={"rm": True},
            )
            assert ((info.stdout or b"").decode(), (info.stderr or b"").decode()) == expected
        elif way == "run":
            done = cli(
                "-s",
                session.session_name,
                "-c",
                kit.contact,
                "run",
                "--image",
                str(kit.image),
                "-x",
                "rm=true",
                "sh",
                "-c",
                script,
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, *expected)
        else:
            job = session.run_job(kit.extended(kit.script(script), rm=True))
            done = cli("logs", "-f", "--stdout", job.job_id)
            assert (done.returncode, done.stdout) == (0, expected[0])


@pytest.mark.parametrize("filed", [False, True], ids=["", "filed"])
def test_an_engines_own_warning_reaches_the_user(
    kit: Kit, session: pt.JobSession, tmp_path: Path, filed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kit.runtime not in ("podman", "docker"):
        return  # they do not look at the platform, or are none
    other = "arm64" if os.uname().machine == "x86_64" else "amd64"
    monkeypatch.setattr(image, "architecture", lambda: other)
    kit.bare("load", "-q", "-i", image.write(str(tmp_path / "other.tar"), "localhost/busybox:other"))
    words = ["-o", str(tmp_path / "out"), "--error", str(tmp_path / "err")] if filed else []
    done = cli(
        "-c", kit.contact, "run", "--image", "localhost/busybox:other", *words, "sh", "-c", "echo out; echo err >&2"
    )
    assert (done.returncode, done.stdout) == (0, "out\n")
    lines = done.stderr.splitlines()
    assert "err" in lines
    assert lines[-1].startswith("proctracker: job ") and "platform" in lines[-1]
    if filed:
        assert (tmp_path / "err").read_text() == "err\n"


def test_a_report_has_the_last_lines_of_what_failed(kit: Kit, session: pt.JobSession) -> None:
    failed = session.run_job(kit.script("seq 1000; echo went wrong >&2; exit 3"))
    joined = session.run_job(kit.script("echo out; echo err >&2; exit 3", join_files=True))
    fine = session.run_job(kit.script("echo fine"))
    session.wait_all_terminated([failed, joined, fine], LONG)
    done = cli("report", "--json", failed.job_id, joined.job_id, fine.job_id)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, third = [job["last_lines"] for job in json.loads(done.stdout)["jobs"]]
    assert first == {"stdout": [str(number) for number in range(981, 1001)], "stderr": ["went wrong"]}
    assert sorted(second["stdout"]) == ["err", "out"] and "stderr" not in second
    assert third is None
