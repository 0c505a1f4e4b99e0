"""Other users of the machine: what they can rename, plant or leave behind never reaches our jobs, output or files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from people import ANN, THIEF, People

COMMANDS = [
    ("ps",),
    ("submit", "--", "true"),
    ("run", "--", "true"),
    ("logs", "1"),
    ("info", "1"),
    ("wait", "1"),
    ("reap", "1"),
    ("terminate", "1"),
    ("events",),
    ("session", "list"),
    ("array", "1-2", "--", "true"),
]


@pytest.fixture
def home(people: People) -> Path:
    """A state directory of Ann's, with a supervisor that lives as long as its job, in a directory that others may see."""
    os.chmod(people.home(ANN), 0o755)
    return Path(people.home(ANN), "o", "pt")


def _is_refused(people: People, home: Path, told: str, commands: list[tuple[str, ...]] | None = None) -> None:
    for words in commands or COMMANDS:
        done = people.cli(ANN, *words, PROCTRACKER_HOME=str(home))
        assert done.returncode in (1, 125), done
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done
        assert told in done.stderr


@pytest.mark.parametrize("mode", ["777", "757", "775"])
def test_a_directory_above_that_others_can_write_to(people: People, home: Path, mode: str) -> None:
    people.sh(ANN, f"mkdir o; chmod {mode} o")
    if mode == "775":
        os.chown(home.parent, -1, THIEF)
    _is_refused(people, home, f"{home.parent} can be written by others, who could put another {home} in its place")
    assert not home.exists()


def test_a_directory_above_that_is_another_users(people: People, home: Path) -> None:
    people.sh(ANN, "mkdir -p o/pt")
    os.chown(home.parent, THIEF, -1)
    os.chmod(home.parent, 0o755)
    _is_refused(people, home, f"{home.parent} belongs to uid {THIEF} (pt-thief)")
    assert os.listdir(home) == []


def test_a_link_of_another_user(people: People) -> None:
    people.sh(ANN, "mkdir real")
    place = Path(people.folder, "sticky")
    place.mkdir()
    place.chmod(0o1777)
    os.chown(people.home(THIEF), THIEF, -1)
    people.sh(THIEF, f"ln -s {people.home(ANN)}/real {place}/link")
    _is_refused(people, place / "link" / "pt", f"{place}/link belongs to uid {THIEF} (pt-thief)")


def test_what_is_safe_is_used(people: People) -> None:
    """A sticky directory, links of one's own and of root, a group that is one's own, directories of root."""
    place = Path(people.folder, "sticky")
    place.mkdir()
    place.chmod(0o1777)
    people.sh(ANN, f"umask 002; mkdir -p {place}/ann/deep real; ln -s {place}/ann/deep mine")
    os.symlink(f"{people.home(ANN)}/real", place / "of-root")
    for number, home in enumerate(
        (place / "ann" / "deep" / "pt", Path(people.home(ANN), "mine", "pt"), place / "of-root" / "pt")
    ):
        done = people.cli(ANN, "run", "--", "echo", f"hi {number}", PROCTRACKER_HOME=str(home))
        assert (done.returncode, done.stdout, done.stderr) == (0, f"hi {number}\n", "")
        assert home.stat().st_mode & 0o777 == 0o700


def test_root_uses_no_home_below_a_users_directory(people: People) -> None:
    for variables in ({"HOME": people.home(ANN)}, {"PROCTRACKER_HOME": f"{people.home(ANN)}/pt"}):
        done = people.cli(0, "run", "--", "true", **variables)
        assert done.returncode == 125
        assert f"{people.home(ANN)} belongs to uid {ANN} (pt-ann)" in done.stderr
    assert os.listdir(people.home(ANN)) == []


@pytest.mark.parametrize("which", ["", ".", "../pt/run", "here"])
def test_a_living_supervisor_whose_home_others_can_write_to(people: People, home: Path, which: str) -> None:
    assert people.cli(ANN, "submit", "--", "sleep", "60", PROCTRACKER_HOME=str(home)).stdout == "1\n"
    here = home / os.uname().nodename
    folder = {"": home, ".": home.parent, "../pt/run": here / "run", "here": here}[which]
    folder.chmod(0o777)
    # Nobody gets at what is below a directory that is private: it is looked at by those who need it.
    commands = [("submit", "--", "true"), ("run", "--", "true"), ("terminate", "1")] if folder.name == "run" else None
    _is_refused(people, home, f"{folder} can be written by others", commands)
    folder.chmod(0o700)
    assert people.cli(ANN, "terminate", "1", PROCTRACKER_HOME=str(home)).returncode == 0


