"""A machine that is mirrored: its standby gets what was written, again and again, and goes on should its process die.

What counts is whole or nothing: pages are kept apart until the state that goes with them has come.

Never two running. Where both are on one host (unix:) the standby looks whether the process at the other end is dead,
and only then goes on; so a machine that has lost its standby may go on. Over a network (tcp:) a connection that is
closed or reset counts as death, and a machine that loses its standby so stops; a silence is no death, the standby
waits, for ever if need be.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from _thread import allocate_lock
from contextlib import suppress

from ...errors import HostError, SnapshotError, StateError
from ...memory import pages
from .. import lifecycle
from ..outcome import MOMENT
from . import wire
from .source import Source, source_of
from .wire import Gone, Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..saved.snapshot import Snapshot
    from ..saving import Saving
    from .destination import Destination

    Epoch = tuple[list[tuple[int, bytes]], bytes]
    """(pages as (offset, bytes), the state that goes with them)"""

LAST_BREATH = 5.0
"""Seconds for a process whose connection has closed to be gone."""


class Mirror:
    """One standby of a machine, as long as it is kept up to date."""

    def __init__(self, machine: Saving, line: Wire, fences: bool) -> None:
        self._machine = machine
        self._line = line
        self._fences = fences
        self._ending = allocate_lock()
        self._ending.acquire()
        self._ended = allocate_lock()
        self._ended.acquire()

    def keep(self, every: float, when_whole: Callable[[], None]) -> None:
        """Until the machine's run ends. See Machine.mirror()."""
        source = source_of(self._machine, self._line)
        is_whole = False
        self._machine.mirrors.append(self)
        try:
            source.greet()
            source.send_all()
            while (epoch := self._epoch(source)) is not None:
                began = time.monotonic()
                for offset, content in epoch[0]:
                    self._line.send(wire.PAGES, struct.pack("<Q", offset), content)
                is_whole = True  # from here on the other side may have all of it
                self._line.send(wire.STATE, epoch[1])
                self._line.receive(wire.YES)
                when_whole()
                self._ending.acquire(timeout=max(0.0, every - (time.monotonic() - began)))
            self._line.send(wire.STAY)
        except (SnapshotError, HostError) as error:
            if is_whole and self._fences:
                self._machine.stop(f"its standby was lost and may have gone on: {error}")
            raise
        finally:
            self._machine.mirrors.remove(self)
            self._ended.release()

    def _epoch(self, source: Source) -> Epoch | None:
        """What was written since the last one; None when the run has ended."""

        def look() -> Epoch | None:
            machine = self._machine
            if machine.state in (lifecycle.ENDED, lifecycle.CLOSED) or machine.outcome not in (None, MOMENT):
                return None
            copied = []
            for at, runs in enumerate(source.written()):
                with memoryview(machine.memory.mappings[at]) as view:
                    for offset, size in pages.in_pieces(runs):
                        copied.append((source.starts[at] + offset, bytes(view[offset : offset + size])))
            return copied, source.state()

        try:
            return self._machine.still(look)  # type: ignore[no-any-return]
        except StateError:  # closed
            return None

    def end(self) -> None:
        """The machine's run has ended: the standby must hear of it before the process does. Waits for that."""
        with suppress(RuntimeError):  # told twice
            self._ending.release()
        self._ended.acquire(timeout=wire.PATIENCE)


def follow(connection: socket.socket, line: Wire, arriving: Destination) -> Snapshot | None:
    """The standby's side: what is to be gone on with, once the other side has died; None when it ended in order.
    SnapshotError when it died before all had come, HostError when it may be alive."""
    with _Peer(connection) as peer:
        arriving.greet()
        whole: Snapshot | None = None
        pending: list[tuple[int, memoryview]] = []
        waiting = 0
        try:
            while True:
                kind, content = line.receive(wire.PAGES, wire.STATE, wire.STAY, patience=None)
                if kind == wire.STAY:
                    return None
                if kind == wire.STATE:
                    snapshot = arriving.read(content)
                    for offset, piece in pending:
                        arriving.write(offset, piece)
                    whole, waiting = snapshot, 0
                    pending.clear()
                    line.send(wire.YES)
                    continue
                offset, piece = arriving.pages(content)
                if whole is None:
                    arriving.write(offset, piece)
                    continue
                waiting += len(piece)
                if waiting > 2 * snapshot.memory.size:
                    raise SnapshotError("more pages came than there are")
                pending.append((offset, piece))
        except Gone:
            if whole is None:
                raise SnapshotError("the machine's process has gone before all of the machine was here") from None
            if not peer.has_died():
                raise HostError(
                    "the connection was closed, but the process at the other end is alive", "the machine is there"
                ) from None
            return whole


class _Peer:
    """Who is at the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._fd = -1
        if connection.family == socket.AF_UNIX:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            with suppress(OSError):  # dead by now
                self._fd = os.pidfd_open(struct.unpack("3i", credentials)[0])

    def __enter__(self) -> _Peer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def has_died(self) -> bool:
        """Whether that process has ended, or has LAST_BREATH seconds to; True for one that is not on this host."""
        return self._fd < 0 or bool(select.select([self._fd], [], [], LAST_BREATH)[0])
