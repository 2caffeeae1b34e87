"""Confining a process that runs what a policy wrote: limits, no network, no files, its own user.

What the system allows is used: namespaces of its own (network, processes), Landlock (which files),
and, for root, a user id that no other process has. Without any of the last two the process could
change its owner's files, so nothing is run then.
"""

import ctypes
import os
import resource
import select
import signal
import struct
import sys
from functools import cache
from pathlib import Path
from typing import Final

from schema.errors import SettingsError

#: Memory that a confined process may take beyond what it has, bytes.
MEMORY: Final = 2 << 30
FILE_BYTES: Final = 1 << 20
OPEN_FILES: Final = 64
PROCESSES: Final = 32

_CLONE_NEWIPC, _CLONE_NEWUSER = 0x08000000, 0x10000000
_CLONE_NEWPID, _CLONE_NEWNET = 0x20000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 38, 36
_PR_SET_KEEPCAPS = 8
#: linux/capability.h: version 3 of its structure, and the right to read and search everywhere.
_CAPABILITY_VERSION, _CAP_DAC_READ_SEARCH = 0x20080522, 1 << 2
#: System calls of Landlock, the same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
#: Rights over files of Landlock's first version (linux/landlock.h).
_ALL_RIGHTS, _EXECUTE, _WRITE, _READ_FILE, _READ_DIR = (1 << 13) - 1, 1, 2, 4, 8
#: User ids for root to choose from: above those that systems hand out.
_FIRST_UID: Final = 1 << 30

_libc = ctypes.CDLL(None, use_errno=True)
#: In a process that `fork` made, what tells it that its parent has ended.
_parents: Final[list[int]] = []


def fork() -> int:
    """Fork; the child is killed as soon as this process is gone, even if that is before it asks."""
    handle = os.pidfd_open(os.getpid())
    child = os.fork()
    if child:
        os.close(handle)
        return child
    _forget_parent()
    _parents.append(handle)
    end_with_parent()
    return 0


def end_with_parent() -> None:
    """This process is killed as soon as its parent's thread is gone.

    The system forgets this when a process changes its user or its rights: it is asked for again
    then.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if _parents and select.select(_parents, [], [], 0)[0]:
        os._exit(1)


def _forget_parent() -> None:
    while _parents:
        os.close(_parents.pop())


def adopt_orphans() -> None:
    """Processes whose parents end become children of this one, however they were started."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def require_protection() -> None:
    """Check that files can be protected from a confined process on this system.

    Raises:
        SettingsError: if neither Landlock nor another user id is to be had.
    """
    if os.geteuid() != 0 and _landlock_version() < 1:
        raise SettingsError(
            "code of answers cannot be confined here: this kernel has no Landlock and the process "
            "is not root's; verify on another machine, or leave such tasks out"
        )


def own_namespaces() -> bool:
    """Leave network and process table of the system, if it allows that.

    The processes that this one starts from now on see each other only, and end with the first of
    them.
    """
    flags = _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC
    if os.geteuid() != 0:
        flags |= _CLONE_NEWUSER
    left = _libc.unshare(flags) == 0
    end_with_parent()
    return left


def confine(folder: Path, cpu_seconds: int) -> None:
    """Give up everything but reading Python's files and writing in `folder`; for ever.

    Raises:
        OSError: if a step fails; nothing may be run then.
    """
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, _own_memory() + MEMORY),
        (resource.RLIMIT_NPROC, PROCESSES),
    ):
        resource.setrlimit(limit, (value, value))
    root = os.geteuid() == 0
    uid = _FIRST_UID + int.from_bytes(os.urandom(3), "big")
    if root:
        os.chown(folder, uid, uid)
    os.chdir(folder)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    landlock = _landlock_version() >= 1
    if landlock:
        _restrict_files(folder)
    elif not root:
        raise OSError("no Landlock")
    if root:
        _become(uid, may_search=landlock)
    end_with_parent()
    _forget_parent()
    os.close(os.open(os.__file__, os.O_RDONLY))  # What is imported from now on can be read.


def _become(uid: int, *, may_search: bool) -> None:
    """Be user and group `uid`, without any right of root's.

    With `may_search`, files that Landlock allows are read even where their folders are closed to
    others: Python itself may lie in root's home.
    """
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    _libc.prctl(_PR_SET_KEEPCAPS, int(may_search), 0, 0, 0)
    os.setresuid(uid, uid, uid)
    if may_search:
        right = _CAP_DAC_READ_SEARCH
        header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
        rights = struct.pack("=6I", right, right, 0, 0, 0, 0)
        if _libc.capset(header, rights) != 0:
            raise OSError(ctypes.get_errno(), "capset")


def _own_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _landlock_version() -> int:
    return _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)


def _restrict_files(folder: Path) -> None:
    """Landlock (https://docs.kernel.org/userspace-api/landlock.html), first version."""
    handled = struct.pack("Q", _ALL_RIGHTS)
    ruleset = _libc.syscall(_CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    if ruleset < 0:
        raise OSError(ctypes.get_errno(), "landlock_create_ruleset")
    for place, rights in readable_places():
        _allow(ruleset, place, rights)
    _allow(ruleset, str(folder), _ALL_RIGHTS)
    if _libc.syscall(_RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "landlock_restrict_self")
    os.close(ruleset)


@cache
def readable_places() -> tuple[tuple[str, int], ...]:
    """Files and folders that a confined process may read, with its rights.

    They are looked up once: before its first child, in a process that forks.
    """
    named = (sys.prefix, sys.base_prefix, *sys.path, "/usr", "/lib", "/lib64")
    places = {Path(place).resolve() for place in named if place and Path(place).exists()}
    inner = {place for place in places if any(parent in places for parent in place.parents)}
    read = _EXECUTE | _READ_FILE
    python = [(str(place), read | _READ_DIR * place.is_dir()) for place in sorted(places - inner)]
    return (*python, ("/dev/null", _READ_FILE | _WRITE), ("/dev/urandom", _READ_FILE))


def _allow(ruleset: int, place: str, rights: int) -> None:
    opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", rights, opened)
    if _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0) != 0:
        raise OSError(ctypes.get_errno(), f"landlock_add_rule {place}")
    os.close(opened)
