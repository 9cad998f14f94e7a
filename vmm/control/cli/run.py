"""`vmm run`: one guest from its image to its outcome."""

from __future__ import annotations

import gc
import os
import sys

from ...errors import ConfigError, HostError
from ...machine.config import CONSOLES, IRQCHIPS, MODES, PROTOCOLS, MachineConfig
from ...machine.machine import Machine
from ...units import SECOND, parse_duration, parse_size
from ..console import BROKEN_PIPE, Console
from .options import Command, Option, help_page, number, one_of, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.outcome import Outcome
    from ..linux.tree import ArchiveFile


def deadline_of(text: str) -> int:
    """Converts the option --deadline."""
    time = parse_duration(text)
    if time < 0:
        raise ValueError(f"{text!r} lies in the past")
    return time


def boot_order(text: str) -> str:
    """A converter: letters, or QEMU's spelling order=LETTERS."""
    return text.removeprefix("order=")


def _fw_cfg(text: str) -> tuple[str, bytes]:
    from .fw_cfg import file_of

    return file_of(text)


COMMAND = Command(
    name="run",
    summary="Boots IMAGE (flat, ELF, multiboot, disk) and ends with the guest's exit code.",
    arguments="IMAGE",
    most=1,
    options=(
        Option(names=("--mode",), value="MODE", convert=one_of(*MODES), help="real, protected, paged or long"),
        Option(names=("--memory", "-m"), value="SIZE", convert=lambda text: parse_size(text, "m"),
               help="RAM: 16M, 1G; a bare number counts MiB"),
        Option(names=("--vcpus", "--smp", "-smp"), value="N", convert=number, help="number of vCPUs"),
        Option(names=("--cpu", "-cpu"), value="MODEL", help="CPUID: host, minimal, x86-64-v2, host,-popcnt"),
        Option(names=("--irqchip",), value="WHERE", convert=one_of(*IRQCHIPS), help="user (Python), kernel or none"),
        Option(names=("--load",), value="GPA", convert=number, help="address of a flat image"),
        Option(names=("--entry",), value="GPA", convert=number, help="address of the first instruction"),
        Option(names=("--stack",), value="GPA", convert=number, help="top of the first stack"),
        Option(names=("--fda", "-fda"), value="DISK", help="floppy A: a raw image, as PATH, PATH,ro or"),
        Option(names=("--hda", "-hda"), value="DISK", help="hard disk;    PATH,overlay (changes are lost)"),
        Option(names=("--hdb", "-hdb"), value="DISK", help="the second hard disk"),
        Option(names=("--cdrom", "-cdrom"), value="ISO", help="CD-ROM, an ISO 9660 image"),
        Option(names=("--boot", "-boot"), value="ORDER", convert=boot_order,
               help="drives in order: a floppy, c disk, d CD-ROM"),
        Option(names=("--symbols",), value="FILE", help="names for addresses: ELF, nm or System.map"),
        Option(names=("--format",), value="FORMAT", help="flat, elf, multiboot or multiboot2"),
        Option(names=("--protocol",), value="NAME", convert=one_of(*PROTOCOLS), help="Linux: linux64, linux32 or pvh"),
        Option(names=("--direct",), help="Linux: unpack the kernel here (as if possible anyway)"),
        Option(names=("--no-direct",), help="Linux: let the bzImage unpack itself"),
        Option(names=("--append", "-append"), value="WORDS", help='the kernel\'s command line; "+words" adds to it'),
        Option(names=("--module",), value="FILE", many=True, help='a module, or "FILE ARGUMENTS"; may be repeated'),
        Option(names=("--initrd", "-initrd"), value="FILES", help="modules with commas between them, as QEMU has it"),
        Option(names=("--dir",), value="PATH", many=True, help="pack a directory as a module: Linux's initramfs"),
        Option(names=("--unreal",), help="real mode with 4 GiB data segments"),
        Option(names=("--user",), help="start in ring 3"),
        Option(names=("--deadline", "-t"), value="TIME", convert=deadline_of, help="end after 2s, 500ms, 5m"),
        Option(names=("--strict",), help="end at an access that no device claims"),
        Option(names=("--console",), value="WHERE", convert=one_of(*CONSOLES), default="stdio", help="stdio or none"),
        Option(names=("--firmware", "-bios"), value="FILE", help="a ROM in place of IMAGE, such as SeaBIOS"),
        Option(names=("--fw-cfg", "-fw_cfg"), value="NAME=FILE", convert=_fw_cfg, many=True,
               help="a file in fw_cfg; also NAME=string:TEXT, number:N"),
        Option(names=("--firmware-log",), value="FILE", help="write what the ROM says on port 0x402"),
        Option(names=("--test-devices",), help="plug in the devices that guests/ use"),
        Option(names=("--guest",), value="NAME", help="a guest that comes with vmm in place of IMAGE"),
        Option(names=("--stats",), help="print every exit, counted and timed, to stderr"),
        Option(names=("--boot-trace",), help="print where the time went until the guest was up"),
        Option(names=("--boot-trace-out",), value="FILE", help="write the same as JSON"),
        Option(names=("--stats-out",), value="FILE", help="write the same as JSON"),
        Option(names=("--json",), help="one JSON document on stdout: outcome, console, exits"),
        Option(names=("--exit-code",), value="STYLE", convert=one_of("raw", "qemu"), default="raw",
               help="of the debug-exit port: raw, or qemu ((v << 1) | 1)"),
        Option(names=("--quiet", "-q"), help="no verdict, no crash report"),
        Option(names=("-kernel",), value="IMAGE", help=""),
        Option(names=("-no-reboot",), help=""),
    ),
    notes="On a terminal: Ctrl-A x quits, Ctrl-A h helps. Input from a pipe goes to COM1,\n"
    "and to the keyboard too when the machine boots from a drive.",
)  # fmt: skip

