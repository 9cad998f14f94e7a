"""Which of the machines that run a user means."""

from __future__ import annotations

import json
import os

from ...errors import ConfigError, HostError
from .sockets import ask, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Seen = tuple[dict[str, Any], str]
    """(what it says of itself, the path of its socket)"""


def seen() -> list[Seen]:
    """All that can be seen. HostError where none can."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if not runtime:
        raise HostError(
            "XDG_RUNTIME_DIR is not set: no machine can be seen", "export XDG_RUNTIME_DIR=/run/user/$(id -u)"
        )
    found = []
    for _, path in running(runtime):
        try:
            found.append((json.loads(ask(path, "info")), path))
        except (HostError, ValueError):
            continue  # it ended just now
    return [(info, path) for info, path in found if "pid" in info]


def chosen(wanted: str, machines: list[Seen] | None = None) -> Seen:
    """The one with that PID or name; with "", the only one. ConfigError when that is none, or not one."""
    machines = seen() if machines is None else machines
    fitting = [one for one in machines if wanted in ("", str(one[0]["pid"]), one[0]["name"])]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{info['pid']} ({info['name']})" for info, _ in machines)
    if not machines:
        raise ConfigError.of(
            "", "no machine runs that can be seen; it must have run for 0.3s, with this XDG_RUNTIME_DIR"
        )
    if not fitting:
        raise ConfigError.of("", f"no machine is {wanted}; there are {known}")
    raise ConfigError.of("", f"several machines fit; name one by its PID: {known}")
