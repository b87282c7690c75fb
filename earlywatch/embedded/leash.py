"""Become a command that dies with its parent, as another user if asked.

Run as a script: `leash.py PARENT_PID SIGNAL UID GID COMMAND...`. A process of its own instead
of `preexec_fn`, which is not safe in a parent with threads; and it changes the user itself,
because that user may be unable to read the directory in which Python is installed.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask the kernel for `death_signal` when the parent's starting thread ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


def main(arguments: list[str]) -> None:
    parent, death_signal, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    if uid != os.geteuid():
        become_user(uid, gid)
    if sys.platform == "linux":
        die_with_parent(parent, death_signal)  # after the change of user, which clears it
    os.execv(command[0], command)  # noqa: S606  # no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
