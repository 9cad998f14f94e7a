"""Opens the live socket of a run that lasts: a thread sleeps beside the guest, and a short run ends before it wakes.

Not here: the socket and what it answers (server.py), which are imported when the thread wakes.
"""

from __future__ import annotations

import os
from _thread import allocate_lock, start_new_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from ...machine.machine import Machine
    from .server import Server

AFTER = 0.3
"""Seconds that a run goes on without a socket: a tiny guest pays for a sleeping thread, not for imports and files."""


class Door:
    """Around a run: `with Door(machine): machine.run()`. Where there can be no socket there is none, without a word."""

    def __init__(self, machine: Machine, after: float = AFTER) -> None:
        self._machine = machine
        self._after = after
        self._over = allocate_lock()
        self._turn = allocate_lock()
        """Held while the door opens or shuts."""
        self._is_shut = False
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._over.acquire()
        folder = os.environ.get("XDG_RUNTIME_DIR", "")
        if folder:
            try:
                start_new_thread(self._wait, (folder,))
            except RuntimeError:
                return self  # no thread to be had
        return self

    def __exit__(self, *_: object) -> None:
        self._over.release()
        with self._turn:
            self._is_shut = True
            if self._server is not None:
                self._server.close()

    def _wait(self, folder: str) -> None:
        if self._over.acquire(timeout=self._after):
            return
        from .server import Server

        with self._turn:
            if self._is_shut:
                return
            try:
                server = self._server = Server(self._machine, folder)
            except OSError:
                return  # not our folder, too long a path, no descriptor: the guest runs on unseen
        server.serve()
