"""The writer of `_lib.pyi`, the static types of what the compiled module offers as `lib`.

A tool of the build: nothing imports it at run time.
"""

from __future__ import annotations

import os

from . import ffi, lib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._kvm import CType

STUB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib.pyi")


def python_type(ctype: CType) -> str:
    """How mypy sees a C type that goes in or out of a function."""
    if ctype.kind == "primitive":
        return "float" if ctype.cname in ("float", "double") else "int"
    return "None" if ctype.kind == "void" else "CData"


def stub_text() -> str:
    """The stub, generated from the module that is loaded."""
    functions, numbers = [], []
    for name in sorted(dir(lib)):
        value = getattr(lib, name)
        if isinstance(value, int):
            numbers.append(f"{name}: int\n")
            continue
        ctype = ffi.typeof(value)
        if ctype.kind == "function":
            arguments = ", ".join(f"{chr(ord('a') + i)}: {python_type(a)}" for i, a in enumerate(ctype.args))
            only = ", /" if arguments else ""
            functions.append(f"def {name}({arguments}{only}) -> {python_type(ctype.result)}: ...\n")
        else:
            numbers.append(f"{name}: CData\n")
    head = '"""Static types of `lib`; written by build.py from the declarations."""\n\nfrom ._kvm import CData\n\n'
    return head + "".join(functions) + "\n" + "".join(numbers)


def write_stub() -> None:
    """Writes STUB if it would change."""
    text = stub_text()
    standing = ""
    if os.path.exists(STUB):
        with open(STUB, encoding="utf-8") as file:
            standing = file.read()
    if standing != text:
        with open(STUB, "w", encoding="utf-8") as file:
            file.write(text)
