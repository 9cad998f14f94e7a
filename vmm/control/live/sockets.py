"""Where live sockets lie, which of them are alive, and how one is asked.

A socket is $XDG_RUNTIME_DIR/vmm/PID.sock, mode 0600 in a directory of mode 0700.
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress

from ...errors import HostError

LONGEST = 107
"""Bytes of a socket's path: sun_path has 108 with the NUL (unix(7))."""
PATIENCE = 5.0
"""Seconds that a machine has to answer."""


def folder_in(runtime: str, make: bool = False) -> str:
    """The directory of the sockets. OSError where it is not there, or not for us alone."""
    folder = os.path.join(runtime, "vmm")
    if os.stat(runtime).st_uid != os.getuid():
        raise PermissionError(f"{runtime} belongs to another user")
    if make:
        with suppress(FileExistsError):  # what is there is looked at below
            os.mkdir(folder, 0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a directory for us alone")
    return folder


def path_in(folder: str, pid: int) -> str:
    """The socket of a process. OSError where the path is too long for one."""
    path = os.path.join(folder, f"{pid}.sock")
    if len(os.fsencode(path)) > LONGEST:
        raise OSError(f"{path} is too long for a socket")
    return path


def running(runtime: str) -> list[tuple[int, str]]:
    """(PID, path) of every machine that listens, oldest PID first. Sockets of dead processes are removed."""
    try:
        folder = folder_in(runtime)
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in names:
        pid, path = name.removesuffix(".sock"), os.path.join(folder, name)
        if not name.endswith(".sock") or not pid.isdecimal():
            continue
        if _is_alive(int(pid)):
            found.append((int(pid), path))
        else:
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue  # somebody else lists too
    return sorted(found)


def ask(path: str, request: str, patience: float = PATIENCE) -> bytes:
    """The answer to one request line. HostError when nobody gives it within `patience` seconds."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience)
            line.connect(path)
            line.sendall(request.encode() + b"\n")
            parts = []
            while part := line.recv(1 << 16):
                parts.append(part)
    except OSError as error:
        raise HostError(f"the machine at {path} does not answer: {error}") from None
    return b"".join(parts)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
