"""Rootless podman where its user has no session: after su, from cron."""

from __future__ import annotations

import shlex

from vm.guest import IMAGE, LOAD, Guest


def without_session(script: str, user: str = "bob") -> str:
    """A command of root's that runs a script as the user, as cron would."""
    words = ["runuser", "-u", user, "--", "env", "-i", f"HOME=/home/{user}", f"USER={user}"]
    return shlex.join([*words, "PATH=/usr/local/bin:/usr/bin:/bin", "bash", "-c", f"cd; {script}"])


def test_podman_without_a_session(guest: Guest) -> None:
    # podman remembers the runtime directory it had first: one of a session cannot be had without a session.
    guest.root(f"rm -rf /home/bob/.local/share/containers /tmp/storage-run-1001; {LOAD}")
    guest.root(without_session("podman load -q -i /tmp/busybox.tar"))
    podman = f"proctracker -c podman %s --image {IMAGE}"
    done = guest.machine.root(without_session(f"{podman % 'run'} --memory 32M -- true"), 120)
    assert done.returncode == 125
    assert "--memory" in done.stderr
    assert "loginctl enable-linger" in done.stderr
    files = "-o work/out --error work/err"
    job = guest.root(without_session(f"{podman % 'submit'} {files} -- sh -c 'echo told; sleep 1000'")).split()[-1]
    guest.root(without_session(f"proctracker wait --started --timeout 120 {job}"))
    guest.root(without_session(f"proctracker suspend {job}; proctracker ps | grep SUSPENDED; proctracker resume {job}"))
    assert guest.root("cat /home/bob/work/out; cat /home/bob/work/err") == "told"
    assert "no session of systemd's" in guest.root(without_session("proctracker -c podman doctor || true"))
    with guest.session("bob") as login:
        assert login.run("echo $XDG_RUNTIME_DIR")[1].strip() == "/run/user/1001"
        assert "RUNNING" in login.run("proctracker ps")[1]
        code, told = login.run(f"proctracker terminate --grace 2 {job}")
        assert code == 0, told
        login.run(f"proctracker wait --timeout 120 {job}")
        assert "terminated" in login.run(f"proctracker info {job}")[1]
