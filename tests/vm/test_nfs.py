"""What holds with a home on NFS: the kernel's own server and client, an export of its own for each test."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from vm.guest import IMAGE, Guest

pytestmark = [pytest.mark.timeout(1800), pytest.mark.whole]

EXPORT = """
echo '/srv/nfs 127.0.0.1(rw,no_root_squash,fsid=1,insecure,no_subtree_check)' >/etc/exports.d/test.exports
exportfs -r
"""
UP = """
set -e
mkdir -p /srv/nfs /mnt/nfs /etc/exports.d
truncate -s 24M /srv/nfs.img
mkfs.ext4 -q -F -O ^has_journal,quota /srv/nfs.img
mount -o loop,usrquota /srv/nfs.img /srv/nfs
install -d -o alice -g alice /srv/nfs/alice
systemctl start rpcbind nfs-server
{export}mount -t nfs -o {options} 127.0.0.1:/srv/nfs /mnt/nfs
"""
DOWN = """
systemctl start nfs-server
pkill -KILL -u alice
umount -f -l /mnt/nfs
rm -f /etc/exports.d/test.exports
exportfs -r
exportfs -f
umount -l /srv/nfs
rm -f /srv/nfs.img /srv/other.img
true
"""
HOME = "export PROCTRACKER_HOME=/mnt/nfs/alice/pt PATH=$PATH:/sbin:/usr/sbin\ncd ~/work\n"

OPTIONS = {"v4.2": "vers=4.2", "v4.2 actimeo=0": "vers=4.2,actimeo=0", "v3": "vers=3", "v3 nolock": "vers=3,nolock"}
"""Mount options, nfs(5): the present protocol, one without a cache of attributes, an old one, one without locks."""


@pytest.fixture(params=OPTIONS)
def nfs(guest: Guest, request: pytest.FixtureRequest) -> Iterator[Guest]:
    """The guest with an export of 24 MB and a mount of it."""
    guest.root(DOWN, timeout=600)
    guest.root(UP.format(options=OPTIONS[request.param], export=EXPORT), timeout=600)
    with guest.session("alice"):  # it keeps the user's systemd, whose start takes longer than most commands
        yield guest
    guest.root(DOWN, timeout=600)


present = pytest.mark.parametrize("nfs", ["v4.2"], indirect=True)
"""For what the protocol makes no difference to."""


def told(guest: Guest, *ids: str) -> list[tuple[str, int | None]]:
    """State and exit status of jobs."""
    jobs = json.loads(guest.run("alice", f"{HOME}proctracker info --json {' '.join(ids)}"))
    return [(job["job_state"], job["exit_status"]) for job in jobs]


def gated(guest: Guest, count: int) -> list[str]:
    """Start jobs that wait at ~/work/gate.N and then exit with N, from 1 on; their ids."""
    numbers = range(1, count + 1)
    gates = " ".join(f"gate.{number}" for number in numbers)
    work = "read l <gate.$TASK_ID; exit $TASK_ID"
    submit = f"mkfifo {gates} && proctracker array 1-{count} --no-input -w ~/work -- sh -c '{work}'"
    array = guest.run("alice", HOME + submit).split()[-1]
    guest.run("alice", f"{HOME}proctracker wait --started {array}")
    return [f"{array}_{number}" for number in numbers]


OPEN = 'for gate in gate.*; do timeout 10 sh -c "echo go >$gate"; done\n'
FILL = "dd if=/dev/zero of=/srv/nfs/alice/fill bs=1024 2>&1 | tail -1; df --output=avail /mnt/nfs | tail -1\n"
"""On the server: a client writes hundreds of megabytes until it hears that there is no room."""


def test_results_of_jobs_that_end_while_the_export_is_full_are_kept(nfs: Guest) -> None:
    ids = gated(nfs, 8)
    assert nfs.run("alice", HOME + FILL).split()[-1] == "0"
    nfs.run("alice", f"{HOME}{OPEN}timeout 60 proctracker wait --timeout 5 {' '.join(ids)}; true")
    nfs.run("alice", "rm /srv/nfs/alice/fill")
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 9)]
    assert nfs.run("alice", f"{HOME}proctracker run --no-input -- echo on") == "on"


def test_results_of_jobs_that_end_while_the_server_is_away_are_kept_and_commands_say_why_they_wait(nfs: Guest) -> None:
    ids = gated(nfs, 3)
    nfs.root("systemctl stop nfs-server")
    asked = nfs.tried("alice", f"{HOME}{OPEN}timeout -s KILL 25 proctracker ps -a")
    assert "the file system of /mnt/nfs/alice/pt does not answer" in asked.stderr
    nfs.root("systemctl start nfs-server")
    nfs.tried("alice", f"{HOME}timeout 200 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]


@pytest.mark.parametrize(("which", "times"), [("n", 2), ("o", 1)], ids=["supervisor", "keeper"])
def test_codes_survive_kills(nfs: Guest, which: str, times: int) -> None:
    """Of one of the two: before Linux 6.15 the death of both loses the codes of jobs that lived before the first."""
    ids = gated(nfs, 3)
    kill = f"pkill -KILL -u alice -{which} -f '[p]roctracker.supervisor.main'; proctracker wait --timeout 0 {ids[0]}; "
    nfs.tried("alice", f"{HOME}{times * kill}{OPEN}")
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]


AT_ONCE = """
proctracker submit --no-input -- sleep 3600 >/dev/null &
for c in 1 2 3 4 5; do (proctracker run --no-input -- sh -c "exit $c"; echo $?) & done
wait
"""
"""Five clients, and one whose job keeps whoever took it."""


def test_many_clients_at_once_start_one_supervisor(nfs: Guest) -> None:
    codes = nfs.run("alice", HOME + AT_ONCE).split()
    assert sorted(codes) == ["1", "2", "3", "4", "5"]
    count = nfs.run("alice", f"{HOME}pgrep -u alice -c -f '[p]roctracker.supervisor.main'")
    assert count == "2"


def test_another_host_sees_and_follows_a_job(nfs: Guest) -> None:
    (job,) = gated(nfs, 1)
    there = (
        "hostname login2; cd /home/alice/work; export PROCTRACKER_HOME=/mnt/nfs/alice/pt HOME=/home/alice\n"
        'as() { setpriv --reuid alice --regid alice --init-groups "$@"; }\n'
        "as proctracker ps -q --all-hosts\n"
        "(sleep 2; echo go >gate.1) & as timeout 100 proctracker logs -f "
    )
    assert nfs.root(f"unshare --uts bash -ec '{there}{job}; echo $?'").split() == [job, "0"]
    assert told(nfs, job) == [("FAILED", 1)]


APART = """
hostname login2
mount -t nfs -o vers=3,nolock,nosharecache 127.0.0.1:/srv/nfs /mnt/nfs
exec setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice bash -c "$1"
"""
"""Another host, none of whose locks is seen here: nolock makes them local to a mount, and this is one of its own."""


@pytest.mark.parametrize("nfs", ["v3 nolock"], indirect=True)
def test_two_hosts_that_see_none_of_each_others_locks_begin_a_home_at_once(nfs: Guest) -> None:
    there = shlex.join(
        ["unshare", "--uts", "--mount", "bash", "-ec", APART, "-", HOME.replace("~", "/home/alice") + AT_ONCE]
    )
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(nfs.root, there, 300), pool.submit(nfs.run, "alice", HOME + AT_ONCE)]
    assert [sorted(codes.result().split()) for codes in both] == [["1", "2", "3", "4", "5"]] * 2
    ids = nfs.run("alice", f"{HOME}proctracker ps -aq --all-hosts").split()
    assert len(ids) == len({*ids}) == 12
    assert nfs.run("alice", "pgrep -u alice -c -f '[p]roctracker.supervisor.main'") == "4"


LIMIT = """
import ctypes, os, pwd, struct
libc = ctypes.CDLL(None, use_errno=True)
loop = next(line.split()[0] for line in open("/proc/mounts") if " /srv/nfs " in line)
limits = struct.pack("=8QI", {blocks}, {blocks}, 0, 0, 0, 0, 0, 0, 1)
if libc.quotactl(0x800008 << 8, loop.encode(), pwd.getpwnam("alice").pw_uid, limits + bytes(4)):
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
"""Sets a user's quota (quotactl(2), Q_SETQUOTA); blocks of 1 KiB, 0: none."""


