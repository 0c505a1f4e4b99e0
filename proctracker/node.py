"""Runs one job on a machine of a cluster and records how it ended.

``python3 -I -S node.py NAME=VALUE… -- COMMAND ARG…``, for Python 3.6 or newer and nothing of ours. The words are those of
``Plan``. The record is written twice: as the job starts (``state running``) and over that when it has ended. It is this
program that opens the job's streams, so it can say why one cannot be opened. What the scheduler sends to all processes of
a job reaches the job without us: we note it, wait, and then end as the job did.
"""

# No "from __future__ import annotations": Python 3.6 does not know it.
import errno
import os
import resource
import signal
import sys
import time

FOUND, EXECUTABLE, STARTED = 127, 126, 125
NOTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGALRM)
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Those of them that mean an end."""

LATE = 0.05
"""Seconds in which what told the job to end reaches us, too: Slurm signals its processes one after the other."""
TICK = 1.0
"""Seconds between two looks at a limited running time, longer ones being suspensions."""


class Plan:
    """The words we were given."""

    def __init__(self, words: "list[str]") -> None:
        at = words.index("--")
        given: dict[str, str] = dict(word.split("=", 1) for word in words[:at])
        self.command = words[at + 1 :]
        self.record = given["record"]
        self.directory = given.get("directory", "/")
        self.umask = int(given.get("umask", "022"), 8)
        self.input = given.get("input", os.devnull)
        self.output = given["output"]
        self.error = given.get("error")
        self.append = "append" in given
        self.limit = float(given.get("limit", 0))
        self.deadline = float(given.get("deadline", 0))
        self.grace = float(given.get("grace", 10))
        self.after = [word for word in given.get("after", "").split(",") if word]
        self.after_any = [word for word in given.get("after_any", "").split(",") if word]
        self.container = given.get("container")
        self.engine = given.get("engine", "podman")
        self.rlimits = [word.split(":") for word in given.get("rlimits", "").split(",") if word]
        self.locale = given.get("locale")
        self.image = given.get("image")
        self.core = given.get("core")
        self.told = 0
        self.floor = 0

    def note(self, number: int, frame: object) -> None:
        """Note that the job was told to end by what told us."""
        self.told = self.told or number
        if self.container and number == signal.SIGTERM:
            container(self, "kill", "--signal=TERM")


class NotStarted(Exception):
    """What a job could not be started for: a status as a shell's, and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        Exception.__init__(self, reason)
        self.status, self.reason = status, reason


