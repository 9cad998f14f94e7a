"""--trace: from its options to a recorder, and from the recorder to the file."""

from __future__ import annotations

from ...errors import ConfigError
from ...machine.trace_trigger import triggers
from ...observe.exit_filter import ExitFilter
from ..whole_file import check_path, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...machine.machine import Machine


def begin(machine: Machine, values: dict[str, Any]) -> Callable[[], None]:
    """Starts recording before the run; what it gives writes the file after it. ConfigError for a wrong option."""
    path, wanted, trigger, at = (values[name] for name in ("trace", "trace_filter", "trace_trigger", "trace_at"))
    if path is None:
        option = "--trace-filter" if wanted is not None else "--trace-trigger" if trigger is not None else "--trace-at"
        raise ConfigError.of(option, "says nothing without --trace FILE")
    check_path("--trace", path)
    ExitFilter(wanted or "", "--trace-filter")
    if trigger == "":
        raise ConfigError.of("--trace-trigger", "an empty word is said at once")
    if at is not None:
        triggers(at, machine.ports, machine.mmio, "--trace-at")
    tracing = machine.trace(trigger=trigger or "", at=at or "")
    return lambda: write_file(path, tracing.to_json(wanted or "").encode())
