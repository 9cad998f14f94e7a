"""Writes the files that vmm.start reads: the bytecode of every module that a run imports, dependencies first.

What is for readers and type checkers is left out: nobody asks a running command for it.
"""

from __future__ import annotations

import ast
import marshal
import os
from importlib import import_module

from . import FORMAT, LINUX, PLAIN, SAVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOTS = {
    PLAIN: (
        "vmm.control.cli", "vmm.control.cli.run", "vmm.engine.kvm_engine", "vmm.cpu.topology", "vmm.backends.terminal",
        "vmm.devices.serial", "vmm.devices.debug_exit",
    ),
    LINUX: (
        "vmm.control.kut.qemu_words", "vmm.machine.schematic.linux", "vmm.machine.schematic.panic",
        "vmm.machine.schematic.power", "vmm.boot.tables.acpi", "vmm.boot.tables.mptable", "vmm.boot.tables.smbios",
        "vmm.boot.tables.hardware", "vmm.observe.panic", "vmm.backends.console_log", "vmm.engine.kvm_irqchip",
        "vmm.engine.kvm_collector",
        "vmm.machine.schematic.generation", "vmm.devices.generation_id",
        "vmm.devices.power", "vmm.devices.acpi_pm", "vmm.devices.i8042", "vmm.devices.rtc",
        "vmm.cpu.paging",
    ),
    SAVED: (
        "vmm.control.cli.restore", "vmm.machine.saved.restore", "vmm.machine.saved.capture", "vmm.engine.kvm_state",
        "vmm.engine.kvm_state_bytes", "vmm.devices.pic",
        "vmm.machine.schematic.panic", "vmm.machine.schematic.power", "vmm.machine.schematic.generation",
        "vmm.machine.schematic.tables", "vmm.backends.console_log",
        "vmm.observe.panic", "vmm.engine.kvm_irqchip", "vmm.engine.kvm_collector", "vmm.devices.generation_id",
        "vmm.devices.power", "vmm.devices.acpi_pm", "vmm.devices.i8042", "vmm.devices.rtc",
    ),
}  # fmt: skip
"""The command, and what it imports late in every such run or nearly; what these import themselves comes with them."""
COMPILED = {
    PLAIN: ("_cffi_backend", "kvm_bindings._kvm", "mmap"),
    LINUX: ("_heapq", "_blake2", "select"),
    SAVED: ("_heapq", "select", "fcntl", "binascii", "_json", "_sha2", "_sha256"),
}
"""Libraries: looked for on no path they are there sooner. Where Python has one built in, that serves; where it has
none of that name, whoever wants it has another way."""

HERE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def write(file: str, kind: str = PLAIN) -> None:
    """Makes `file` under a temporary name and renames it. Where that cannot be, there is none."""
    scratch = f"{file}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        content = marshal.dumps((FORMAT, [*_libraries(kind), *(_entry(name) for name in order(kind))]))
        with open(scratch, "xb") as stream:
            stream.write(content)
        os.replace(scratch, file)
    except OSError:
        if os.path.exists(scratch):
            os.unlink(scratch)


def order(kind: str = PLAIN) -> list[str]:
    """The modules, each behind its package and all that it imports as it is executed; beyond the plain ones, and with
    their packages once more, for another kind: a file must hold by itself."""
    found: dict[str, None] = {}
    for root in ROOTS[kind]:
        _visit(root, found, ())
    plain = () if kind == PLAIN else order()
    return [name for name in found if name not in plain or _source(name).endswith("__init__.py")]


def _visit(name: str, found: dict[str, None], above: tuple[str, ...]) -> None:
    if name in found or name in above:
        return
    parent = name.rpartition(".")[0]
    if parent:
        _visit(parent, found, above)
    source = _source(name)
    if not source:
        return
    for target in _imported(_parsed(source), name, source.endswith("__init__.py")):
        _visit(target, found, (*above, name))
    found.setdefault(name)


def _source(name: str) -> str:
    """The file of one of our modules; "" for what is none, such as a name inside a module or a compiled one."""
    stem = os.path.join(HERE, *name.split("."))
    for path in (f"{stem}.py", os.path.join(stem, "__init__.py")):
        if name.split(".")[0] in ("vmm", "kvm_bindings") and os.path.isfile(path):
            return path
    return ""


def _parsed(source: str) -> ast.Module:
    with open(source, encoding="utf-8") as stream:
        return ast.parse(stream.read(), source)


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """What a module may import when it is executed: whatever stands outside functions and `if TYPE_CHECKING`."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in tree.body:
        for inner in node.body if isinstance(node, ast.Try) else [node]:
            if isinstance(inner, ast.Import):
                yield from (alias.name for alias in inner.names)
            elif isinstance(inner, ast.ImportFrom):
                above = package[: len(package) - inner.level + 1] if inner.level else []
                origin = ".".join([*above, *([inner.module] if inner.module else [])])
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in inner.names)


def _libraries(kind: str) -> Iterator[tuple[str, str, int, int, bool, object]]:
    """Those that are files; each stands behind what it needs."""
    for name in COMPILED[kind]:
        try:
            source = getattr(import_module(name), "__file__", None)
        except ImportError:
            continue
        if source:
            status = os.stat(source)
            yield name, source, status.st_size, status.st_mtime_ns, False, None


def _entry(name: str) -> tuple[str, str, int, int, bool, object]:
    source = _source(name)
    status = os.stat(source)
    tree = _Lean().visit(_parsed(source))
    ast.fix_missing_locations(tree)
    code = compile(tree, source, "exec")  # with the annotations of this module, which that import stood for
    return name, source, status.st_size, status.st_mtime_ns, source.endswith("__init__.py"), code


class _Lean(ast.NodeTransformer):
    """Leaves out what is for readers and type checkers: docstrings, annotations of functions, `if TYPE_CHECKING`.

    Annotations in classes stay: Record takes its fields from them.
    """

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module == "__future__" else node  # _entry() compiles with what that stands for

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """Strings that describe, as statements: they do nothing."""
        is_string = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return ast.Pass() if is_string else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)
