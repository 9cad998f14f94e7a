"""How a run ended: a kind for programs, words for people, and the exit code that the command gives."""

from __future__ import annotations

from ..records import Record

HALTED = "halted"
DEBUG_EXIT = "debug-exit"
SHUTDOWN = "shutdown"
RESET = "reset"
UNBOOTABLE = "unbootable"
POWER_OFF = "power-off"
SUSPENDED = "suspended"
BREAKPOINT = "breakpoint"
PANIC = "panic"
MIGRATED = "migrated"
DEADLINE = "deadline"
UNCLAIMED = "unclaimed"
ENTRY_FAILURE = "entry-failure"
INTERNAL_ERROR = "internal-error"
FAILED = "failed"
STOPPED = "stopped"

EXIT_CODES = {
    HALTED: (0, "the guest halted for good"),
    DEBUG_EXIT: (None, "the value that the guest wrote to the debug-exit port"),
    PANIC: (118, "the guest's kernel panicked"),
    UNBOOTABLE: (119, "no drive has anything to boot"),
    SHUTDOWN: (120, "triple fault"),
    INTERNAL_ERROR: (121, "KVM could not go on, such as an instruction that it cannot emulate"),
    ENTRY_FAILURE: (121, "the CPU refused the guest's state"),
    FAILED: (121, "KVM_RUN failed, the guest made an exit that nothing handles, or its memory was lost"),
    UNCLAIMED: (122, "an access that no device claims, with --strict"),
    RESET: (123, "the guest asked for a reset"),
    POWER_OFF: (0, "the guest switched the machine off"),
    SUSPENDED: (0, "the guest went to sleep (ACPI S3); to run it again wakes it"),
    BREAKPOINT: (0, "the guest came to an address that it should run to"),
    MIGRATED: (0, "the machine went on elsewhere"),
    DEADLINE: (124, "the deadline passed"),
    STOPPED: (130, "stopped from outside: Ctrl-C, Ctrl-A x, a signal"),
}
"""The contract: exit code and meaning of each kind. 125 is bad input, 126 a host that cannot; nothing ran then."""

RESUMABLE = (DEADLINE, STOPPED, SUSPENDED, BREAKPOINT)
"""Kinds after which the machine may run on."""
PAUSES = (DEADLINE, STOPPED)
"""Those of them that come from outside."""
ABNORMAL = (SHUTDOWN, INTERNAL_ERROR, ENTRY_FAILURE, FAILED, UNCLAIMED, DEADLINE)
"""Kinds that a crash report explains."""
LAST_OF_A_PANIC = (RESET, SHUTDOWN)
"""How a kernel that has panicked may end: to know of the panic says more."""


class Outcome(Record):
    """The verdict of one run."""

    kind: str
    """One of EXIT_CODES."""
    words: str
    """The same in a sentence without a full stop, with what is known beyond the kind."""
    value: int = 0
    """What was written to the debug-exit port; the signal that stopped the run; where it came to; else 0."""
    vcpu: int = 0
    """The vCPU that ended it."""
    detail: dict[str, object] = {}  # noqa: RUF012 - records are frozen
    """Data by name: the failing instruction, the KVM suberror, the unclaimed access."""

    def exit_code(self, style: str = "raw") -> int:
        """0 to 255. A debug-exit value v gives v in "raw" style and (v << 1) | 1 in "qemu" style, cut to a byte."""
        code = EXIT_CODES[self.kind][0]
        if code is None:
            code = (self.value << 1 | 1 if style == "qemu" else self.value) & 0xFF
        elif self.kind == STOPPED and self.value:
            code = 128 + self.value
        return code

    @property
    def is_abnormal(self) -> bool:
        """Whether a crash report is called for."""
        return self.kind in ABNORMAL

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


MOMENT = Outcome(kind=STOPPED, words="stands still for a moment")
"""Not an end: see stillness.py."""


def panic(quote: str = "") -> Outcome:
    """The verdict on a kernel that has panicked, with what it said of it, if that is known."""
    return Outcome(kind=PANIC, words=f"the guest's kernel panicked{quote and f': {quote}'}")
