"""The kernel's KVM interface in Python: one class per kind of file descriptor, structs as cffi data, numbers from C.

`ffi` and `lib` are the compiled module's own; the classes are in system, vm, vcpu and device.
Not here: policy. Nothing in this package decides what a machine looks like.
"""

from __future__ import annotations

try:
    from ._kvm import ffi, lib
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        f"{missing}: kvm_bindings is not compiled yet; run `python kvm_bindings/build.py` (needs gcc and Linux headers)"
    ) from missing

__all__ = ["ffi", "lib"]
