"""fw_cfg: QEMU's firmware configuration device, a read-only cabinet of items that a guest opens by number or by name.

Guest side: `ports` is a selector of two bytes and a data byte behind it; `dma` takes the address of a transfer that the
device then makes at once. Items are fixed when the device is made: a write to one is refused.
Not modelled: items that a guest may write, the bare data port of 16 bits that other architectures have.
Source: QEMU documentation, docs/specs/fw_cfg (registers, keys, directory, DMA).
"""

from __future__ import annotations

from ..bits import mask
from ..bus.device import Device
from ..errors import SnapshotError
from ..state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    class Memory(Protocol):
        """The part of guest memory that a transfer needs."""

        def contains(self, gpa: int, size: int) -> bool: ...
        def read(self, gpa: int, size: int) -> bytes: ...
        def write(self, gpa: int, data: bytes) -> None: ...
        def fill(self, gpa: int, size: int) -> None: ...


SIGNATURE, ID, UUID, RAM_SIZE, NOGRAPHIC, NB_CPUS, MACHINE_ID = range(7)
NUMA, BOOT_MENU, MAX_CPUS, FILE_DIRECTORY = 0x0D, 0x0E, 0x0F, 0x19
FIRST_FILE = 0x20
MOST_FILES = 0x400
LONGEST_NAME = 55
"""Bytes of a file's name; the directory has 56, the last of them zero."""

_FEATURES = 0x1 | 0x2  # the data port; DMA
_DMA_SIGNATURE = b"QEMU CFG"
_WRITE_CHANNEL = 0x4000  # of a selector; it changes nothing here
_ERROR, _READ, _SKIP, _SELECT, _WRITE = 0x01, 0x02, 0x04, 0x08, 0x10  # of a transfer's control word
_REQUEST = 16  # bytes: control and length of 32 bits, address of 64, all big endian
_SCHEMA = "vmm.fw_cfg"


class FwCfg(Device):
    """The device. `items` are contents by key, `files` (name, content) in the order of the directory.

    A transfer stays inside `memory`: when it is not wholly in one region it ends with the error bit and moves nothing.
    ValueError for a name that does not fit, one that is there twice, or too many of them.
    """

    name = "fw_cfg"

    def __init__(self, memory: Memory, items: Mapping[int, bytes], files: Iterable[tuple[str, bytes]]) -> None:
        self._memory = memory
        self._items = {SIGNATURE: b"QEMU", ID: _FEATURES.to_bytes(4, "little"), **items}
        self._file(list(files))
        self.ports = self
        self.dma = _DmaRegister(self)
        self._select(0)

    def _file(self, files: list[tuple[str, bytes]]) -> None:
        """Gives each file a key and enters it in the directory."""
        if len({name for name, _ in files}) < len(files) or len(files) > MOST_FILES:
            raise ValueError(f"file names must differ, and there can be {MOST_FILES}")
        directory = bytearray(len(files).to_bytes(4, "big"))
        for key, (name, content) in enumerate(files, FIRST_FILE):
            encoded = name.encode()
            if not encoded or len(encoded) > LONGEST_NAME or 0 in encoded:
                raise ValueError(f"{name!r} is no file name of 1 to {LONGEST_NAME} bytes")
            self._items[key] = content
            directory += len(content).to_bytes(4, "big") + key.to_bytes(2, "big") + bytes(2) + encoded.ljust(56, b"\0")
        self._items[FILE_DIRECTORY] = bytes(directory)

    def _select(self, selector: int) -> None:
        self._selector = selector
        self._item = self._items.get(selector & ~_WRITE_CHANNEL, b"")
        self._at = 0

    # -- the ports --

    def read(self, offset: int, size: int) -> int:
        """The next byte of the item from offset 1, zeros behind its end; nobody drives the selector."""
        if offset + size != 2:
            return mask(size)
        at = self._at
        self._at = at + 1
        byte = self._item[at] if at < len(self._item) else 0
        return byte if offset else byte << 8 | 0xFF

    def write(self, offset: int, size: int, value: int) -> None:
        """Two bytes select an item and go to its start; a single byte is data for an item that takes none."""
        if offset == 0 and size == 2:
            self._select(value)

    # -- transfers --

    def transfer(self, gpa: int) -> None:
        """Does what the request at `gpa` says and writes there how it went: 0, or the error bit."""
        memory = self._memory
        if not memory.contains(gpa, _REQUEST):
            return  # there is no place to say so
        request = memory.read(gpa, _REQUEST)
        control = int.from_bytes(request[:4], "big")
        length, address = int.from_bytes(request[4:8], "big"), int.from_bytes(request[8:], "big")
        if control & _SELECT:
            self._select(control >> 16)
        done = True
        if control & _READ:
            done = self._copy_out(address, length)
        elif control & _WRITE:
            done = False
        elif control & _SKIP:
            self._at += length
        memory.write(gpa, (0 if done else _ERROR).to_bytes(4, "big"))

    def _copy_out(self, gpa: int, length: int) -> bool:
        """The next `length` bytes of the item to guest memory, zeros behind its end. Whether there was room."""
        if not self._memory.contains(gpa, length):
            return False
        content = self._item[self._at : self._at + length]
        self._memory.write(gpa, content)
        if len(content) < length:
            self._memory.fill(gpa + len(content), length - len(content))
        self._at += length
        return True

    # -- lifecycle --

    def reset(self) -> None:
        self._select(0)
        self.dma.high = 0

    def save(self) -> State:
        """Where the guest is in which item; the items come with the configuration."""
        return State(_SCHEMA, 1, {"selector": self._selector, "at": self._at, "dma_high": self.dma.high})

    def load(self, state: State) -> None:
        fields = state.expect(_SCHEMA, 1, ("selector", "at", "dma_high"))
        for name, limit in (("selector", 1 << 16), ("at", 1 << 62), ("dma_high", 1 << 32)):
            if type(fields[name]) is not int or not 0 <= fields[name] < limit:
                raise SnapshotError(f"{_SCHEMA}: {name} cannot be {fields[name]!r}")
        self._select(fields["selector"])
        self._at, self.dma.high = fields["at"], fields["dma_high"]


class _DmaRegister:
    """The address register of transfers: 64 bits, big endian; writing its lower half starts one."""

    name = "fw_cfg"

    def __init__(self, device: FwCfg) -> None:
        self._device = device
        self.high = 0

    def read(self, offset: int, size: int) -> int:
        """A signature by which a guest knows the register."""
        return int.from_bytes(_DMA_SIGNATURE[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """Halves of 32 bits; other widths are ignored."""
        if size != 4:
            return
        half = int.from_bytes(value.to_bytes(4, "little"), "big")
        if offset == 0:
            self.high = half
        elif offset == 4:
            gpa = self.high << 32 | half
            self.high = 0
            self._device.transfer(gpa)
