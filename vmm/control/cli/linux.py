"""`vmm linux`: a stock Linux to a shell, or for one command that ends with its exit status here."""

from __future__ import annotations

import gc
import os
import sys

from ...errors import ConfigError, HostError
from ...machine import layout
from ...machine.config import MachineConfig
from ...machine.machine import Machine
from ...units import SECOND, parse_size
from ..console import BROKEN_PIPE, Console
from ..doctor.linux import REMEDY, obstacle
from ..linux import drivers, payload, source, tree, window
from ..linux.piped_input import PipedInput
from ..linux.ready import Ready
from ..live.door import Door
from .boot import watch as boot_watch
from .options import Command, Option, help_page, number, one_of, parse
from .run import report
from .run_config import check_symbols, virtio_of, warn
from .run_options import COMMAND as RUN
from .run_options import EXIT_OPTIONS, EXITS, VIRTIO, deadline_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.outcome import Outcome

QUIET = "quiet loglevel=1"

COMMAND = Command(
    name="linux",
    summary="Boots Debian's cloud kernel; runs COMMAND in it and ends with its exit status.",
    arguments="[-- COMMAND...]",
    most=1 << 20,
    options=(
        Option(names=("--memory", "-m"), value="SIZE", convert=lambda text: parse_size(text, "m"), default=256 << 20,
               help="RAM: 256M, 1G; a bare number counts MiB"),
        Option(names=("--vcpus", "--smp", "-smp"), value="N", convert=number, default=1, help="number of vCPUs"),
        Option(names=("--cpu", "-cpu"), value="MODEL", help="CPUID: host, x86-64-v2, host,-avx2"),
        Option(names=("--deadline", "-t"), value="TIME", convert=deadline_of, help="end after 10s, 5m"),
        Option(names=("--append", "-append"), value="WORDS", help="more words for the kernel's command line"),
        Option(names=("--dir",), value="PATH", many=True, help="add what is in a directory to the root; repeatable"),
        Option(names=("--module",), value="NAME", many=True, help="load a kernel module; may be repeated"),
        Option(names=("--flavour",), value="NAME", convert=one_of("cloud", "amd64"), default="cloud",
               help="which of Debian's kernels: cloud or amd64"),
        Option(names=("--kernel", "-kernel"), value="FILE", help="a kernel of your own"),
        Option(names=("--initrd", "-initrd"), value="FILE", help="an initramfs of your own"),
        Option(names=("--verbose", "-v"), help="show the kernel's messages"),
        Option(names=("--stats",), help="print every exit, counted and timed, to stderr"),
        Option(names=("--stats-out",), value="FILE", help="write the same as JSON"),
        Option(names=("--boot-trace",), help="print where the time went until the guest was up"),
        Option(names=("--boot-trace-out",), value="FILE", help="write the same as JSON"),
        Option(names=("--quiet", "-q"), help="no verdict, no crash report"),
        *(option for option in RUN.options if option.group == VIRTIO),
        *(option.replace(group=EXITS) for option in RUN.options if option.field in (*EXIT_OPTIONS, "symbols")),
    ),
    notes="Without COMMAND: a shell. On a terminal Ctrl-A x quits, Ctrl-A h helps.\n"
          "The kernel is fetched by apt on first use, to $XDG_CACHE_HOME/vmm/linux.",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code: that of COMMAND, or as of `vmm run` when the machine ended otherwise."""
    values, command = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    for field in ("stats_out", "boot_trace_out"):
        if values[field] is not None:
            from ..whole_file import check_path

            check_path("--" + field.replace("_", "-"), values[field])
    values |= {"json": False, "exit_code": "raw"}
    check_symbols(values)
    trouble = obstacle()
    if trouble:
        raise HostError(trouble, REMEDY)
    exits = None
    if any(values[name] not in (None, False, []) for name in EXIT_OPTIONS):
        from .exit_watch import ExitWatch

        exits = ExitWatch(values)
    deadline = None if values["deadline"] is None else values["deadline"] / SECOND
    kind = _input(command, any(word.startswith("root=") for word in (values["append"] or "").split()))
    watch = boot_watch(values)
    archive = tree.ArchiveFile("initramfs")
    try:
        config = _config(values, command, kind, archive)
        watch.mark("kernel and initramfs are found")
        machine = Machine(config)
    finally:
        archive.close()
    with machine:
        piped = PipedInput() if kind == payload.PIPE else None
        console = Console(machine, kind != payload.NONE, sys.stderr.write, deadline, piped)
        machine.ports.claim(*layout.GUEST_READY, Ready(lambda: watch.guest_ready(console.go_on)), name="ready")
        if exits is not None:
            exits.attach(machine)
        with watch.attach(machine):
            outcome = _run(machine, console, kind, deadline)
        if console.wants_prompt:
            from .repl import in_turns

            def go_on(left: float | None) -> tuple[Outcome, Console]:
                again = Console(machine, True, sys.stderr.write, left)
                return _run(machine, again, kind, left), again

            outcome, console = in_turns(machine, outcome, console, deadline, go_on)
        budget = None
        if exits is not None:
            exits.judge(machine)
            budget = exits.budget
        report(machine, outcome, values, console.failure is None, budget)
        if exits is not None:
            exits.write(machine, outcome)
        watch.report(values)
    if console.failure is not None and outcome.value != BROKEN_PIPE:
        raise HostError(f"cannot write standard output: {console.failure.strerror}")
    return outcome.exit_code() if exits is None else exits.exit_code(outcome.exit_code())


def _run(machine: Machine, console: Console, kind: str, deadline: float | None) -> Outcome:
    with console, window.Watch(machine, kind == payload.TERMINAL), Door(machine):
        gc.freeze()
        gc.enable()
        return machine.run(deadline)


def _input(command: list[str], has_root: bool) -> str:
    if os.isatty(0):
        return payload.TERMINAL
    is_null = os.fstat(0).st_rdev == os.makedev(1, 3)
    if is_null and not command and not has_root:  # whose init may need none
        raise ConfigError.of("", "a shell needs a terminal, or commands by a pipe; or name one: vmm linux -- COMMAND")
    return payload.NONE if is_null else payload.PIPE


def _config(values: dict[str, Any], command: list[str], kind: str, archive: tree.ArchiveFile) -> MachineConfig:
    kernel, initrd = values["kernel"], values["initrd"]
    devices = virtio_of(values)
    if kernel is None or initrd is None:
        fetched = source.fetch(values["flavour"], (*drivers.of(devices), *values["module"]))
        kernel, initrd = kernel or fetched[0], initrd or fetched[1]
    size = window.size() if kind == payload.TERMINAL else None
    for top in values["dir"]:
        archive.add_directory(top, values["memory"], warn)
    archive.add_members(payload.members(command, kind, size, os.environ.get("TERM", "")))
    given = devices | {name: values[name] for name in ("cpu", "symbols") if values[name] is not None}
    return MachineConfig(
        image=kernel,
        modules=(initrd, archive.path),
        command_line=" ".join(("+", *(() if values["verbose"] else (QUIET,)), values["append"] or "")).rstrip(),
        memory=values["memory"],
        vcpus=values["vcpus"],
        console="stdio",
        warn=warn,
        **given,
    )