@present
def test_results_of_jobs_that_end_while_their_user_is_over_quota_are_kept(nfs: Guest) -> None:
    ended = nfs.run("alice", f"{HOME}proctracker run --no-input -- true; proctracker ps -aq")
    ids = gated(nfs, 3)
    nfs.root(f"python3 - <<'END'\n{LIMIT.format(blocks=2000)}END")
    kept = nfs.tried("alice", f"{HOME}{FILL}head -c 300000 /dev/zero | proctracker submit -i - -- wc -c")
    assert kept.returncode == 1
    assert "Disk quota exceeded: free some room" in kept.stderr
    asked = nfs.tried("alice", f"{HOME}{OPEN}timeout 60 proctracker wait --timeout 10 {' '.join(ids)}")
    assert asked.returncode in (1, 124), asked
    nfs.run("alice", f"{HOME}proctracker reap {ended} && rm /srv/nfs/alice/fill")
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]


@present
def test_results_are_kept_while_the_export_is_withdrawn(nfs: Guest) -> None:
    ids = gated(nfs, 3)
    nfs.root("rm /etc/exports.d/test.exports; exportfs -r")
    asked = nfs.tried("alice", f"{HOME}{OPEN}timeout 60 proctracker ps -a")
    assert "Permission denied" in asked.stderr
    nfs.root(EXPORT)
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]


