"""`vmm snapshot serve`: gives a snapshot's memory, page by page, to those who restore it from here."""

from __future__ import annotations

import signal
import socket
import sys
import threading

from ...errors import VmmError
from ...machine.moving import page_server
from ...machine.moving.addresses import listening
from ...machine.moving.page_server import Served
from ...machine.moving.wire import Wire
from ...units import format_size
from .migrate import listening as free

WAITING = 64
"""Clients that may wait to be taken."""


def serve(path: str, address: str) -> int:
    """Until SIGINT or SIGTERM; 0. SnapshotError for what is none, HostError for an address that cannot be had."""
    served = Served(path)
    free(address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with listening(address, WAITING) as listener:
            sys.stderr.write(f"vmm: {path} is served at {address}\n")
            while True:
                line, _ = listener.accept()
                threading.Thread(target=_look_after, args=(served, line), daemon=True).start()
    except KeyboardInterrupt:
        return 0


def _look_after(served: Served, connection: socket.socket) -> None:
    line = Wire(connection)
    try:
        words = f"{format_size(page_server.serve(served, line))} went to a machine"
    except VmmError as error:
        words = f"a client is gone: {error}"
    finally:
        line.close()
    sys.stderr.write(f"vmm: {words}\n")