def test_a_connection_that_was_made_before(people: People, home: Path) -> None:
    script = f"""
import os, proctracker as pt
session = pt.SessionManager(home={str(home)!r}).create_job_session("s", "process")
session.run_job({{"remote_command": "true"}}).wait_terminated()
os.chmod({str(home)!r}, 0o777)
try:
    session.run_job({{"remote_command": "true"}})
except pt.DeniedByDrmsException as error:
    print(error)
"""
    done = people.run(ANN, sys.executable, "-c", script)
    assert f"{home} can be written by others" in done.stdout, done


def test_a_home_that_is_renamed_under_a_living_supervisor(people: People, home: Path) -> None:
    """The thief gets neither output nor jobs, and what it links to stays what it was."""
    gate, victim = Path(people.folder, "gate"), Path(people.home(ANN), "victim")
    people.sh(ANN, "echo precious > victim")
    os.mkfifo(gate)
    gate.chmod(0o666)
    env = {"PROCTRACKER_HOME": str(home)}
    people.cli(ANN, "submit", "--", "sh", "-c", f"read x < {gate}; echo one", **env)
    assert people.cli(ANN, "submit", "--after-any", "1", "--", "echo", "two", **env).stdout == "2\n"
    assert people.cli(ANN, "submit", "--after-any", "2", "--", "sleep", "60", **env).stdout == "3\n"
    home.parent.chmod(0o777)
    kept = f"pt/{os.uname().nodename}/output/0"
    people.sh(THIEF, f"cd {home.parent}; mv pt away; mkdir -p {kept}; ln -s {victim} {kept}/2.1.out")
    gate.write_text("go\n")
    moved = Path(home.parent, "away", os.uname().nodename, "output", "0", "2.1.out")
    people.until(lambda: moved.exists() and moved.read_text() == "two\n")
    assert victim.read_text() == "precious\n"
    assert os.listdir(home.parent / kept) == ["2.1.out"]
    _is_refused(people, home, str(home.parent))


def test_what_is_planted_where_output_is_kept(people: People, home: Path) -> None:
    """Links, hard links, foreign files and directories in a kept file's place: they go, or the job fails and says why."""
    env = {"PROCTRACKER_HOME": str(home)}
    people.sh(ANN, "echo precious > victim")
    assert people.cli(ANN, "run", "--", "echo", "there", **env).returncode == 0
    victim, kept = Path(people.home(ANN), "victim"), Path(home, os.uname().nodename, "output", "0")
    os.symlink(victim, kept / "2.1.out")
    os.link(victim, kept / "3.1.out")
    (kept / "4.1.out").write_text("")
    os.chmod(kept / "4.1.out", 0o666)
    (kept / "5.1.out").mkdir()
    os.mkfifo(kept / "6.1.out")
    for number in (2, 3, 4, 5, 6):
        done = people.cli(ANN, "run", "--", "echo", "hi", **env)
        if done.returncode:
            assert done.returncode == 125, (number, done)
            assert f"{kept}/{number}.1.out" in done.stderr
        else:
            assert done.stdout == (kept / f"{number}.1.out").read_text() == "hi\n"
            assert not (kept / f"{number}.1.out").is_symlink()
    assert victim.read_text() == "precious\n"


@pytest.mark.parametrize("name", ["jobs.db", "run", "output", "starts", "supervisor.log", "run/*.lock", ""])
def test_links_below_the_home_are_not_followed(people: People, home: Path, name: str) -> None:
    env = {"PROCTRACKER_HOME": str(home)}
    assert people.cli(ANN, "run", "--", "echo", "there", **env).returncode == 0
    people.end(ANN)
    here = Path(home, os.uname().nodename)
    place = next(here.glob(name)) if name else here
    away = Path(people.home(ANN), "away")
    people.sh(ANN, f"mv {str(place).rstrip('/')} away; ln -s {away} {str(place).rstrip('/')}")
    before = away.stat().st_size
    done = people.cli(ANN, "run", "--", "true", **env)
    if name != "supervisor.log":
        assert done.returncode == 125, done
        assert str(place) in done.stderr or str(place.parent) in done.stderr
    assert away.stat().st_size == before


def _configured(people: People, uid: int, folder: Path) -> dict[str, str]:
    """Variables of a user whose configuration keeps output there."""
    path = Path(people.home(uid), "config.yaml")
    people.sh(uid, f"echo 'output_dir: {folder}' > {path}")
    return {"PROCTRACKER_CONFIG": str(path)}


@pytest.fixture
def site(people: People) -> Path:
    """A directory for everybody's output."""
    made = Path(people.folder, "site")
    made.mkdir()
    made.chmod(0o1777)
    return made