@present
def test_results_are_kept_while_another_file_system_is_in_the_place_of_the_export(nfs: Guest) -> None:
    ids = gated(nfs, 3)
    other = "truncate -s 8M /srv/other.img; mkfs.ext4 -q -F /srv/other.img; mount -o loop /srv/other.img /srv/nfs"
    swap = "systemctl stop nfs-server; umount -l /srv/nfs; {0}; systemctl start nfs-server"
    nfs.root(swap.format(f"{other}; install -d -o alice -g alice /srv/nfs/alice"))
    asked = nfs.tried("alice", f"{HOME}{OPEN}timeout 100 proctracker wait {ids[0]}")
    assert f"no job {ids[0]}" in asked.stderr
    nfs.root(swap.format("mount -o loop,usrquota /srv/nfs.img /srv/nfs"))
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]


@present
def test_a_home_that_is_removed_on_the_server_is_a_new_one(nfs: Guest) -> None:
    gated(nfs, 2)
    nfs.root("rm -rf /srv/nfs/alice/pt")
    assert nfs.run("alice", f"{HOME}{OPEN}timeout 100 proctracker run --no-input -- echo new") == "new"
    assert nfs.run("alice", f"{HOME}proctracker ps -aq") == "1"


@pytest.mark.parametrize("nfs", ["v3"], indirect=True)
def test_codes_survive_the_loss_of_all_locks(nfs: Guest) -> None:
    ids = gated(nfs, 3)
    nfs.root("pkill -KILL -x rpc.statd; pkill -KILL -x lockd; echo /srv/nfs >/proc/fs/nfsd/unlock_filesystem")
    assert nfs.run("alice", f"{HOME}timeout 100 proctracker run --no-input -- echo on") == "on"
    kill = "pkill -KILL -u alice -n -f '[p]roctracker.supervisor.main'; "
    nfs.tried("alice", f"{HOME}{kill}proctracker wait --timeout 0 {ids[0]}; {OPEN}")
    nfs.tried("alice", f"{HOME}timeout 120 proctracker wait {' '.join(ids)}")
    assert told(nfs, *ids) == [("FAILED", code) for code in range(1, 4)]
    stays = "proctracker submit --no-input -- sleep 3600 >/dev/null"  # a supervisor without jobs leaves
    assert nfs.run("alice", f"{HOME}{stays}; pgrep -u alice -c -f '[p]roctracker.supervisor.main'") == "2"


@present
def test_a_container_stays_as_long_as_its_output_has_no_room(nfs: Guest) -> None:
    nfs.load_image("alice")
    submit = f'proctracker -c podman submit --rm --image {IMAGE} -- sh -c "head -c 300000 /dev/zero; exit 3"'
    nfs.run("alice", f"{HOME}proctracker run --no-input -- true")
    nfs.run("alice", f"{HOME}{FILL}truncate -s -150K /srv/nfs/alice/fill")
    asked = nfs.tried("alice", f"{HOME}{submit} && timeout 100 proctracker wait 2; proctracker logs 2 | wc -c")
    assert asked.stdout.split() == ["2", "300000"], asked
    nfs.run("alice", f"{HOME}proctracker session start; timeout 60 proctracker info 2; rm /srv/nfs/alice/fill")
    assert nfs.run("alice", f"{HOME}proctracker logs 2 | wc -c") == "300000"
    assert told(nfs, "2") == [("FAILED", 3)]


@pytest.mark.parametrize("nfs", ["v4.2", "v3"], indirect=True)
def test_output_goes_on_where_another_host_removed_its_directory(nfs: Guest) -> None:
    there = "install -d -m 700 -o alice -g alice /srv/nfs/alice/out"
    nfs.root(f"{there}; echo 'output_dir: /mnt/nfs/alice/out' >>/home/alice/.config/proctracker/config.yaml")
    run = "proctracker run --no-input -- echo"
    assert nfs.run("alice", f"{HOME}proctracker submit --no-input -- sleep 3600; {run} one").split() == ["1", "one"]
    nfs.root(f"rm -rf /srv/nfs/alice/out; {there}")
    assert nfs.run("alice", f"{HOME}{run} two; proctracker logs 3").split() == ["two", "two"]
