"""The live socket of one machine: answers one request a connection, on threads that no guest waits for.

Requests, each a line: "info", "stats json" (docs/exits-json.md), "prometheus", errands (errands.py); or HTTP's "GET
/metrics". The answer ends with the connection. Looking does not change what is seen: KVM's own counters, whose reading
would interrupt the guest, are left out. Not here: when it opens (door.py).
"""

from __future__ import annotations

import json
import os
import socket
import time
from _thread import start_new_thread
from contextlib import suppress
from threading import Lock, Semaphore

from ...errors import VmmError
from ...machine.postmortem import statistics, symbols_of
from .errands import Errands
from .sockets import folder_in, path_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...machine.machine import Machine

REQUEST = 4096
"""Bytes that a request may have."""
PATIENCE = 1.0
"""Seconds for a whole request to come, and for its answer to leave."""
AT_ONCE = 16
"""Who asks beyond that waits in the listener's queue until another is answered or given up."""
QUEUE = 64


class Server:
    """Listens from its making to close()."""

    def __init__(self, machine: Machine, runtime: str) -> None:
        """OSError where there can be no socket."""
        self._machine = machine
        self._symbols = symbols_of(machine)
        self._turn = Lock()
        """Held while the machine is looked at, which must not be closed meanwhile."""
        self._is_closed = False
        self._room = Semaphore(AT_ONCE)
        self._errands = Errands(machine)
        self.path = path_in(folder_in(runtime, make=True), os.getpid())
        if os.path.lexists(self.path):
            os.unlink(self.path)  # of a dead process that had our number
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(self.path)
            os.chmod(self.path, 0o600)
            self._listener.listen(QUEUE)
        except OSError:
            self._listener.close()
            raise

    def serve(self) -> None:
        """Answers until close(), which another thread calls."""
        while not self._is_closed:
            try:
                line, _ = self._listener.accept()
            except OSError:
                break
            self._room.acquire()
            try:
                start_new_thread(self._talk, (line,))
            except RuntimeError:  # no thread to be had
                self._talk(line)

    def _talk(self, line: socket.socket) -> None:
        is_taken = False
        try:
            request = _request(line)
            line.settimeout(PATIENCE)
            is_taken = self._errands.begin(line, request)
            if not is_taken:
                line.sendall(self.answer(request))
        except OSError:
            return  # who asked has left, or never said what
        finally:
            if not is_taken:
                line.close()
            self._room.release()

    def close(self) -> None:
        """The socket goes; an answer that is being made is waited for. Any thread, legal twice."""
        with self._turn:
            if self._is_closed:
                return
            self._is_closed = True
        with suppress(OSError):  # it may have been removed by hand
            os.unlink(self.path)
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() alone would not
        self._listener.close()
        self._errands.end()

    def answer(self, request: str) -> bytes:
        """The bytes for one request."""
        words = request.split()
        if words[:1] == ["GET"]:
            if words[1:2] != ["/metrics"]:
                return _http("404 Not Found", "there is /metrics\n")
            return _http("200 OK", self._content("prometheus"))
        return self._content(" ".join(words)).encode()

    def _content(self, request: str) -> str:
        with self._turn:
            if self._is_closed:
                return '{"error": "the machine has ended"}\n'
            if request == "info":
                return json.dumps(self._info()) + "\n"
            if request not in ("stats json", "prometheus"):
                return '{"error": "unknown request; there are: info, stats json, prometheus"}\n'
            try:
                exits = statistics(self._machine, self._symbols, kernel=False)
            except VmmError as error:
                return json.dumps({"error": str(error)}) + "\n"
        if request == "stats json":
            return json.dumps(exits.as_json()) + "\n"
        from ...observe.prometheus import render

        return render(exits)

    def _info(self) -> dict[str, object]:
        config = self._machine.config
        drives = (config.fda, config.hda, config.hdb, config.cdrom)
        image = next((one for one in (config.image, *drives, config.firmware) if one and isinstance(one, str)), "")
        return {
            "schema": "vmm.live",
            "version": 1,
            "pid": os.getpid(),
            "name": os.path.basename(image.partition(",")[0]),
            "vcpus": len(self._machine.vcpus),
            "memory": config.memory,
            "ran_ns": self._machine.ran_ns,
            "exits": self._machine.exit_count,
        }


def _request(line: socket.socket) -> str:
    """The first line, of REQUEST bytes at most. OSError when it has not come after PATIENCE, whatever pieces did."""
    taken, end = b"", time.monotonic() + PATIENCE
    while b"\n" not in taken and len(taken) < REQUEST:
        line.settimeout(max(end - time.monotonic(), 0.001))
        part = line.recv(REQUEST - len(taken))
        if not part:
            break
        taken += part
    return taken.partition(b"\n")[0].decode("ascii", "replace").strip()


def _http(status: str, content: str) -> bytes:
    body = content.encode()
    head = (
        f"HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
