"""A stand-in for nerdctl that says what a real one was recorded to say: tests/recorded/nerdctl, made by scripts/record.

No registry has a nerdctl, so the contract tests run on this one where none is on PATH. The words and the shapes are the
recorded ones, with ids, pids, times, exit codes and runc's own complaint filled in. The jobs are real: runc, which
nerdctl's containerd calls as well, runs them, a process beside each sees its end (as a shim would), and containerd's
logger protocol carries their output. What no replay shows is listed in ``engines.NOT_REPLAYED``; and the daemon is a socket
with nothing behind it: of its deaths only what the commands say then is nerdctl's own.
"""
