"""Run a command as on a kernel without pidfds: ``python nopidfd.py [--errno EPERM] COMMAND [ARG…]`` (a seccomp filter)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_SYSCALLS = (434, 424)
"""pidfd_open and pidfd_send_signal, the same number on every architecture (asm-generic/unistd.h)."""

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06


def program(answer: int) -> bytes:
    """The filter in classic BPF: the number of the call decides, ``answer`` is the errno (seccomp(2))."""
    steps = [(_LOAD, 0, 0, 0)]
    for index, number in enumerate(_SYSCALLS):
        steps.append((_IF_EQUAL, len(_SYSCALLS) - index, 0, number))
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | answer)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def deny(answer: int = errno.ENOSYS) -> None:
    """Deny both calls to this process and all it starts, for ever. Without root this also blocks setuid programs."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = program(answer)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    ready = ctypes.create_string_buffer(head, len(head))
    word = ctypes.c_ulong
    if libc.prctl(_PR_SET_SECCOMP, word(_MODE_FILTER), ready, word(0), word(0)) == 0:
        return
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, word(1), word(0), word(0), word(0)):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    if libc.prctl(_PR_SET_SECCOMP, word(_MODE_FILTER), ready, word(0), word(0)):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP)")


def main(argv: list[str]) -> None:
    """Deny, then be the command."""
    answer = errno.ENOSYS
    if argv[:1] == ["--errno"]:
        answer, argv = getattr(errno, argv[1]), argv[2:]
    deny(answer)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
