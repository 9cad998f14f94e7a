"""`vmm run`: one guest from its image to its outcome."""

from __future__ import annotations

import gc
import os
import sys

from ...errors import ConfigError, HostError
from ...machine.machine import Machine
from ...machine.outcome import RESUMABLE
from ...units import SECOND
from ..console import BROKEN_PIPE, Console
from ..live.door import Door
from .options import help_page, parse
from .run_config import config_of, is_live, packed, warn
from .run_options import COMMAND, EXIT_OPTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.outcome import Outcome
    from .boot import Watch
    from .budget import Budget
    from .options import Command


def main(words: list[str], command: Command = COMMAND, profile: Any = None) -> int:
    """The command's exit code; that of `vmm profile` too, which looks in at `profile` (a profile.Profile)."""
    values, plain = parse(command, words)
    if values["help"]:
        sys.stdout.write(help_page(command, bool(values["help_all"])))
        return 0
    if command.name in ("restore", "standby"):
        from .restore import as_run

        values, plain = as_run(command.name, values, plain)
    if profile is not None:
        profile.check(values)
    archive = packed(values) if values["dir"] else None
    restored = None
    if values["restore"] is values["from"] is values["listen"] is values["standby"] is None:
        config = config_of(values, plain, () if archive is None else (archive.path,))
    else:
        from .restore import restorer

        restored = restorer(values, plain)
    deadline = None if values["deadline"] is None else values["deadline"] / SECOND
    held: list[str] = []
    exits = None
    if any(values[name] not in (None, False, []) for name in EXIT_OPTIONS):
        from .exit_watch import ExitWatch

        exits = ExitWatch(values)
    watch = None
    if values["boot_trace"] or values["boot_trace_out"] is not None:
        from .boot import watch as boot_watch

        watch = boot_watch(values)

    def prepare(machine: Machine) -> None:
        """What must be there before its first instruction, and before the state of a saved one."""
        if values["device"]:
            from .user_device import plug

            for asked in values["device"]:
                plug(machine, asked)
        if exits is not None:
            exits.attach(machine)
        if profile is not None:
            profile.attach(machine, values)

    try:
        told: dict[str, Any] = {"warn": held.append} if is_live(values) else {}
        made = Machine(config.replace(**told)) if restored is None else restored(prepare, told)
    finally:
        if archive is not None:
            archive.close()  # its content is in the guest's memory
    if made is None:
        return 0  # the machine that a standby followed has ended in order
    with made as machine:
        _check_screen(machine, values)
        if restored is None:
            prepare(machine)
        outcome, console = _run(machine, values, deadline, watch)
        if console.wants_prompt:
            from .repl import in_turns

            outcome, console = in_turns(
                machine, outcome, console, deadline, lambda left: _run(machine, values, left, None)
            )
        for warning in held:
            warn(warning)
        if exits is not None:
            exits.judge(machine)
        is_saved = values["snapshot"] is not None and outcome.kind in RESUMABLE
        has_verdict = console.failure is None and not is_saved
        report(machine, outcome, values, has_verdict, None if exits is None else exits.budget)
        _write_files(machine, values)
        if values["snapshot"] is not None:
            from .snapshot import save_at_end

            save_at_end(machine, outcome, values["snapshot"])
        if exits is not None:
            exits.write(machine, outcome)
        if profile is not None:
            profile.report(machine, values)
        if watch is not None:
            watch.report(values)
        if values["repl"]:
            from .repl import interact

            interact(machine, outcome)
    if console.failure is not None and outcome.value != BROKEN_PIPE:
        raise HostError(f"cannot write standard output: {console.failure.strerror}")
    code = outcome.exit_code(values["exit_code"])
    return code if exits is None else exits.exit_code(code)


def _go(machine: Machine, deadline: float | None, watch: Watch | None) -> Outcome:
    with Door(machine):
        if watch is None:
            return machine.run(deadline)
        with watch.attach(machine):
            return machine.run(deadline)


