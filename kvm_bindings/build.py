"""Builder of the compiled module `kvm_bindings._kvm`: declarations for cffi, and the C that goes in with them.

cdef.h, arguments.h, numbers.h, hardware.h, step.h, rewind.h and hidden.h are read by cffi; newer.h and the C files by
the compiler, next to the host's own <linux/kvm.h>. `python kvm_bindings/build.py` builds in place and writes the stub
`_lib.pyi` afresh; setup.py uses `ffibuilder`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile

from cffi import FFI

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = "kvm_bindings._kvm"
PRODUCT = os.path.join(HERE, "_kvm.abi3.so")
DECLARATIONS = ("cdef.h", "arguments.h", "numbers.h", "hardware.h", "step.h", "rewind.h", "hidden.h")
SOURCES = (
    "newer.h", "whole_step.h", "whole_hidden.h", "calls.c", "pages.c", "userfault.c", "counters.c", "guest_clock.c",
    "kicks.c", "ring.c", "step.c", "lifetime.c", "rewind.c", "hidden.c", "perf.c",
)  # fmt: skip


def present(names: tuple[str, ...]) -> list[str]:
    """Paths of those files that exist."""
    return [path for name in names if os.path.exists(path := os.path.join(HERE, name))]


def builder() -> FFI:
    """The description of the module, ready for setuptools or for compile()."""
    ffi = FFI()
    for path in present(DECLARATIONS):
        with open(path, encoding="utf-8") as file:
            ffi.cdef(file.read())
    includes = "".join(f'#include "{os.path.basename(path)}"\n' for path in present(SOURCES))
    ffi.set_source(
        MODULE,
        "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n" + includes,
        include_dirs=[HERE],
        depends=present(DECLARATIONS + SOURCES),
        extra_compile_args=["-O2", "-Wall", "-Wextra"],
        py_limited_api=True,
    )
    return ffi


def build_in_place(ffi: FFI) -> None:
    """Compiles to PRODUCT, in one move, so that a running process keeps the module it has loaded."""
    with tempfile.TemporaryDirectory(prefix="kvm_bindings-") as scratch:
        made = ffi.compile(tmpdir=scratch, target=os.path.basename(PRODUCT))
        arriving = f"{PRODUCT}.{os.getpid()}"
        shutil.copyfile(made, arriving)
        os.replace(arriving, PRODUCT)


def is_fresh() -> bool:
    """Whether PRODUCT is newer than all it is made of."""
    inputs = [os.path.abspath(__file__), *present(DECLARATIONS + SOURCES)]
    return os.path.exists(PRODUCT) and all(os.path.getmtime(path) < os.path.getmtime(PRODUCT) for path in inputs)


ffibuilder = builder()

if __name__ == "__main__":
    if "--force" in sys.argv or not is_fresh():
        build_in_place(ffibuilder)
    sys.path.insert(0, os.path.dirname(HERE))
    from kvm_bindings.stub import write_stub

    write_stub()
