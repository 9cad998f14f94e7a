"""A page server for one client on a thread of the test, which answers so many requests and then does something else."""

from __future__ import annotations

import contextlib
import threading

import pytest

from vmm import HostError, SnapshotError
from vmm.engine.kvm_userfault import Userfault
from vmm.machine.moving import page_server
from vmm.machine.moving.addresses import listening
from vmm.machine.moving.page_server import Served
from vmm.machine.moving.wire import Wire


def skip_unless_permitted() -> None:
    """Skips the test where this process may not serve page faults."""
    try:
        Userfault([]).close()
    except HostError as error:
        pytest.skip(str(error))


class Server(threading.Thread):
    """A page server for one client, which answers `most` requests and then does `then`."""

    def __init__(self, path: str, place: str, most: int = 1 << 30, then=None) -> None:
        super().__init__()
        self.served = Served(path)
        self._place, self._most, self._then = place, most, then
        self.is_there, self.go_on = threading.Event(), threading.Event()
        self.asked: list[tuple[int, int]] = []
        self.start()
        assert self.is_there.wait(10)

    def run(self) -> None:
        with listening(self._place, 1) as listener:
            self.is_there.set()
            connection, _ = listener.accept()
        self.connection = connection
        read = self.served.read

        def reads(offset: int, size: int) -> bytes:
            self.asked.append((offset, size))
            if len(self.asked) > self._most:
                self._then(self)
            return read(offset, size)

        self.served.read = reads
        with contextlib.suppress(HostError, SnapshotError, OSError):
            page_server.serve(self.served, Wire(connection))
        connection.close()
        self.served.close()


def wait(server: Server) -> None:
    assert server.go_on.wait(20)


def wait_and_cut(server: Server) -> None:
    wait(server)
    raise SnapshotError("enough")
