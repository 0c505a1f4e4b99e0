"""Lists the commands: the module of each, its usage, its options as its help shows them."""

from __future__ import annotations


class Command:
    """One command. ``job``: the words after the options are a job's own and not read."""

    __slots__ = ("failure", "function", "job", "module", "name", "options", "summary", "usage")

    def __init__(self, name: str, where: str, usage: str, summary: str, options: str = "", job: bool = False) -> None:
        self.name, self.usage, self.summary, self.options, self.job = name, usage, summary, options, job
        self.module, self.function = where.split(":")
        # Exit codes 1 and 2 of these two would be taken for the job's.
        self.failure = 125 if name in ("run", "wait") else 1


GLOBAL = """\
-s, --session NAME  submit to this session, or look at it alone ($PROCTRACKER_SESSION)
-c, --contact CONTACT  process, podman, ctr, nerdctl, docker, … ($PROCTRACKER_CONTACT)
--debug  tell on stderr what is done ($PROCTRACKER_DEBUG)
-h, --help  show this
"""

_AFTER = """\
--after ID[,ID…] ...  start when these are DONE
--after-any ID[,ID…] ...  start when these have ended
"""

_SUBMIT = f"""\
-t, --template FILE  a job template, YAML or JSON; options win over it
--image IMAGE  the container's image, or a category of the configuration (`categories` lists them)
-n, --name NAME  the job's name
-e, --env NAME[=VALUE] ...  set a variable; NAME alone takes the caller's
--env-file FILE ...  variables, a NAME=VALUE on each line
-w, --workdir DIR  the working directory
-i, --input FILE  standard input; - reads ours to its end and keeps it
--no-input  no standard input
-o, --output FILE  standard output (%j job, %A array, %a task, %% percent sign)
--error FILE  standard error
--join  standard error goes where standard output goes
--append  append to output files instead of truncating them
--hold  hold the job until it is released
--start TIME  not before: 2026-01-31T18:00, +10m
--deadline TIME  ended then, if not by itself
--time-limit DURATION  ended after running so long (0: never)
--memory SIZE  memory: 512M, 2G
--cpus N  processors
--limit NAME=VALUE ...  setrlimit(2), in DRMAA2's names: CPU_TIME=3600
--priority N  among queued jobs the higher goes first (0)
{_AFTER}--retries N  try again so often after a failure (0)
--retry-delay DURATION  wait before trying again (0)
-v, --volume SRC:DST[:ro] ...  mount a directory or file of the host
--device PATH ...  give a device
--gpus N|all  give GPUs
-p, --publish PORT:PORT ...  publish a port
-u, --user USER|me  who the job is; me: the caller
--network NETWORK  the network
--entrypoint CMD  the entrypoint
--hostname NAME  the container's host name
--rm  remove the container as soon as it has ended; code and output are kept
--restart POLICY  have the engine start it again: on-failure:3, always
--privileged  give all rights and devices of the host
--pull POLICY  when to fetch the image: always, missing, never
-x, --ext KEY=VALUE ...  an extension of the template; repeat for lists
"""

_SOME = "--all  all jobs of the session, or of all sessions\n--state STATE  only those in this state: RUNNING, QUEUED_HELD\n"

