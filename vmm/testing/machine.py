"""Machines as tests want them: a console to expect words on, and Linux for one command."""

from __future__ import annotations

import re

from .. import Machine, linux_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import Outcome

TAIL = 2000
"""Characters of the console that a failure shows."""
MET = "the console has said what was expected"


class GuestConsole:
    """COM1 of a machine."""

    def __init__(self, machine: GuestMachine) -> None:
        self._machine = machine
        self._seen = 0
        self._wanted: re.Pattern[str] | None = None
        machine.listen("com1", self._hear)

    @property
    def text(self) -> str:
        """All that the guest has said."""
        return self._machine.console_output.decode(errors="replace")

    def send(self, text: str) -> None:
        """Types `text`."""
        self._machine.feed(text.encode())

    def expect(self, pattern: str, timeout: float = 5.0) -> re.Match[str]:
        """Runs the machine until its console says what the regular expression finds, behind what an earlier expect()
        has found; then the machine stands still. AssertionError, with the console's last words, when the run ends
        first or `timeout` seconds pass."""
        __tracebackhide__ = True
        wanted = re.compile(pattern)
        outcome: Any = None
        while (match := wanted.search(self.text, self._seen)) is None and outcome is None:
            self._wanted = wanted
            try:
                outcome = self._machine.run(timeout, met=True)
            finally:
                self._wanted = None
            if outcome.words == MET:
                outcome = None
        if match is None:
            match = wanted.search(self.text, self._seen)
        if match is None:
            said = self.text[self._seen :][-TAIL:] or "(nothing)"
            raise AssertionError(f"{pattern!r} was expected on the console, but {outcome}; it said:\n{said}")
        self._seen = match.end()
        return match

    def _hear(self, data: bytes) -> None:
        """On a vCPU's thread, before the words are among the output."""
        wanted = self._wanted
        if wanted is not None and wanted.search((self.text + data.decode(errors="replace")), self._seen):
            self._machine.stop(MET)


class GuestMachine(Machine):
    """A vmm.Machine with a console. What the guest does not do by itself (a deadline, an end) is the test's to say."""

    console: GuestConsole
    tracing: Any = None
    _untold: Outcome | None = None
    """The end that the guest came to while a word was expected that it had said before."""

    def __init__(self, *args: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.console = GuestConsole(self)

    def run(self, deadline: float | None = None, met: bool = False) -> Outcome:
        """As Machine.run(). A guest that came to its end during an expect() is not run again: this is its outcome."""
        if self._untold is not None:
            outcome, self._untold = self._untold, None
            return outcome
        outcome = super().run(deadline)
        if met and outcome.kind not in ("stopped", "deadline"):
            self._untold = outcome
        return outcome

    def begin_trace(self) -> None:
        """Records a timeline, for --vmm-artifacts."""
        self.tracing = self.trace()


class LinuxRun:
    """What a command in a Linux guest came to."""

    def __init__(self, machine: GuestMachine, outcome: Outcome) -> None:
        self.machine = machine
        self.outcome = outcome
        self.output = machine.console.text.replace("\r\n", "\n")
        """What the console said."""

    @property
    def status(self) -> int:
        """The command's exit status. AssertionError when the guest did not come to its end."""
        assert self.outcome.kind == "debug-exit", f"{self.outcome}; the console said:\n{self.output[-TAIL:]}"
        return self.outcome.value


def run_linux(machines: list[Any], command: str, deadline: float, **fields: Any) -> LinuxRun:
    """Boots and runs it; the machine joins `machines`, whose end closes it."""
    config, archive = linux_config(["sh", "-c", command], **fields)
    try:
        machine = GuestMachine(config)
    finally:
        archive.close()
    machines.append(machine)
    try:
        return LinuxRun(machine, machine.run(deadline))
    finally:
        if len(machines) > 1:
            machines.pop(0).close()  # a test boots one after another