_PASSED_ON = ("mode", "memory", "vcpus", "cpu", "irqchip", "load", "entry", "stack", "format", "unreal", "user",
              "strict", "test_devices", "symbols", "firmware", "fda", "hda", "hdb", "cdrom", "boot")  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND))
        return 0
    archive = _pack(values) if values["dir"] else None
    config = _config(values, plain, () if archive is None else (archive.path,))
    deadline = None if values["deadline"] is None else values["deadline"] / SECOND
    is_interactive = values["console"] == "stdio" and not (values["json"] and os.isatty(0))
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
        with Console(machine, is_interactive, sys.stderr.write, deadline) as console:
            gc.freeze()  # what is there stays to the end: no collection need look at it
            gc.enable()
            if watch is None:
                outcome = machine.run(deadline)
            else:
                with watch.attach(machine):
                    outcome = machine.run(deadline)
        report(machine, outcome, values, console.failure is None)
        if watch is not None:
            watch.report(values)
    if console.failure is not None and outcome.value != BROKEN_PIPE:
        raise HostError(f"cannot write standard output: {console.failure.strerror}")
    return outcome.exit_code(values["exit_code"])


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
            from ..json_file import check_path

            check_path("--" + field.replace("_", "-"), values[field])
    if values["firmware_log"] is not None:
        from ..whole_file import check_path

        check_path("--firmware-log", values["firmware_log"])
    if values["symbols"] is not None and not os.access(values["symbols"], os.R_OK):
        raise ConfigError.of("--symbols", f"cannot read {values['symbols']}")
    is_captured = values["json"] and values["console"] == "stdio"
    common: dict[str, Any] = {
        "console": "capture" if is_captured else values["console"],
        "warn": warn,
    }
    if values["guest"] is not None:
        from ..guest_run import config_of

        return config_of(values["guest"]).replace(**common, **given)
    return MachineConfig(image=images[0] if images else "", **common, **given)


def _modules(values: dict[str, Any]) -> tuple[str, ...]:
    from ..kut.qemu_words import modules

    return (*(modules(values["initrd"]) if values["initrd"] is not None else ()), *values["module"])


def warn(text: str) -> None:
    """Says something on stderr."""
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
    if values["stats_out"] is not None:
        from ..json_file import write_json

        write_json(values["stats_out"], machine.exits.as_json())
    if values["firmware_log"] is not None:
        from ..whole_file import write_file

        write_file(values["firmware_log"], machine.output("firmware-console"))
