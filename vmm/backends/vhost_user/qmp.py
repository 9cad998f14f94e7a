"""QMP, by which a process of QEMU's is told to change what it does: a line of JSON each way.

Source: QEMU, docs/interop/qmp-spec.rst.
"""

from __future__ import annotations

import json
from _thread import allocate_lock

from ...bus.engine_link import EngineLost
from .wire import PATIENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

LONGEST = 1 << 20
"""Bytes of an answer."""


class Qmp:
    """Over `connection`. Any thread."""

    def __init__(self, connection: socket.socket) -> None:
        """It is greeted at the first command."""
        connection.settimeout(PATIENCE)
        self._socket = connection
        self._lines = connection.makefile("rb")
        self._lock = allocate_lock()
        self._is_greeted = False

    def ask(self, command: str, **arguments: Any) -> Any:
        """What it answers. EngineLost when it is gone; its refusal is one too, in its words."""
        with self._lock:
            if not self._is_greeted:
                self._answer()
                self._tell("qmp_capabilities", {})
                self._is_greeted = True
            return self._tell(command, arguments)

    def _tell(self, command: str, arguments: dict[str, Any]) -> Any:
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        except OSError as error:
            raise EngineLost(f"the engine does not listen: {error}") from None
        while "event" in (answer := self._answer()):
            pass
        if "return" not in answer:
            raise EngineLost(f"the engine refuses {command}: {answer.get('error', {}).get('desc', '')}")
        return answer["return"]

    def _answer(self) -> dict[str, Any]:
        try:
            answer = json.loads(self._lines.readline(LONGEST))
        except (OSError, ValueError) as error:
            raise EngineLost(f"the engine does not answer: {error}") from None
        if not isinstance(answer, dict):
            raise EngineLost("the engine does not answer in QMP")
        return answer

    def close(self) -> None:
        """Hangs up. Legal twice."""
        self._lines.close()
        self._socket.close()