class Record:
    """The file that tells of this run. A failure to write it is no failure of the job's."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.started = time.time()
        folder, name = os.path.split(path)
        self._new = os.path.join(folder, f".{name}.{os.uname()[1]}.{os.getpid()}")

    def write(self, state: str, **more: object) -> None:
        """Replace it, durably when it tells an end."""
        environ = os.environ.get
        array, task = environ("SLURM_ARRAY_JOB_ID"), environ("SLURM_ARRAY_TASK_ID")
        known: dict[str, object] = {
            "state": state,
            "started": f"{self.started:.6f}",
            "node": environ("SLURMD_NODENAME") or os.uname()[1],
            "slurm": f"{array}_{task}" if array else environ("SLURM_JOB_ID", ""),
            "queue": environ("SLURM_JOB_PARTITION", ""),
        }
        known.update(more)
        lines = ["proctracker 1"] + [f"{key} {' '.join(str(value).split())}" for key, value in sorted(known.items())]
        try:
            with open(self._new, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write("\n".join(lines) + "\nend\n")
                file.flush()
                if state == "ended":
                    os.fsync(file.fileno())
            os.rename(self._new, self.path)
        except OSError:
            self._leave()

    def _leave(self) -> None:
        """Remove what could not be written to its end."""
        try:
            os.unlink(self._new)
        except OSError:
            pass


def main(words: "list[str]") -> None:
    """Run the job, and end this process as it ended."""
    os.closerange(3, 1024)
    plan = Plan(words)
    for number in NOTED:
        signal.signal(number, plan.note)
    _restore(plan)
    record = Record(plan.record)
    if plan.deadline and time.time() >= plan.deadline:
        record.write("ended", ended=f"{time.time():.6f}", why="deadline")
        os._exit(STARTED)
    unmet = not_ended(plan)
    if unmet:
        record.write("ended", ended=f"{time.time():.6f}", code=STARTED, why="dependency", reason=unmet)
        os._exit(STARTED)
    try:
        streams = opened(plan)
        pid = started(plan, streams)
    except NotStarted as failed:
        record.write("ended", ended=f"{time.time():.6f}", code=failed.status, why="start-failed", reason=failed.reason)
        os._exit(failed.status)
    record.write("running", pid=pid)
    for fd in set(streams):
        os.close(fd)
    status, usage, why = Waiting(plan, pid).wait()
    ended = time.time()
    if os.WIFEXITED(status) and not plan.told:
        time.sleep(LATE)
    told = {"ended": f"{ended:.6f}", "cpu_time": f"{usage.ru_utime + usage.ru_stime:.6f}"}
    # A process begins with the memory of the one that forked it, exec or not: what is not above ours is a bound.
    told["max_rss"], told["rss_floor"] = str(usage.ru_maxrss), str(plan.floor)
    if os.WIFSIGNALED(status):
        told["signal"] = str(os.WTERMSIG(status))
    else:
        told["code"] = str(os.WEXITSTATUS(status))
    more = [("why", why), ("told", str(plan.told) if plan.told else None)]
    record.write("ended", **told, **{name: value for name, value in more if value})
    # What was ended at its limit, or was told to end, did not end well, whatever it returned: the scheduler's own
    # dependencies go by that. Where it did, as it was told by somebody else, those jobs are handed over anew.
    if not status and (why or plan.told in ENDING):
        status = (STARTED if why else 128 + plan.told) << 8
    _end_as(status)


def not_ended(plan: Plan) -> "str | None":
    """What speaks against it that those have ended which the scheduler was to wait for: their records, where there are any.

    A controller that has forgotten a job may take it for one that ended well.
    """
    folder = os.path.dirname(plan.record)
    newest: dict[str, int] = {}
    for name in os.listdir(folder) if (plan.after or plan.after_any) and os.path.isdir(folder) else ():
        base, _, run = name.rpartition(".")
        if run.isdigit():
            newest[base] = max(int(run), newest.get(base, 0))
    for base, last in sorted(newest.items()):
        words = {base, base.rpartition("_")[0] + "_*"}
        well, any_end = not words.isdisjoint(plan.after), not words.isdisjoint(plan.after_any)
        if not well and not any_end:
            continue
        try:
            with open(os.path.join(folder, f"{base}.{last}"), encoding="utf-8", errors="surrogateescape") as file:
                told = dict(line.rstrip("\n").partition(" ")[::2] for line in file)
        except OSError:
            continue
        if told.get("state") == "running":
            return f"{base} has not ended"
        if well and (told.get("code") != "0" or "why" in told or "told" in told):
            return f"{base} has not ended well"
    return None


def _restore(plan: Plan) -> None:
    """Set what a shell could not (PROCTRACKER_NAMES), and LC_CTYPE as Python found it."""
    for word in os.environ.pop("PROCTRACKER_NAMES", "").split():
        name, _, value = bytes.fromhex(word).partition(b"=")
        os.environb[name] = value
    if plan.locale is None:
        os.environ.pop("LC_CTYPE", None)
    else:
        os.environ["LC_CTYPE"] = plan.locale


def opened(plan: Plan) -> "tuple[int, int, int]":
    """Enter the job's directory and open its streams, or raise NotStarted with path and reason."""
    os.umask(plan.umask)
    try:
        os.chdir(plan.directory)
    except OSError as error:
        raise NotStarted(STARTED, f"working directory {plan.directory}: {error.strerror}") from None
    first = _open(plan.input, os.O_RDONLY)
    # Appended to in any case: what a node that was cut off still runs, and its next run elsewhere, may write at once.
    how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if plan.append else os.O_TRUNC)
    second = _open(plan.output, how)
    third = second if plan.error in (None, plan.output) else _open(str(plan.error), how)
    if third != second and os.path.sameopenfile(second, third):
        os.close(third)
        third = second
    if plan.input != os.devnull and os.path.isfile(plan.input):
        for each in (second, third):
            if os.path.sameopenfile(first, each):
                raise NotStarted(STARTED, f"{plan.input}: input and output are the same file")
    return first, second, third


def _open(path: str, how: int) -> int:
    try:
        return os.open(path, how, 0o666)
    except OSError as error:
        raise NotStarted(STARTED, f"{path}: {error.strerror} on {os.uname()[1]}") from None


def started(plan: Plan, streams: "tuple[int, int, int]") -> int:
    """The job's pid. Raises NotStarted with what the child could not do."""
    read_end, write_end = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, NOTED)
    with open("/proc/self/statm", "rb") as statm:
        plan.floor = int(statm.read().split()[1]) * resource.getpagesize() // 1024 + 512
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read_end)
            _become(plan, streams)
        except NotStarted as failed:
            os.write(write_end, (f"{failed.status} {failed.reason}").encode("utf-8", "surrogateescape"))
        finally:
            os._exit(STARTED)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NOTED)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read().decode("utf-8", "surrogateescape")
    if said:
        os.waitpid(pid, 0)
        status, _, reason = said.partition(" ")
        raise NotStarted(int(status), reason)
    return pid


def _become(plan: Plan, streams: "tuple[int, int, int]") -> None:
    """Become the job, in our process group, which is what Slurm signals."""
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and not 32 <= number < 34:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for target, fd in enumerate(streams):
        os.dup2(fd, target)
    if plan.core is not None:
        # Else a crash leaves a core file in the job's directory where its caller's shell would have left none.
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (int(plan.core) if hard < 0 else min(int(plan.core), hard), hard))
    for name, value in plan.rlimits:
        _bound(name, int(value))
    command = plan.command[0]
    try:
        os.execvp(command, plan.command)
    except OSError as error:
        if plan.image:
            reason = f"{plan.image}: {command} is not to be had on {os.uname()[1]}: {error.strerror}"
            raise NotStarted(STARTED, reason) from None
        raise _unstarted(command, error) from None


