"""`vmm run --trace`: from its options to a recorder, and from the recorder to the file."""

from __future__ import annotations

from ...errors import ConfigError
from ...observe.exit_filter import ExitFilter
from ..whole_file import check_path, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...machine.machine import Machine


def begin(machine: Machine, values: dict[str, Any]) -> Callable[[], None]:
    """Starts recording before the run; what it gives writes the file after it. ConfigError for a wrong option."""
    path, wanted, trigger = values["trace"], values["trace_filter"] or "", values["trace_trigger"]
    if path is None:
        raise ConfigError.of("--trace-filter" if wanted else "--trace-trigger", "says nothing without --trace FILE")
    check_path("--trace", path)
    ExitFilter(wanted, "--trace-filter")
    if trigger == "":
        raise ConfigError.of("--trace-trigger", "an empty word is said at once")
    tracing = machine.trace(trigger=trigger or "")
    return lambda: write_file(path, tracing.to_json(wanted).encode())
