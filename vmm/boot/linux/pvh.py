"""PVH's start info: what the 32-bit entry of Xen's making tells a kernel, with its list of modules and memory map.

Source: Xen public/arch-x86/hvm/start_info.h, version 1.
"""

from __future__ import annotations

from struct import Struct

from .handover import COMMAND_LINE, ZERO_PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..loader import BootParams
    from .handover import Initrd

MAGIC = 0x336E_C578
_VERSION = 1
_INFO = Struct("<IIIIQQQQII")
_MODULE = Struct("<QQQQ")
_ENTRY = Struct("<QQII")


def start_info(params: BootParams, initrd: Initrd) -> bytes:
    """The structure for a place at ZERO_PAGE, and behind it the module and the memory map that it points to."""
    module = _MODULE.pack(initrd.start, initrd.size, 0, 0) if initrd.size else b""
    modules_at = ZERO_PAGE + _INFO.size
    map_at = modules_at + len(module)
    entries = b"".join(_ENTRY.pack(*entry, 0) for entry in params.memory_map)
    info = _INFO.pack(
        MAGIC, _VERSION, 0, 1 if module else 0, modules_at if module else 0, COMMAND_LINE, params.rsdp,
        map_at, len(params.memory_map), 0,
    )  # fmt: skip
    return info + module + entries