def _bound(name: str, value: int) -> None:
    limit = getattr(resource, "RLIMIT_" + name)
    hard = resource.getrlimit(limit)[1]
    wanted = (hard, hard) if value < 0 else (value, value)
    try:
        resource.setrlimit(limit, wanted)
    except (OSError, ValueError) as error:
        raise NotStarted(STARTED, f"resource limit {name}={value}: {error}") from None


def _unstarted(command: str, error: OSError) -> "NotStarted":
    """What a shell would call it."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        there = "/" in command and os.path.exists(command)
        return NotStarted(FOUND, f"{command}: {'its interpreter is missing' if there else _missing(command)}")
    if error.errno == errno.ENOEXEC:
        return NotStarted(EXECUTABLE, f"{command}: {error.strerror} (no #! line: name its interpreter)")
    if os.path.isdir(command):
        return NotStarted(EXECUTABLE, f"{command}: is a directory")
    if error.errno == errno.EACCES and "/" in command:
        return NotStarted(EXECUTABLE, f"{command}: not executable (chmod +x it, or name its interpreter)")
    return NotStarted(EXECUTABLE, f"{command}: {error.strerror}")


def _missing(command: str) -> str:
    if "/" in command and os.path.exists(command):
        return "its interpreter is missing"
    hint = " (it holds shell characters: try sh -c '…')" if set(command) & set(" |&;<>()$`*?") else ""
    return ("no such file" if "/" in command else "command not found") + hint


class Waiting:
    """Waits for the job, and ends it at its time limit or deadline.

    TERM, after the grace KILL, to all that is its.
    """

    def __init__(self, plan: Plan, pid: int) -> None:
        self.plan, self.pid = plan, pid
        self.why: str | None = None

    def wait(self) -> "tuple[int, resource.struct_rusage, str | None]":
        """The job's wait status, its usage, and why we ended it."""
        plan = self.plan
        if not plan.limit and not plan.deadline:
            _, status, usage = os.wait4(self.pid, 0)
        else:
            status, usage = self._watched()
        if plan.container:
            container(plan, "rm", "--force")
        return status, usage, self.why

    def _watched(self) -> "tuple[int, resource.struct_rusage]":
        """Wait as ``wait4`` does, without the time in which we and the job were stopped."""
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        ran, killing, last = 0.0, 0.0, time.monotonic()
        while True:
            found, status, usage = os.wait4(self.pid, os.WNOHANG)
            if found:
                return status, usage
            wait = self._left(ran, killing)
            signal.sigtimedwait([signal.SIGCHLD], wait)
            now = time.monotonic()
            ran, last = ran + min(now - last, wait + TICK), now
            killing = self._act(ran, killing)

    def _left(self, ran: float, killing: float) -> float:
        """Seconds until there is something to do, a tick at most."""
        if killing:
            return max(0.01, min(TICK, killing - time.monotonic()))
        limit = self.plan.limit - ran if self.plan.limit else TICK
        deadline = self.plan.deadline - time.time() if self.plan.deadline else TICK
        return max(0.01, min(TICK, limit, deadline))

    def _act(self, ran: float, killing: float) -> float:
        """End the job where its time is over, and return when to kill it."""
        if killing:
            if time.monotonic() >= killing:
                self.signal(signal.SIGKILL)
            return killing
        if self.plan.limit and ran >= self.plan.limit:
            self.why = "time-limit"
        elif self.plan.deadline and time.time() >= self.plan.deadline:
            self.why = "deadline"
        else:
            return 0.0
        self.signal(signal.SIGTERM)
        return time.monotonic() + self.plan.grace

    def signal(self, number: int) -> None:
        """To the job and to whatever carries its mark."""
        if self.plan.container and number == signal.SIGTERM:
            container(self.plan, "kill", "--signal=TERM")
        for pid in {self.pid, *marked(os.environ.get("PROCTRACKER_JOB", ""))}:
            try:
                os.kill(pid, number)
            except OSError:
                pass


def container(plan: Plan, *words: str) -> None:
    """One call of the container CLI, whose processes the scheduler does not reach."""
    null = os.open(os.devnull, os.O_RDWR)
    argv = [plan.engine, *words, str(plan.container)]
    pid = os.fork()
    if pid == 0:
        try:
            for fd in range(3):
                os.dup2(null, fd)
            os.execvp(argv[0], argv)
        finally:
            os._exit(STARTED)
    os.close(null)
    os.waitpid(pid, 0)


def marked(mark: str) -> "list[int]":
    """The processes, but this one, that carry a job's mark in their environment."""
    wanted, found = b"PROCTRACKER_JOB=" + mark.encode("utf-8", "surrogateescape"), []
    for name in os.listdir("/proc") if mark else ():
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                pass
    return found


def _end_as(status: int) -> None:
    """End with the job's exit status, or by the signal that ended it, without another core file."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(1)
        os._exit(128 + number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(sys.argv[1:])
