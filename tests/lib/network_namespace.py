"""A network namespace of a test's own, for the thread that enters it and the processes that it starts."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x4000_0000
_NO_IPV6 = "/proc/sys/net/ipv6/conf/default/disable_ipv6"
"""So that a new interface has nothing to say by itself."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """Why there can be none here, "" where there can."""
    if os.geteuid():
        return "network namespaces take root"
    return "" if os.access("/dev/net/tun", os.R_OK | os.W_OK) else "no /dev/net/tun here: modprobe tun"


@contextmanager
def network_namespace() -> Iterator[None]:
    """A new one within, the old one behind it."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_LIBC.unshare(CLONE_NEWNET))
        if os.path.exists(_NO_IPV6):
            with open(_NO_IPV6, "w") as switch:
                switch.write("1")
        yield
    finally:
        _checked(_LIBC.setns(before, CLONE_NEWNET))
        os.close(before)


def _checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
