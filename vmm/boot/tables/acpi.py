"""The ACPI tables of a small PC, put together: RSDP, RSDT, XSDT, FADT, FACS, MADT, DSDT, and MCFG with PCI Express.

They are encoded before anybody knows where they will stand: `Tables` says which bytes are pointers and which are
checksums, and either firmware does the rest (see table_loader.py) or `placed` does it here.
What is in a table stands in its own module. Source: ACPI specification 6.4, section 5.2; PCI firmware specification
3.0, section 4.1.2 (MCFG).
"""

from __future__ import annotations

from ...records import Record
from . import dsdt, fadt, madt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hardware import Hardware, Pci

OEM = b"VMM   "

WAKING_VECTOR = 12
"""Where in the blob, which starts with the FACS, the address is at which an operating system wants to wake."""

_HEADER = 36
_CHECKSUM = 9  # offset in a header
_RSDP_SIZE = 36
_FACS_SIZE, _FACS_VERSION = 64, 2


class Tables(Record):
    """Encoded tables whose pointers hold offsets within `blob` and whose checksums are zero."""

    blob: bytes
    """All tables but the RSDP; to stand at a multiple of 64."""
    rsdp: bytes
    pointers: tuple[tuple[int, int], ...]
    """(offset, size) of each pointer in `blob`."""
    sums: tuple[tuple[int, int, int], ...]
    """(offset of the checksum, start, size of what is summed) in `blob`."""
    rsdp_pointers: tuple[tuple[int, int], ...] = ((16, 4), (24, 8))
    """As `pointers`, in `rsdp`; they too are offsets within `blob`."""
    rsdp_sums: tuple[tuple[int, int, int], ...] = ((8, 0, 20), (32, 0, _RSDP_SIZE))


def encode(hardware: Hardware) -> Tables:
    """The tables of a machine with this hardware."""
    blob = _Blob()
    facs = blob.put(b"FACS" + _FACS_SIZE.to_bytes(4, "little") + bytes(24) + bytes((_FACS_VERSION,)) + bytes(31))
    names = blob.table(dsdt.SIGNATURE, dsdt.REVISION, dsdt.body(hardware))
    fixed = blob.table(fadt.SIGNATURE, fadt.REVISION, fadt.body(hardware, facs, names))
    blob.pointers += [(fixed + field, size) for field, size in fadt.POINTERS]
    tables = [fixed, blob.table(madt.SIGNATURE, madt.REVISION, madt.body(hardware))]
    if hardware.pci is not None and hardware.pci.ecam:
        tables.append(blob.table(b"MCFG", 1, _mcfg(hardware.pci)))
    roots = []
    for signature, size in ((b"RSDT", 4), (b"XSDT", 8)):
        root = blob.table(signature, 1, b"".join(at.to_bytes(size, "little") for at in tables))
        blob.pointers += [(root + _HEADER + index * size, size) for index in range(len(tables))]
        roots.append(root)
    rsdp = b"RSD PTR \0" + OEM + b"\x02" + roots[0].to_bytes(4, "little")
    rsdp += _RSDP_SIZE.to_bytes(4, "little") + roots[1].to_bytes(8, "little") + bytes(4)
    return Tables(blob=bytes(blob.content), rsdp=rsdp, pointers=tuple(blob.pointers), sums=tuple(blob.sums))


def placed(tables: Tables, base: int) -> tuple[bytes, bytes]:
    """(blob, RSDP) for a blob that stands at `base`, with pointers and checksums filled in."""
    blob = _finished(tables.blob, tables.pointers, tables.sums, base)
    return blob, _finished(tables.rsdp, tables.rsdp_pointers, tables.rsdp_sums, base)


def _finished(
    content: bytes, pointers: tuple[tuple[int, int], ...], sums: tuple[tuple[int, int, int], ...], base: int
) -> bytes:
    done = bytearray(content)
    for at, size in pointers:
        done[at : at + size] = (int.from_bytes(done[at : at + size], "little") + base).to_bytes(size, "little")
    for at, start, size in sums:
        done[at] = -sum(done[start : start + size]) & 0xFF
    return bytes(done)


class _Blob:
    """Tables one behind the other."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.pointers: list[tuple[int, int]] = []
        self.sums: list[tuple[int, int, int]] = []

    def put(self, content: bytes) -> int:
        """Appends `content` at the next multiple of 16; its offset."""
        self.content += bytes(-len(self.content) % 16)
        at = len(self.content)
        self.content += content
        return at

    def table(self, signature: bytes, revision: int, body: bytes) -> int:
        """A table with the common header; its offset."""
        size = _HEADER + len(body)
        header = signature + size.to_bytes(4, "little") + bytes((revision, 0)) + OEM + b"VMM     "
        header += (1).to_bytes(4, "little") + b"VMM " + (1).to_bytes(4, "little")
        at = self.put(header + body)
        self.sums.append((at + _CHECKSUM, at, size))
        return at


def _mcfg(pci: Pci) -> bytes:
    """One segment's configuration space in memory."""
    return bytes(8) + pci.ecam.to_bytes(8, "little") + bytes((0, 0, 0, pci.last_bus)) + bytes(4)
