"""A Python prompt on the machine, for --repl once its run is over, for Ctrl-A c between two parts of it: registers,
memory, devices, exits."""

from __future__ import annotations

import sys
from code import InteractiveConsole
from contextlib import suppress

from ...machine.lifecycle import PAUSED
from ...units import SECOND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ...machine.machine import Machine
    from ...machine.outcome import Outcome
    from ..console import Console


def in_turns(
    machine: Machine,
    outcome: Outcome,
    console: Console,
    deadline: float | None,
    run: Callable[[float | None], tuple[Outcome, Console]],
) -> tuple[Outcome, Console]:
    """After a run that `console` ended: the prompt, and with Ctrl-D there `run` for the seconds that are left, until
    the run ends otherwise. exit() ends it too."""
    while console.wants_prompt and machine.state == PAUSED:
        is_over = interact(machine, outcome, "Ctrl-D goes on, exit() ends")
        if machine.state != PAUSED or is_over:
            break
        outcome, console = run(None if deadline is None else max(deadline - machine.ran_ns / SECOND, 0.0))
    return machine.outcome or outcome, console


def interact(machine: Machine, outcome: Outcome, hint: str = "Ctrl-D ends") -> bool:
    """Reads and evaluates until the end of input, or exit(), which makes it true. What it says goes to standard error,
    values to stdout."""
    if sys.stdin.isatty():
        with suppress(ImportError):  # then without line editing
            import readline  # noqa: F401
    banner = f"vmm: the machine is {machine.state} ({outcome.words}); `machine`, `outcome`; {hint}"
    names = {"machine": machine, "outcome": outcome, "__name__": "__console__"}
    try:
        InteractiveConsole(names).interact(banner, exitmsg="")
    except SystemExit:
        return True  # exit() ends the prompt; the guest's exit code stays the command's
    return False
