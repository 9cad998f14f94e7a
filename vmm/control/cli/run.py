"""`vmm run`: one guest from its image to its outcome."""

from __future__ import annotations

import gc
import os
import sys

from ...errors import ConfigError, HostError
from ...machine.config import MachineConfig
from ...machine.machine import Machine
from ...units import SECOND
from ..console import BROKEN_PIPE, Console
from .options import help_page, parse
from .run_options import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.outcome import Outcome
    from ..linux.tree import ArchiveFile


_PASSED_ON = ("mode", "memory", "vcpus", "cpu", "irqchip", "load", "entry", "stack", "format", "unreal", "user",
              "strict", "test_devices", "symbols", "firmware", "fda", "hda", "hdb", "cdrom", "boot",
              "uuid")  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    archive = _pack(values) if values["dir"] else None
    config = _config(values, plain, () if archive is None else (archive.path,))
    deadline = None if values["deadline"] is None else values["deadline"] / SECOND
    held: list[str] = []
    if _is_live(values):
        config = config.replace(warn=held.append)
    watch = None
    if values["boot_trace"] or values["boot_trace_out"] is not None:
        from .boot import watch as boot_watch

        watch = boot_watch(values)
    try:
        made = Machine(config)
    finally:
        if archive is not None:
            archive.close()  # its content is in the guest's memory
    with made as machine:
        _check_screen(machine, values)
        if watch is None:
            outcome, console = _run(machine, values, deadline)
        else:
            with watch.attach(machine):
                outcome, console = _run(machine, values, deadline)
        for warning in held:
            warn(warning)
        report(machine, outcome, values, console.failure is None)
        if watch is not None:
            watch.report(values)
    if console.failure is not None and outcome.value != BROKEN_PIPE:
        raise HostError(f"cannot write standard output: {console.failure.strerror}")
    return outcome.exit_code(values["exit_code"])


def _run(machine: Machine, values: dict[str, Any], deadline: float | None) -> tuple[Outcome, Console]:
    """Runs it between a console and, with --display text, a screen, whose last state is printed in the end."""
    is_interactive = values["console"] in (None, "stdio") and not (values["json"] and os.isatty(0))
    if not _is_live(values):
        with Console(machine, is_interactive, sys.stderr.write, deadline) as console:
            gc.freeze()  # what is there stays to the end: no collection need look at it
            gc.enable()
            outcome = machine.run(deadline)
        text = machine.screen.text if values["display"] == "text" else ""
    else:
        from ..display import Display

        gc.freeze()
        gc.enable()
        display = Display(machine, 1, sys.stdout.encoding)
        with Console(machine, is_interactive, display.say, deadline, keys=display.take) as console, display:
            outcome = machine.run(deadline)
        text = "" if display.is_lost else machine.screen.render_ansi()
    if text:
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding, "replace"))
        sys.stdout.flush()
    return outcome, console


def _pack(values: dict[str, Any]) -> ArchiveFile:
    """The directories, the later above the earlier."""
    from ...machine.defaults import MEMORY_OF_LINUX
    from ..linux.tree import ArchiveFile

    archive = ArchiveFile("dir")
    for top in values["dir"]:
        archive.add_directory(top, values["memory"] or MEMORY_OF_LINUX, warn)
    return archive