_TABLE = [
    Command("run", "start:run", "run [OPTIONS] [--] CMD [ARG…]", "run a job, show its output, exit with its code",
            "-d, --detach  start only, as submit does\n--no-keep  forget the job once it has ended\n" + _SUBMIT, job=True),
    Command("submit", "start:submit", "submit [OPTIONS] [--] CMD [ARG…]", "start a job and print its id", _SUBMIT, job=True),
    Command("array", "start:array", "array RANGE | --over FILE [OPTIONS] [--] CMD [ARG…]", "start a job for each of many tasks",
            "--over FILE ...  a task for each line, which is its last argument and $TASK_ITEM, or stands for {};\n"
            "  of several files each line with each of the others\n"
            "--colsep SEP  each field of a line is an argument, or stands for {1} {2} … ({-1}: the last)\n"
            "--halt N|N%  end the array once so many tasks have failed\n"
            "--max-parallel N  how many may run at once (0: all)\n" + _SUBMIT, job=True),
    Command("ps", "listing:ps", "ps [OPTIONS]", "list jobs",
            "-a, --all  ended ones too\n-q, --quiet  ids only\n--state STATE  only those in this state\n"
            "-n, --name NAME  only those of this name\n"
            "--sort KEY  by id, name, state, session, contact, start, wall or exit; -KEY: the largest first\n"
            "--all-hosts  of all hosts that share this state directory\n"
            "--columns KEY[,KEY...]  these columns: those above, signal, reason, or keys of the JSON such as max_rss\n"
            "--tsv  tabs between, the values as in JSON\n--json  as JSON\n--watch  go on showing them, until q is typed\n"),
    Command("info", "listing:info", "info ID… [--json]", "tell everything about jobs", "--json  as JSON\n"),
    Command("wait", "waiting:wait", "wait [OPTIONS] ID… | --all", "wait for jobs, exit as they did",
            "--any  until one has ended; print its id\n--started  until they have started\n"
            "--timeout SECONDS  at most so long (exit code 124)\n--all  all live jobs, and ended ones not told of yet\n"),
    Command("logs", "logs:logs", "logs [OPTIONS] ID…", "show what jobs have written",
            "-f, --follow  go on until the jobs have ended\n-n, --tail, --lines LINES  the last lines only\n"
            "--since TIME  only what was written since then, or in the last 10m (podman, docker)\n"
            "-t, --timestamps  a time before each line (podman, docker)\n"
            "--stdout  standard output only\n--stderr  standard error only\n--failed  only of those that failed\n"
            "--attempt N|all  of this attempt, or of all (else the newest that has run)\n"),
    Command("suspend", "controls:control", "suspend ID… | --all", "stop jobs for a while", _SOME),
    Command("resume", "controls:control", "resume ID… | --all", "let suspended jobs go on", _SOME),
    Command("hold", "controls:control", "hold ID… | --all", "keep queued jobs from starting", _SOME),
    Command("release", "controls:control", "release ID… | --all", "let held jobs start", _SOME),
    Command("terminate", "controls:control", "terminate ID… | --all", "end jobs", _SOME +
            "--signal SIGNAL  the signal to begin with (TERM)\n--grace SECONDS  before KILL follows (10)\n"),
    Command("reap", "controls:reap", "reap ID… | --finished", "forget ended jobs, remove their containers and output",
            "--finished  all ended jobs\n--older-than DURATION  only those that ended so long ago: 7d\n"
            "--dry-run  say what would be removed\n"),
    Command("resubmit", "controls:resubmit", "resubmit ID… [--failed]", "start ended jobs again, as new ones",
            "--failed  only those that failed\n" + _AFTER),
    Command("session", "sessions:session", "session list | create NAME | set NAME max_running=N | start | destroy NAME",
            "sessions: list, create, change, destroy; start lets queued jobs go on",
            "--max-running N  how many jobs may run at once (create)\n--terminate  end live jobs (destroy)\n"
            "--leave  leave live jobs running (destroy)\n--json  as JSON (list)\n"),
    Command("events", "events:events", "events [-f] [--json]", "tell how jobs changed their states",
            "-f, --follow  go on telling\n--json  an object a line\n"),
    Command("report", "report:report", "report [OPTIONS] [ID…]", "make a page of jobs: a timeline, usage, what failed and its last output",
            "-o, --output FILE  write it to this file (else to standard output)\n--json  its data as JSON\n"
            "--all-hosts  of all hosts that share this state directory\n"),
    Command("top", "top:top", "top", "show what running jobs use, again and again, until q is typed", "-n, --times N  so many times\n"),
    Command("categories", "extras:categories", "categories", "list images and named categories"),
    Command("machines", "extras:machines", "machines [--json]", "describe this machine", "--json  as JSON\n"),
    Command("template", "extras:template", "template check FILE…", "check template files as `run` would"),
    Command("doctor", "doctor:doctor", "doctor [--json] [--probe]", "tell which trackers work here, and why not",
            "--json  as JSON\n--probe  have schedulers run a job, which tells whether their nodes see what is seen here\n"),
    Command("adopt", "adopt:adopt", "adopt [--home UUID]", "rebuild a lost store from the labels of containers",
            "--home UUID  those of another state directory, which was lost\n"),
    Command("completion", "completion:completion", "completion bash | zsh | fish", "print a completion script"),
    Command("version", "extras:version", "version", "print the version"),
]  # fmt: skip

COMMANDS = {command.name: command for command in _TABLE}
