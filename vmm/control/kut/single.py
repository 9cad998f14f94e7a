"""One kvm-unit-test, run on a machine of ours: multiboot, serial port, debug exit, the kernel's interrupt chips."""

from __future__ import annotations

import os
import time

from ...machine import outcome as outcomes
from ...machine.config import MachineConfig
from ...machine.machine import Machine
from ...units import MiB
from . import output, result
from .qemu_words import DEFAULT_CPU
from .result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...machine.outcome import Outcome
    from ...observe.statistics import ExitStatistics

MEMORY = 128 * MiB
"""What a test gets that does not ask: QEMU's default."""


class Run:
    """A finished run: its Result, and the exits behind it."""

    def __init__(self, result: Result, outcome: Outcome, exits: ExitStatistics) -> None:
        self.result = result
        self.outcome = outcome
        self.exits = exits


def config_of(file: str, fields: dict[str, Any]) -> MachineConfig:
    """The machine for a test: `fields` over the defaults."""
    common: dict[str, Any] = {"format": "multiboot", "memory": MEMORY, "irqchip": "kernel", "pc_testdev": True}
    return MachineConfig(image=file, **{**common, "cpu": DEFAULT_CPU, **fields})


def run(file: str, fields: dict[str, Any], timeout: float | None, echo: Callable[[bytes], None] | None = None,
        name: str = "") -> Run:  # fmt: skip
    """Runs the test in `file`. `echo` is given what the guest says as it says it. Errors as of Machine."""
    said = bytearray()

    def heard(data: bytes) -> None:
        if len(said) < 16 * MiB:
            said.extend(data)
        if echo is not None:
            echo(data)

    started = time.monotonic()
    with Machine(config_of(file, {**fields, "console": heard})) as machine:
        outcome = machine.run(timeout)
        while outcome.kind == outcomes.SUSPENDED:  # what wakes a guest is the host's to say: here nothing waits
            outcome = machine.run(timeout)
        exits = machine.exits
    text = said.decode("utf-8", "replace")
    verdict = verdict_of(outcome)
    found = Result(
        name=name or os.path.basename(file).removesuffix(".flat"),
        verdict=verdict,
        words=_words(verdict, outcome, text),
        lines=output.report(text),
        seconds=time.monotonic() - started,
        exits=exits.total,
        hot=_hot(exits),
        console=text,
    )
    return Run(found, outcome, exits)


def verdict_of(outcome: Outcome) -> str:
    """The verdict behind an outcome."""
    if outcome.kind == outcomes.DEBUG_EXIT:
        return result.STATUSES.get(outcome.exit_code("qemu"), result.FAIL)
    return {
        outcomes.SHUTDOWN: result.RESET,
        outcomes.RESET: result.RESET,
        outcomes.DEADLINE: result.TIMEOUT,
        outcomes.HALTED: result.FAIL,
    }.get(outcome.kind, result.INTERNAL_ERROR)


def _words(verdict: str, outcome: Outcome, text: str) -> str:
    if outcome.kind == outcomes.DEBUG_EXIT:
        return output.reason(text) if verdict != result.PASS else ""
    return outcome.words


def _hot(exits: ExitStatistics) -> str:
    for location, view in exits.by_location().items():
        return f"{location} {view.share:.0%}"
    return ""
