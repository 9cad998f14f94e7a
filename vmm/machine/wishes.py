"""What a guest asks of its machine through its chips: most of it ends the run. The part of a Board that chips call."""

from __future__ import annotations

from . import outcome
from .outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .run import Run


class Wishes:
    """A board without a run, or one that is closed, has nobody to ask: nothing happens."""

    run: Run | None = None
    """The machine's; set before the guest runs."""

    def rearm(self) -> None:
        """An alarm was set earlier than all others."""
        if self.run is not None:
            self.run.rearm()

    def debug_exit(self, value: int) -> None:
        """The guest wrote `value` to the debug-exit port."""
        words = f"the guest wrote {value:#x} to the debug-exit port"
        self._end(Outcome(kind=outcome.DEBUG_EXIT, words=words, value=value))

    def reset_requested(self, words: str) -> None:
        """In one of the ways that a PC has, named by `words`."""
        self._end(Outcome(kind=outcome.RESET, words=f"the guest asked for a reset: {words}"))

    def nothing_boots(self, words: str) -> None:
        """Our BIOS has tried all drives."""
        self._end(Outcome(kind=outcome.UNBOOTABLE, words=words))

    def power_off(self, words: str) -> None:
        """By ACPI."""
        self._end(Outcome(kind=outcome.POWER_OFF, words=f"the guest switched the machine off: {words}"))

    def suspend(self) -> None:
        """To RAM."""
        self._end(Outcome(kind=outcome.SUSPENDED, words="the guest suspended the machine to RAM"))

    def panic_noted(self, words: str) -> None:
        """What a kernel says on the console of its panic, which is not over yet."""
        if self.run is not None:
            self.run.panic = words

    def panicked(self) -> None:
        """Its panic is over."""
        if self.run is not None:
            self.run.end(outcome.panic(self.run.panic))

    def _end(self, verdict: Outcome) -> None:
        if self.run is not None:
            self.run.end(verdict)