def _config(values: dict[str, Any], plain: list[str], more: tuple[str, ...]) -> MachineConfig:
    given = {name: values[name] for name in _PASSED_ON if values[name] is not None}
    if values["fw_cfg"]:
        given["fw_cfg"] = tuple(values["fw_cfg"])
    if values["protocol"] is not None:
        given["boot_protocol"] = values["protocol"]
    if values["direct"] or values["no_direct"]:
        given["direct"] = not values["no_direct"]
    if values["append"] is not None:
        given["command_line"] = values["append"]
    if values["module"] or values["initrd"] is not None or more:
        given["modules"] = (*_modules(values), *more)
    images = [*plain, *filter(None, [values["kernel"], values["guest"]])]
    starts_without = ("firmware", "fda", "hda", "hdb", "cdrom")
    if len(images) != 1 and (images or not any(values[name] for name in starts_without)):
        raise ConfigError.of("", f"{'no' if not images else 'more than one'} image given; usage: vmm run IMAGE")
    for field in ("stats_out", "boot_trace_out"):
        if values[field] is not None:
            from ..whole_file import check_path

            check_path("--" + field.replace("_", "-"), values[field])
    if values["screenshot"] is not None:
        from ..screenshot import check

        check("--screenshot", values["screenshot"])
    if values["display"] == "text" and values["json"]:
        raise ConfigError.of("--display", "not with --json, which has the screen in its document")
    if _is_live(values) and values["console"] == "stdio":
        raise ConfigError.of("--display", "a terminal cannot show the screen and --console stdio at once")
    if values["firmware_log"] is not None:
        from ..whole_file import check_path

        check_path("--firmware-log", values["firmware_log"])
    if values["symbols"] is not None and not os.access(values["symbols"], os.R_OK):
        raise ConfigError.of("--symbols", f"cannot read {values['symbols']}")
    console = values["console"] or ("capture" if values["display"] == "text" else "stdio")
    common: dict[str, Any] = {
        "console": "capture" if values["json"] and console == "stdio" else console,
        "warn": warn,
    }
    if values["display"] == "text":
        common["display"] = True
    if values["guest"] is not None:
        from ..guest_run import config_of

        return config_of(values["guest"]).replace(**common, **given)
    return MachineConfig(image=images[0] if images else "", **common, **given)


def _is_live(values: dict[str, Any]) -> bool:
    """Whether the screen is shown while the guest runs: on a terminal that can place a cursor."""
    return values["display"] == "text" and os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb"


def _check_screen(machine: Machine, values: dict[str, Any]) -> None:
    """ConfigError when the screen is asked for and there is no memory for one."""
    for option, is_wanted in (("--display", values["display"] == "text"), ("--screenshot", values["screenshot"])):
        if is_wanted and not machine.has_screen:
            raise ConfigError.of(option, "the machine has no text screen: it needs 768K of memory or more")


def _modules(values: dict[str, Any]) -> tuple[str, ...]:
    from ..kut.qemu_words import modules

    return (*(modules(values["initrd"]) if values["initrd"] is not None else ()), *values["module"])


def warn(text: str) -> None:
    try:
        sys.stderr.write(f"vmm: {text}\n")
    except OSError:
        return  # nobody listens; the guest goes on


def _share_a_screen() -> bool:
    """Whether standard output and standard error go to the same place, where our words would join the guest's line."""
    try:
        return os.path.samestat(os.fstat(1), os.fstat(2))
    except OSError:
        return False


def report(machine: Machine, outcome: Outcome, values: dict[str, Any], verdict: bool) -> None:
    """What is said after the run: JSON on stdout, words on stderr, and last what goes to a file and may fail."""
    if values["json"]:
        from ..json_file import run_document, to_text

        sys.stdout.write(to_text(run_document(machine, outcome, values["exit_code"])))
    elif verdict and not values["quiet"] and (values["stats"] or outcome.kind not in ("debug-exit", "halted")):
        if machine.standard_output is not None and machine.standard_output.in_line and _share_a_screen():
            sys.stderr.write("\n")
        words = machine.crash_report().render() if outcome.is_abnormal else f"vmm: {outcome.words}"
        sys.stderr.write(f"{words}\n")
    if values["stats"]:
        from ...observe.exit_table import render

        sys.stderr.write("\n" + render(machine.exits) + "\n")
    if values["screenshot"] is not None:
        from ..screenshot import write

        write(values["screenshot"], machine.screen)
    if values["stats_out"] is not None:
        from ..json_file import write_json

        write_json(values["stats_out"], machine.exits.as_json())
    if values["firmware_log"] is not None:
        from ..whole_file import write_file

        write_file(values["firmware_log"], machine.output("firmware-console"))