def _run(
    machine: Machine, values: dict[str, Any], deadline: float | None, watch: Watch | None
) -> tuple[Outcome, Console]:
    """Runs it between a console and, with --display text, a screen, whose last state is printed in the end."""
    is_interactive = values["console"] in (None, "stdio") and not (values["json"] and os.isatty(0))
    if not is_live(values):
        with Console(machine, is_interactive, sys.stderr.write, deadline) as console:
            gc.freeze()  # what is there stays to the end: no collection need look at it
            gc.enable()
            outcome = _go(machine, deadline, watch)
        text = machine.screen.text if values["display"] == "text" else ""
    else:
        from ..display import Display

        gc.freeze()
        gc.enable()
        display = Display(machine, 1, sys.stdout.encoding)
        with Console(machine, is_interactive, display.say, deadline, keys=display.take) as console, display:
            outcome = _go(machine, deadline, watch)
        text = "" if display.is_lost else machine.screen.render_ansi()
    if text:
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding, "replace"))
        sys.stdout.flush()
    return outcome, console


def _check_screen(machine: Machine, values: dict[str, Any]) -> None:
    """ConfigError when the screen is asked for and there is no memory for one."""
    for option, is_wanted in (("--display", values["display"] == "text"), ("--screenshot", values["screenshot"])):
        if is_wanted and not machine.has_screen:
            raise ConfigError.of(option, "the machine has no text screen: it needs 768K of memory or more")


def _share_a_screen() -> bool:
    """Whether standard output and standard error go to the same place, where our words would join the guest's line."""
    try:
        return os.path.samestat(os.fstat(1), os.fstat(2))
    except OSError:
        return False


def report(
    machine: Machine, outcome: Outcome, values: dict[str, Any], verdict: bool, budget: Budget | None = None
) -> None:
    """What is said after the run: JSON on stdout, words on stderr, and last what goes to a file and may fail."""
    if values["json"]:
        from ..json_file import run_document, to_text

        document = run_document(machine, outcome, values["exit_code"])
        if budget is not None:
            budget.amend(document)
        sys.stdout.write(to_text(document))
    elif verdict and not values["quiet"] and (values["stats"] or outcome.kind not in ("debug-exit", "halted")):
        if machine.standard_output is not None and machine.standard_output.in_line and _share_a_screen():
            sys.stderr.write("\n")
        words = machine.crash_report().render() if outcome.is_abnormal else f"vmm: {outcome.words}"
        sys.stderr.write(f"{words}\n")
    if values["stats"]:
        from ...observe.exit_table import render

        sys.stderr.write("\n" + render(machine.exits) + "\n")
    elif values["msrs"] or values["hidden"]:
        _say_asked(machine, values)
    if budget is not None:
        budget.say()
    if values["stats_out"] is not None:
        from ..json_file import exits_document, write_json

        document = exits_document(machine, outcome, values["exit_code"])
        if budget is not None:
            budget.amend(document)
        write_json(values["stats_out"], document)


def _say_asked(machine: Machine, values: dict[str, Any]) -> None:
    """The tables of --msrs and --hidden where --stats does not show them among the others."""
    exits, lines = machine.exits, []
    if values["msrs"]:
        from ...observe.msr_accesses import render as msr_table

        lines += ["", *(msr_table(exits.msrs or ()) or ["No MSR accesses"])]
    if exits.hidden is not None:
        from ...observe.hidden_table import render as hidden_table

        lines += ["", *hidden_table(exits.hidden, exits.symbols, 80, bold=False, rows=24)]
    sys.stderr.write("\n".join(lines) + "\n")


def _write_files(machine: Machine, values: dict[str, Any]) -> None:
    """What the options of this command alone have written."""
    if values["screenshot"] is not None:
        from ..screenshot import write

        write(values["screenshot"], machine.screen)
    if values["firmware_log"] is not None:
        from ..whole_file import write_file

        write_file(values["firmware_log"], machine.output("firmware-console"))
