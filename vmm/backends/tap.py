"""A tap: a network interface of the host's whose other end is an fd with frames.

One that exists is used; one that does not is made, where the host allows it, and goes when it is closed.
Source: Linux, Documentation/networking/tuntap.rst; <linux/if_tun.h>.
"""

from __future__ import annotations

import os
import socket
from errno import EAGAIN, EBADFD, EBUSY, EINVAL, EPERM, errorcode
from fcntl import ioctl
from struct import Struct, pack

from ..bus.network import HEADER, LONGEST, LinkLost
from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DEVICE = "/dev/net/tun"
LONGEST_NAME = 15
TUNSETIFF, TUNSETOFFLOAD, TUNSETVNETHDRSZ, TUNSETQUEUE = 0x4004_54CA, 0x4004_54D0, 0x4004_54D8, 0x4004_54D9
_TAP, _NO_INFO, _HEADERS, _MANY, _ATTACH, _DETACH = 2, 0x1000, 0x4000, 0x100, 0x200, 0x400
_CSUM, _TSO4, _TSO6, _ECN = 1, 2, 4, 8
_GET_FLAGS, _SET_FLAGS, _GET_MTU, _UP = 0x8913, 0x8914, 0x8921, 1
_NAMED_FLAGS = Struct("16sH22x")
_NAMED_NUMBER = Struct("16si20x")
_FRAME = 18
"""Bytes around what the MTU counts: addresses, type, a VLAN's tag."""


class TapLink:
    """One queue of a tap. Implements Link."""

    def __init__(self, fd: int, name: str, need: int) -> None:
        self.fd = fd
        self._name = name
        self._need = self._shortest = need

    def need(self) -> int:
        """See Link: as many as it may be, for there is no telling."""
        return self._need

    def expect(self, segments: bool) -> None:
        """Frames that are not yet cut may come, or none."""
        self._need = LONGEST if segments else self._shortest

    def receive_into(self, views: Sequence[memoryview]) -> int:
        """See Link."""
        try:
            return os.readv(self.fd, views)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error) from None

    def send_from(self, views: Sequence[memoryview]) -> bool:
        """See Link. A tap without room for a frame loses it, as a cable does."""
        try:
            os.writev(self.fd, views)
        except OSError as error:
            if error.errno == EBADFD:
                raise self._lost(error) from None
        return True

    def _lost(self, error: OSError) -> LinkLost:
        if error.errno == EBADFD:
            return LinkLost(f"the tap {self._name} was removed")
        return LinkLost(f"the tap {self._name} cannot be read: {error.strerror}")


class Tap:
    """`count` queues of the tap `name`. Implements Network."""

    mtu = 0
    segments = True

    def __init__(self, name: str, count: int = 1, field: str = "net") -> None:
        """ConfigError, with `field`, where there is none and none can be made."""
        self._fds: list[int] = []
        is_new = not os.path.exists(f"/sys/class/net/{name}")
        try:
            for _ in range(count):
                self._fds.append(_opened(name, _MANY if count > 1 else 0))
            if is_new:
                _raise(name)
            need = HEADER + _FRAME + _mtu_of(name)
        except OSError as error:
            self.close()
            raise ConfigError.of(field, f"no tap {name}: {_reason(name, error, count)}") from error
        self.links = [TapLink(fd, name, need) for fd in self._fds]
        self._used = count
        self.accept(False, False, False, False)

    def accept(self, checksum: bool, tcp4: bool, tcp6: bool, ecn: bool) -> None:
        """See Network."""
        flags = _CSUM | _TSO4 * tcp4 | _TSO6 * tcp6 | _ECN * (ecn and (tcp4 or tcp6)) if checksum else 0
        for link in self.links[: self._used]:
            try:
                ioctl(link.fd, TUNSETOFFLOAD, flags)
            except OSError as error:
                if error.errno != EBADFD:  # gone: the next read says so
                    raise
            link.expect(flags > _CSUM)

    def use(self, count: int) -> None:
        """See Network."""
        for index in range(min(count, self._used), max(count, self._used)):
            flags = _ATTACH if index < count else _DETACH
            try:
                ioctl(self._fds[index], TUNSETQUEUE, _NAMED_FLAGS.pack(b"", flags))
            except OSError as error:
                if error.errno not in (EBADFD, EINVAL):
                    raise
        self._used = count

    def close(self) -> None:
        """See Network."""
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()


def _opened(name: str, many: int) -> int:
    """The fd of one queue of the tap `name`."""
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        flags = _TAP | _NO_INFO | _HEADERS
        try:
            ioctl(fd, TUNSETIFF, _NAMED_FLAGS.pack(name.encode(), flags | many))
        except OSError as error:
            if error.errno != EINVAL or many:
                raise
            ioctl(fd, TUNSETIFF, _NAMED_FLAGS.pack(name.encode(), flags | _MANY))  # it was made for several
        ioctl(fd, TUNSETVNETHDRSZ, pack("i", HEADER))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _raise(name: str) -> None:
    """Sets the interface up, as `ip link set NAME up` does."""
    with _any_socket() as any:
        _, flags = _NAMED_FLAGS.unpack(ioctl(any.fileno(), _GET_FLAGS, _NAMED_FLAGS.pack(name.encode(), 0)))
        ioctl(any.fileno(), _SET_FLAGS, _NAMED_FLAGS.pack(name.encode(), flags | _UP))


def _mtu_of(name: str) -> int:
    with _any_socket() as any:
        _, mtu = _NAMED_NUMBER.unpack(ioctl(any.fileno(), _GET_MTU, _NAMED_NUMBER.pack(name.encode(), 0)))
    return int(mtu)


def _any_socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _reason(name: str, error: OSError, count: int) -> str:
    if error.errno == EPERM:
        return f"not allowed; as root: ip tuntap add {name} mode tap user $USER{' multi_queue' * (count > 1)}"
    if error.errno == EBUSY:
        return "it is in use"
    if error.errno == EINVAL:
        return f"there is an interface of that name that is no tap{' with multi_queue' * (count > 1)}"
    if error.filename == DEVICE:
        return f"cannot open {DEVICE}: {error.strerror}"
    return f"{error.strerror} ({errorcode.get(error.errno or EAGAIN, error.errno)})"
