"""Opens paths that nobody else can change, as sshd's StrictModes asks.

Group-writable counts as others, except where the group is the owner's private one (as a umask of 002 and images of
one user have it in every new directory); sticky directories are fine, for others cannot rename what is ours.
"""

from __future__ import annotations

import errno
import os
import stat

from proctracker.errors import DeniedByDrmsException, InvalidArgumentException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Mapping

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_LINKS = 40
"""Symbolic links on one path, as the kernel counts them (path_resolution(7))."""

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk or quota says."""

_FILES = {"files", "systemd", "altfiles"}
"""Sources of users in nsswitch.conf that name all they have."""

_WHOLE = ["0", "0", "4294967295"]
"""/proc/self/uid_map where every id is mapped: no user namespace, or one that hides nobody."""


def reach(path: str, remedy: str, *, make: bool = False) -> int:
    """Return an O_PATH descriptor of an absolute path, every step checked before it is made.

    ``make``: directories that are missing are made, for us alone. Raises DeniedByDrmsException, which ends with the
    remedy, for a step that others own or can change, OSError for one that cannot be made.
    """
    names, done, links = path.split("/")[::-1], "", 0
    here = os.open("/", _STEP)
    try:
        _check(os.fstat(here), "/", path, remedy)
        while names:
            name = names.pop()
            if name in ("", "."):
                continue
            at = os.path.normpath(f"{done}/{name}")
            step = _step(here, name, at, make)
            try:
                found = os.fstat(step)
                _check(found, at, path, remedy)
                if not stat.S_ISLNK(found.st_mode):
                    here, step, done = step, here, at
                    continue
                links += 1
                if links > _LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink("", dir_fd=step)
                names.extend(target.split("/")[::-1])
                if target.startswith("/"):
                    os.close(here)
                    here, done = os.open("/", _STEP), ""
            finally:
                os.close(step)
    except BaseException:
        os.close(here)
        raise
    return here


def hold(path: str, remedy: str, *, make: bool = False) -> int:
    """As ``reach``, of a directory that has to be ours alone to write, whatever its group."""
    fd = reach(path, remedy, make=make)
    try:
        refuse_foreign(os.fstat(fd), path, remedy)
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def below(fd: int, names: Iterable[str], path: str, remedy: str, *, make: bool = False) -> int:
    """Return a descriptor of a directory below a held one, no links followed."""
    here = os.dup(fd)
    try:
        for name in names:
            try:
                step = _step(here, name, path, make, _FOLDER)
            except NotADirectoryError as error:
                if not stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode):
                    raise
                raise DeniedByDrmsException(
                    f"{path} is a symbolic link, which is not followed here: {remedy}"
                ) from error
            os.close(here)
            here = step
            refuse_foreign(os.fstat(here), path, remedy)
    except BaseException:
        os.close(here)
        raise
    return here


def _step(here: int, name: str, path: str, make: bool, flags: int = _STEP) -> int:
    """Open one name in a directory, made first with ``make``, errors naming the path."""
    try:
        while True:
            try:
                return os.open(name, flags, dir_fd=here)
            except FileNotFoundError:
                if not make:
                    raise
            try:
                os.mkdir(name, 0o700, dir_fd=here)
            except FileExistsError:
                continue
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def refuse_foreign(found: os.stat_result, path: str, remedy: str) -> None:
    """Raise DeniedByDrmsException for what is not ours alone to write, for root too."""
    if found.st_uid != os.geteuid():
        raise DeniedByDrmsException(f"{path} belongs to {name_of(found.st_uid)}, not to {os.geteuid()}: {remedy}")
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise DeniedByDrmsException(f"{path} can be written by others: `chmod go-w {path}`, or {remedy}")


def is_own(found: os.stat_result) -> bool:
    """Return whether a file is one that we made, known by one name only."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1


def _check(found: os.stat_result, at: str, path: str, remedy: str) -> None:
    """Raise for a step of a path that somebody else could put another one in place of."""
    if found.st_uid not in (os.geteuid(), 0) and not _unmapped(found.st_uid):
        whose = f"not to {os.geteuid()}" if at == path else f"who could put another {path} in its place"
        raise DeniedByDrmsException(f"{at} belongs to {name_of(found.st_uid)}, {whose}: {remedy}")
    if stat.S_ISLNK(found.st_mode) or found.st_mode & (stat.S_ISVTX if stat.S_ISDIR(found.st_mode) else 0):
        return
    if found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _private_group(found, at)):
        whose = "" if at == path else f", who could put another {path} in its place"
        raise DeniedByDrmsException(f"{at} can be written by others{whose}: `chmod go-w {at}`, or {remedy}")


def _private_group(found: os.stat_result, path: str) -> bool:
    """Return whether a group has its owner as only member."""
    import grp
    import pwd

    try:
        owner, group = pwd.getpwuid(found.st_uid), grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    if owner.pw_gid != group.gr_gid or set(group.gr_mem) - {owner.pw_name}:
        return False
    if owner.pw_name != group.gr_name:
        # Nothing but its name tells that it was made for one user alone, unless all users there are can be listed.
        others = [each for each in pwd.getpwall() if each.pw_gid == group.gr_gid and each.pw_uid != owner.pw_uid]
        if others or not _all_listed():
            return False
    try:
        # With a list, the group's bits are the most that anybody named there may do (acl(5)).
        return not os.getxattr(path, "system.posix_acl_access")
    except OSError:
        return True


def _all_listed() -> bool:
    """Return whether all users come from files (nsswitch.conf(5))."""
    try:
        with open("/etc/nsswitch.conf", encoding="utf-8", errors="replace") as file:
            sources = [line.split("#")[0].split()[1:] for line in file if line.startswith("passwd:")]
    except OSError:
        return True
    return all(set(each) <= _FILES for each in sources)


def _unmapped(uid: int) -> bool:
    """Return whether an owner is root outside our user namespace, as that of / is."""
    try:
        if uid != os.stat("/").st_uid:
            return False
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            if uid != int(file.read()):
                return False
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != _WHOLE
    except (OSError, ValueError):
        return False


def name_of(uid: int) -> str:
    """A user for messages: the number, and the name where there is one."""
    import pwd

    try:
        return f"uid {uid} ({pwd.getpwuid(uid).pw_name})"
    except KeyError:
        return f"uid {uid}"


def expanded(path: str, environ: Mapping[str, str], name: str) -> str:
    """Expand ``~`` and ``~USER`` in a path, ``name`` naming it in errors.

    Raises InvalidArgumentException where nobody knows that directory.
    """
    if not path.startswith("~"):
        return path
    user, slash, rest = path[1:].partition("/")
    found = environ.get("HOME") if not user else None
    if not found:
        import pwd

        try:
            found = (pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())).pw_dir
        except KeyError:
            lacking = f"no user {user!r}" if user else f"no HOME, and no user {os.geteuid()}"
            raise InvalidArgumentException(f"{name}: there is {lacking}: name an absolute path in {name}") from None
    return f"{found}{slash}{rest}"