def test_a_site_wide_directory_for_output(people: People, site: Path) -> None:
    """Two users, and two homes of one user, all with a job 1."""
    users = [(ANN, {}), (THIEF, {}), (ANN, {"PROCTRACKER_HOME": f"{people.home(ANN)}/second"})]
    for number, (uid, more) in enumerate(users):
        env = {**_configured(people, uid, site), **more}
        done = people.cli(uid, "run", "--", "echo", f"{number}", **env)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{number}\n", "")
    for number, (uid, more) in enumerate(users):
        env = {**_configured(people, uid, site), **more}
        assert people.cli(uid, "logs", "1", **env).stdout == f"{number}\n"
        home = more.get("PROCTRACKER_HOME", f"{people.home(uid)}/.local/state/proctracker")
        kept = site / {ANN: "pt-ann", THIEF: "pt-thief"}[uid] / Path(home, "uuid").read_text().strip() / "0" / "1.1.out"
        assert kept.read_text() == f"{number}\n"
        for path in (kept.parent, kept.parent.parent, kept.parent.parent.parent):
            assert path.stat().st_mode & 0o077 == 0
        assert people.cli(uid, "reap", "1", **env).returncode == 0
        assert not kept.exists()


def test_a_thief_that_was_first_in_a_site_wide_directory(people: People, site: Path) -> None:
    people.sh(THIEF, f"mkdir -m 777 {site}/pt-ann")
    done = people.cli(ANN, "run", "--", "echo", "secret", **_configured(people, ANN, site))
    assert (done.returncode, done.stdout) == (125, "")
    assert f"{site}/pt-ann belongs to uid {THIEF} (pt-thief)" in done.stderr
    people.sh(THIEF, f"rmdir {site}/pt-ann; ln -s {people.home(THIEF)} {site}/pt-ann")
    done = people.cli(ANN, "submit", "--", "echo", "secret", **_configured(people, ANN, site))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{site}/pt-ann belongs to uid {THIEF} (pt-thief)" in done.stderr
    assert os.listdir(people.home(THIEF)) == []


def test_a_directory_for_output_that_others_can_change(people: People, site: Path) -> None:
    site.chmod(0o777)
    done = people.cli(ANN, "run", "--", "echo", "secret", **_configured(people, ANN, site))
    assert (done.returncode, done.stdout) == (125, "")
    assert f"{site} can be written by others" in done.stderr
    assert os.listdir(site) == []
    site.chmod(0o1777)
    os.chown(site, THIEF, -1)
    done = people.cli(ANN, "submit", "--", "echo", "secret", **_configured(people, ANN, site))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{site} belongs to uid {THIEF} (pt-thief)" in done.stderr


def test_a_directory_for_output_that_changes_before_the_start(people: People, site: Path) -> None:
    """What was safe at the submit is looked at again; the file that a symlink names stays as it was."""
    env = _configured(people, ANN, site)
    people.sh(ANN, "echo precious > victim")
    assert people.cli(ANN, "submit", "--hold", "--", "echo", "secret", **env).stdout == "1\n"
    mine = site / "pt-ann"
    kept = mine / os.listdir(mine)[0]
    kept.rename(Path(people.folder, "taken"))
    people.sh(THIEF, f"mkdir -p {people.home(THIEF)}/0; ln -s {people.home(ANN)}/victim {people.home(THIEF)}/0/1.1.out")
    os.symlink(people.home(THIEF), kept)
    os.chmod(people.home(THIEF), 0o777)
    people.cli(ANN, "release", "1", **env)
    done = people.cli(ANN, "wait", "1", **env)
    assert done.returncode == 125, done
    told = people.cli(ANN, "info", "1", **env).stdout
    assert f"{people.home(THIEF)} belongs to uid {THIEF}" in told
    assert Path(people.home(ANN), "victim").read_text() == "precious\n"


def test_a_directory_for_output_that_is_missing(people: People) -> None:
    place = Path(people.home(ANN), "nowhere", "out")
    env = _configured(people, ANN, place)
    for words in (("submit", "--", "true"), ("run", "--", "true"), ("array", "1-2", "--", "true")):
        done = people.cli(ANN, *words, **env)
        assert done.returncode == (125 if words[0] == "run" else 1)
        assert done.stderr.startswith(f"proctracker: error: output_dir (configuration): {place.parent}: No such file")
    assert people.cli(ANN, "ps", "-a", "-q", **env).stdout == ""
    script = "import proctracker as pt; pt.run(['true'])"
    done = people.run(ANN, sys.executable, "-c", script, **env)
    assert "InvalidArgumentException: output_dir" in done.stderr
    assert not place.parent.exists()


