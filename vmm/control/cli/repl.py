"""`vmm run --repl`: a Python prompt on the machine once its run is over: registers, memory, devices, run() again."""

from __future__ import annotations

import sys
from code import InteractiveConsole
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...machine.machine import Machine
    from ...machine.outcome import Outcome


def interact(machine: Machine, outcome: Outcome) -> None:
    """Reads and evaluates until the end of input or exit(). What it says goes to standard error, values to stdout."""
    if sys.stdin.isatty():
        with suppress(ImportError):  # then without line editing
            import readline  # noqa: F401
    banner = f"vmm: the machine is {machine.state} ({outcome.words}); `machine`, `outcome`; Ctrl-D ends"
    names = {"machine": machine, "outcome": outcome, "__name__": "__console__"}
    try:
        InteractiveConsole(names).interact(banner, exitmsg="")
    except SystemExit:
        return  # exit() ends the prompt; the guest's exit code stays the command's
