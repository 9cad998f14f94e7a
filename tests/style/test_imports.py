"""Who imports whom: every arrow between rooms, read from the source and held against the plan in ARCHITECTURE.md.

An import for type checkers alone is an arrow like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUND = ("errors", "units", "ranges", "bits", "state", "records", "toolchain", "later")
LEVELS = {
    **dict.fromkeys((*GROUND, "observe"), 0),
    **dict.fromkeys(("cpu", "memory", "jail"), 1),
    "bus": 2,
    **dict.fromkeys(("devices", "backends", "boot", "engine"), 3),
    "machine": 4,
    **dict.fromkeys(("pool", "fuzz", "debug"), 5),
    "control": 6,
    "vmm": 7,  # vmm/__init__.py: the public names
    **dict.fromkeys(("testing", "start"), 8),
    "__main__": 9,
}
LOADER_PROTOCOL = ("vmm.boot", "vmm.boot.loader", "vmm.boot.formats", "vmm.boot.cpio")
HOST = ("fcntl", "mmap", "os", "random", "secrets", "select", "signal", "socket", "subprocess", "threading", "time")
PROGRAMS = ("vmm.control.cli", "vmm.__main__", "vmm.start", "kvm_bindings.build")


def sources() -> dict[str, Path]:
    """Every module of the project with its file."""
    found = {}
    for package in ("vmm", "kvm_bindings"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


SOURCES = sources()


def imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of every import, also of those inside functions."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield node.lineno, inner if inner in SOURCES else origin
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Later":
            yield node.lineno, ast.literal_eval(node.args[0])


def room(module: str) -> str:
    """The room a module lies in: "devices", a ground-floor module's own name, "kvm_bindings", or "vmm"."""
    parts = module.split(".")
    return parts[1] if parts[0] == "vmm" and len(parts) > 1 else parts[0]


def fault(importer: str, target: str) -> str:
    """What is wrong with the arrow from importer to target; "" when nothing is."""
    here, there = room(importer), room(target)
    if target.split(".")[0] not in ("vmm", "kvm_bindings"):
        if there in ("cffi", "_cffi_backend") and here != "kvm_bindings":
            return "cffi is the business of kvm_bindings"
        if here == "devices" and there in HOST:
            return "rule 3: a device makes no syscall and reads no host time"
        return ""
    if here == there:
        return ""
    if there == "kvm_bindings":
        return (
            "" if importer.startswith("vmm.engine.kvm_") else "rule 1: kvm_bindings is imported by engine/kvm_* alone"
        )
    if here == "kvm_bindings":
        return "kvm_bindings knows nothing of vmm"
    if here not in LEVELS or there not in LEVELS:
        return f"the room {there if here in LEVELS else here} has no level: give it one here and in ARCHITECTURE.md"
    if there in ("devices", "backends") or (there == "boot" and target not in LOADER_PROTOCOL):
        return "" if importer.startswith("vmm.machine.schematic.") else "rule 2: it is plugged in by machine/schematic/"
    if LEVELS[here] == 5:
        public = target == "vmm.engine.protocol" or LEVELS[there] <= 2
        return "" if public or there == "machine" else f"{here} sees machine, engine/protocol and levels 0 to 2"
    if here == "testing":
        return "" if there == "vmm" else "testing uses the public names of vmm alone"
    if (there in GROUND and here in (*GROUND, "observe")) or (here, there) == ("control", "vmm"):
        return ""
    return "" if LEVELS[there] < LEVELS[here] else f"{here} (level {LEVELS[here]}) sees lower levels than {there}'s"


def words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Where a module prints, reads its arguments or ends the process."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print" | "exit" | "quit" as name)) | ast.Name(id="SystemExit" as name):
                yield node.lineno, name
            case ast.Attribute(value=ast.Name(id="sys"), attr="argv" | "exit" | "stdin" | "stdout" | "stderr" as name):
                yield node.lineno, f"sys.{name}"


def where(module: str, line: int) -> str:
    return f"{SOURCES[module].relative_to(ROOT)}:{line}"


def test_every_import_goes_down_the_levels() -> None:
    faults = [
        f"{where(module, line)}: {module} -> {target}: {wrong}"
        for module, path in SOURCES.items()
        for line, target in dict.fromkeys(imported(ast.parse(path.read_text()), module, path.name == "__init__.py"))
        if (wrong := fault(module, target))
    ]
    assert not faults, "arrows that are not allowed:\n" + "\n".join(faults)


def test_only_the_command_line_prints_reads_its_arguments_and_exits() -> None:
    faults = [
        f"{where(module, line)}: {word}: rule 5: control/cli alone reads argv, prints, or sets an exit status"
        for module, path in SOURCES.items()
        if not module.startswith(PROGRAMS)
        for line, word in words(ast.parse(path.read_text()))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("importer", "target", "part_of_fault"),
    [
        ("vmm.machine.machine", "kvm_bindings.vm", "rule 1"),
        ("vmm.engine.select", "kvm_bindings", "rule 1"),
        ("vmm.engine.kvm_vcpu", "kvm_bindings.vcpu", ""),
        ("vmm.machine.machine", "vmm.devices.serial", "rule 2"),
        ("vmm.control.cli.run", "vmm.backends.terminal", "rule 2"),
        ("vmm.machine.machine", "vmm.boot.elf", "rule 2"),
        ("vmm.machine.machine", "vmm.boot.loader", ""),
        ("vmm.machine.board", "vmm.devices.serial", "rule 2"),
        ("vmm.machine.schematic.image", "vmm.boot.elf", ""),
        ("vmm.devices.rtc", "time", "rule 3"),
        ("vmm.devices.serial", "vmm.engine.protocol", "level 3"),
        ("vmm.cpu.modes", "vmm.memory.guest_memory", "level 1"),
        ("vmm.observe.crash", "vmm.cpu.registers", "level 0"),
        ("vmm.errors", "vmm.observe.exits", "level 0"),
        ("vmm.observe.exits", "vmm.records", ""),
        ("vmm.machine.machine", "vmm.fuzz.harness", "level 4"),
        ("vmm.fuzz.harness", "vmm.engine.kvm_engine", "engine/protocol"),
        ("vmm.fuzz.harness", "vmm.engine.protocol", ""),
        ("vmm.testing.plugin", "vmm.machine.machine", "public names"),
        ("vmm.attic.thing", "vmm.errors", "no level"),
        ("vmm.memory.region", "cffi", "cffi"),
        ("kvm_bindings.vm", "vmm.errors", "nothing of vmm"),
    ],
)
def test_the_plan_allows_and_refuses_these_arrows(importer: str, target: str, part_of_fault: str) -> None:
    wrong = fault(importer, target)
    assert part_of_fault in wrong
    assert bool(wrong) == bool(part_of_fault)


def test_relative_imports_are_resolved_to_full_names() -> None:
    tree = ast.parse("from ..errors import VmmError\nfrom . import device\nimport os.path")
    assert [name for _, name in imported(tree, "vmm.bus.bus", False)] == ["vmm.errors", "vmm.bus.device", "os.path"]
