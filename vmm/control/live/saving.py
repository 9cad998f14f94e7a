"""What the live socket answers to `vmm snapshot`: the machine is saved where the request says."""

from __future__ import annotations

import json

from ...errors import VmmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...machine.machine import Machine

_KINDS = {"path": str, "track": bool, "differential": bool}


def save(machine: Machine, request: str) -> str:
    """The answer, a line of JSON: {"id": ..., "path": ...} or {"error": words}."""
    try:
        asked = json.loads(request)
        known = isinstance(asked, dict) and all(type(asked.get(name)) is kind for name, kind in _KINDS.items())
    except (ValueError, RecursionError):
        known = False
    if not known:
        return '{"error": "snapshot needs a path, and whether to track and to write the difference"}\n'
    try:
        id = machine.snapshot(asked["path"], track=asked["track"], differential=asked["differential"])
    except VmmError as error:
        return json.dumps({"error": str(error)}) + "\n"
    return json.dumps({"id": id, "path": asked["path"]}) + "\n"
