"""The test device that kvm-unit-tests expect beside QEMU: scratch ports, interrupt lines by hand, a flush, I/O memory.

    Scratch     4 ports, any width: keep what is written. It is there twice: once as one register of four bytes, once
                reached byte by byte, which makes no difference here.
    Flush       a write of a guest physical address has the host forget its mapping of that page
    Lines       24 ports of one byte: a write to port n sets interrupt line n to 1 or, with 0, to 0
    Memory      64 KiB, any width: keep what is written

Not modelled: nothing of it is a real chip. Source: QEMU's documentation and the use in kvm-unit-tests.
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State
from ..units import KiB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..bus.irq import IrqLine

MEMORY = 64 * KiB
LINES = 24


class Storage(Device):
    """Bytes that keep what is written: the scratch ports, the I/O memory."""

    name = "pc_testdev_storage"

    def __init__(self, size: int) -> None:
        self._bytes = bytearray(size)

    def read(self, offset: int, size: int) -> int:
        """What was written last, 0 at first."""
        return int.from_bytes(self._bytes[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Keeps the bytes, as far as there is room."""
        data = (value & mask(size)).to_bytes(size, "little")[: max(len(self._bytes) - offset, 0)]
        self._bytes[offset : offset + len(data)] = data

    def reset(self) -> None:
        """All zero."""
        self._bytes[:] = bytes(len(self._bytes))

    def save(self) -> State:
        return State("vmm.pc_testdev_storage", 1, {"bytes": bytes(self._bytes)})

    def load(self, state: State) -> None:
        content = state.expect("vmm.pc_testdev_storage", 1, ("bytes",))["bytes"]
        if not isinstance(content, bytes) or len(content) != len(self._bytes):
            raise SnapshotError(f"vmm.pc_testdev_storage: bytes must be {len(self._bytes)} of them")
        self._bytes[:] = content


class Flush(Device):
    """The port that takes the address of a page; `flush(gpa)` is called with the page's first byte."""

    name = "pc_testdev_flush"

    def __init__(self, flush: Callable[[int], None]) -> None:
        self._flush = flush

    def write(self, offset: int, size: int, value: int) -> None:
        """Only whole addresses, of four bytes at offset 0, have an effect."""
        if offset == 0 and size == 4:
            self._flush(value & ~0xFFF)


class Lines(Device):
    """Interrupt lines as ports; some inputs may be nobody's (None)."""

    name = "pc_testdev_lines"

    def __init__(self, lines: Sequence[IrqLine | None]) -> None:
        self._lines = lines

    def write(self, offset: int, size: int, value: int) -> None:
        """Drives line `offset`: up for anything but 0."""
        line = self._lines[offset] if offset < len(self._lines) else None
        if line is not None:
            line.set(value & mask(size) != 0)

    def reset(self) -> None:
        """All lines down."""
        self._set(0)

    def _set(self, levels: int) -> None:
        for at, line in enumerate(self._lines):
            if line is not None:
                line.set(bool(levels >> at & 1))

    def save(self) -> State:
        levels = sum(1 << at for at, line in enumerate(self._lines) if line is not None and line.asserted)
        return State("vmm.pc_testdev_lines", 1, {"levels": levels})

    def load(self, state: State) -> None:
        levels = state.expect("vmm.pc_testdev_lines", 1, ("levels",))["levels"]
        if type(levels) is not int or levels >> len(self._lines):
            raise SnapshotError(f"vmm.pc_testdev_lines: levels must be bits of {len(self._lines)} lines")
        self._set(levels)