def _evil(people: People, uid: int, path: Path, mode: str = "644") -> None:
    """A configuration whose default tracker's command leaves a trace."""
    text = f"default_contact: evil\ntrackers: {{evil: {{runtime: podman, command: [touch, {people.folder}/ran/it]}}}}\n"
    people.sh(uid, f"mkdir -p {path.parent}; printf '%s' '{text}' > {path}; chmod {mode} {path}")


@pytest.mark.parametrize(
    ("owner", "mode", "told"),
    [
        (THIEF, "644", "{path} belongs to uid {thief} (pt-thief), not to {ann}"),
        (ANN, "666", "{path} can be written by others"),
        (ANN, "1777", "{above} can be written by others, who could put another {path} in its place"),
    ],
)
@pytest.mark.parametrize("variable", ["PROCTRACKER_CONFIG", "XDG_CONFIG_HOME", "relative", "HOME"])
def test_a_configuration_of_somebody_else(
    people: People, site: Path, owner: int, mode: str, told: str, variable: str
) -> None:
    ran = Path(people.folder, "ran")
    ran.mkdir()
    ran.chmod(0o1777)
    path = site / "c" / (".config/proctracker" if variable == "HOME" else "proctracker") / "config.yaml"
    _evil(people, owner, path, "644" if mode == "1777" else mode)
    if mode == "1777":
        os.chmod(path.parent, 0o777)
    elif owner == THIEF:  # so that the file itself is the first thing that is not Ann's
        for folder in (path.parent, path.parent.parent, site / "c"):
            os.chown(folder, ANN, -1)
    env = {"PROCTRACKER_HOME": f"{people.home(ANN)}/pt"}
    env.update(
        {
            "PROCTRACKER_CONFIG": {"PROCTRACKER_CONFIG": str(path)},
            "XDG_CONFIG_HOME": {"XDG_CONFIG_HOME": f"{site}/c"},
            "relative": {"XDG_CONFIG_HOME": os.path.relpath(site / "c", people.home(ANN))},
            "HOME": {"HOME": f"{site}/c"},
        }[variable]
    )
    wanted = told.format(path=path, above=path.parent, thief=THIEF, ann=ANN)
    if variable == "relative":
        wanted = f"XDG_CONFIG_HOME: '{env['XDG_CONFIG_HOME']}' is relative"
    for words in (("run", "--", "true"), ("submit", "--", "true"), ("categories",), ("doctor",), ("adopt",)):
        done = people.cli(ANN, *words, **env)
        assert done.returncode in (1, 125), done
        assert wanted in (done.stdout if words[0] == "doctor" else done.stderr), done
    script = "import proctracker as pt; pt.run(['true'])"
    assert wanted in people.run(ANN, sys.executable, "-c", script, **env).stderr
    assert os.listdir(ran) == []


def test_sudo_with_the_environment_of_a_user(people: People) -> None:
    """``sudo -E``: root believes no configuration of Ann's, wherever root's own state is."""
    ran = Path(people.folder, "ran")
    ran.mkdir()
    path = Path(people.home(ANN), ".config", "proctracker", "config.yaml")
    _evil(people, ANN, path)
    state = {"PROCTRACKER_HOME": f"{people.folder}/root-state"}
    done = people.cli(0, "run", "--", "true", HOME=people.home(ANN), **state)
    assert done.returncode == 125
    assert f"{people.home(ANN)} belongs to uid {ANN} (pt-ann), who could put another {path} in its place" in done.stderr
    assert os.listdir(ran) == []


def test_configurations_that_are_believed(people: People) -> None:
    """One's own, through one's own link, writable by one's own group, root's, the null device, a descriptor."""
    home = people.home(ANN)
    people.sh(
        ANN,
        "umask 002; mkdir -p .config dotfiles; echo 'max_running: 3' > dotfiles/config.yaml; ln -s ../dotfiles .config/proctracker",
    )
    roots = Path(people.folder, "root.yaml")
    roots.write_text("max_running: 3\n")
    for env in ({}, {"PROCTRACKER_CONFIG": "~/dotfiles/config.yaml"}, {"PROCTRACKER_CONFIG": str(roots)}):
        script = "import os; from proctracker import config; print(config.load(os.environ).max_running)"
        done = people.run(ANN, sys.executable, "-c", script, **env)
        assert (done.returncode, done.stdout) == (0, "3\n"), done
    for name in ("/dev/null", "/dev/fd/0"):
        assert people.cli(ANN, "run", "--", "true", PROCTRACKER_CONFIG=name).returncode == 0
    assert os.listdir(home)
