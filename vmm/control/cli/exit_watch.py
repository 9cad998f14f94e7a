"""The options that look at a run's exits (--budget, --trace, --msrs and such): set up before it, written after it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...machine.machine import Machine
    from ...machine.outcome import Outcome
    from ...machine.recorder import Recorder
    from .budget import Budget


class ExitWatch:
    """Made before the machine, so that what is wrong is said before anything runs."""

    def __init__(self, values: dict[str, Any]) -> None:
        """ConfigError for rules and files that cannot be."""
        self._values = values
        self.budget: Budget | None = None
        self._write_trace: Callable[[], None] | None = None
        self._recorder: Recorder | None = None
        if values["budget"] or values["expect"]:
            from .budget import budget_of

            self.budget = budget_of(values)
        if values["report"] is not None:
            from ..whole_file import check_path

            check_path("--report", values["report"])
        if values["record"] is not None:
            from ..whole_file import check_path

            check_path("--record", values["record"])

    def attach(self, machine: Machine) -> None:
        """Before the machine runs. ConfigError for names that it does not have."""
        if self.budget is not None:
            self.budget.check_names(machine)
        if self._values["msrs"]:
            machine.watch_msrs()
        if self._values["record"] is not None:
            self._recorder = machine.record(self._values["record"])
        if self._values["hidden"]:
            machine.watch_hidden()
        if any(self._values[name] is not None for name in ("trace", "trace_filter", "trace_trigger", "trace_at")):
            from .trace import begin

            self._write_trace = begin(machine, self._values)

    def judge(self, machine: Machine) -> None:
        """Between the run and what is said of it."""
        if self.budget is not None:
            self.budget.judge(machine)

    def write(self, machine: Machine, outcome: Outcome) -> None:
        """The files. HostError where one cannot be written."""
        if self._values["report"] is not None:
            from .report import write_page

            write_page(machine, outcome, self._values, self.budget)
        if self._write_trace is not None:
            self._write_trace()
        if self._recorder is not None:
            self._recorder.close()

    def exit_code(self, code: int) -> int:
        """The command's, where it would be `code` without a budget."""
        return code if self.budget is None else self.budget.exit_code(code)
