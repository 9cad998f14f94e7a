"""What the live socket does rather than tells: saves the machine, moves it, has a standby follow it, sets its limits.

Each request is a word and a JSON object; the answer is a line of JSON, {"error": words} when it cannot be. Each has a
thread of its own, for it takes its time, and looking goes on meanwhile.
"""

from __future__ import annotations

import json
from threading import Event, Thread

from ...errors import VmmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from ...machine.machine import Machine

KINDS: dict[str, dict[str, type]] = {
    "snapshot": {"path": str, "track": bool, "differential": bool},
    "migrate": {"address": str, "downtime": float},
    "mirror": {"address": str, "every": float},
    "set": {"values": dict},
}
PATIENCE = 30.0
"""Seconds for the one who asked to take the answer."""


class Errands:
    """Those of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._threads: list[Thread] = []

    def begin(self, line: socket.socket, request: str) -> bool:
        """Takes a request over, and its connection, if it is an errand."""
        word, _, rest = request.partition(" ")
        if word not in KINDS:
            return False
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = Thread(target=self._run, args=(line, word, rest), name=f"errand {word}", daemon=True)
        thread.start()
        self._threads.append(thread)
        return True

    def end(self) -> None:
        """The machine's run has ended: waits until those who asked have been told."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self, line: socket.socket, word: str, rest: str) -> None:
        with line:
            answer = self._answer(word, rest)
            line.settimeout(PATIENCE)
            try:
                line.sendall((json.dumps(answer) + "\n").encode())
            except OSError:
                return  # who asked has left

    def _answer(self, word: str, rest: str) -> dict[str, Any]:
        kinds = KINDS[word]
        try:
            asked = json.loads(rest)
            is_known = isinstance(asked, dict) and {name: type(value) for name, value in asked.items()} == kinds
        except (ValueError, RecursionError):
            is_known = False
        if not is_known:
            needed = ", ".join(f"{name} ({kind.__name__})" for name, kind in kinds.items())
            return {"error": f"{word} needs an object with {needed}"}
        try:
            return getattr(self, f"_{word}")(asked)  # type: ignore[no-any-return]
        except VmmError as error:
            return {"error": str(error)}

    def _snapshot(self, asked: dict[str, Any]) -> dict[str, Any]:
        id = self._machine.snapshot(asked["path"], track=asked["track"], differential=asked["differential"])
        return {"id": id, "path": asked["path"]}

    def _migrate(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._machine.migrate(asked["address"], asked["downtime"]).as_dict()

    def _set(self, asked: dict[str, Any]) -> dict[str, Any]:
        from .settings import change, settings

        change(self._machine, asked["values"])
        return {"settings": settings(self._machine)}

    def _mirror(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answers when the standby has all of it; the mirror goes on behind."""
        is_whole, failures = Event(), []

        def mirror() -> None:
            try:
                self._machine.mirror(asked["address"], asked["every"], is_whole.set)
            except VmmError as error:
                failures.append(str(error))
            finally:
                is_whole.set()

        Thread(target=mirror, name="mirror", daemon=True).start()
        is_whole.wait()
        return {"error": failures[0]} if failures else {"address": asked["address"]}
