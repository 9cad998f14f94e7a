"""ACPI tables of a small PC: RSDP, RSDT, XSDT, FADT, FACS, MADT and a DSDT that can power off.

They are encoded before anybody knows where they will stand: `Tables` says which bytes are pointers and which are
checksums, and either firmware does the rest (see table_loader.py) or `placed` does it here.
Not modelled: devices, PCI routing and everything else an operating system would want of a DSDT.
Source: ACPI specification 6.4, sections 5.2 (tables) and 20.2 (AML encoding).
"""

from __future__ import annotations

from ...records import Record

OEM = b"VMM   "
HARD_RESET = 0x06
"""What the reset register takes: bits 1 and 2 of the reset control register."""
ACPI_ENABLE, ACPI_DISABLE = 0xF1, 0xF0
"""What the SMI command port takes."""

WAKING_VECTOR = 12
"""Where a FACS has the address at which an operating system wants to wake."""

_HEADER = 36
_CHECKSUM = 9  # offset in a header
_RSDP_SIZE = 36
_SLEEP_OFF = bytes.fromhex("08 5f53355f 12 06 04 00 00 00 00")
"""Name (_S5, Package (4) { 0, 0, 0, 0 }): sleep type 0 in both PM1 control registers powers off."""


class Hardware(Record):
    """Where the hardware is that the tables tell of; ports but for the two controllers' addresses."""

    cpus: int
    local_apic: int
    io_apic: int
    pm_event: int
    pm_control: int
    pm_timer: int
    smi_command: int
    sci: int
    """The interrupt line of the power management block, active high and level."""
    reset_control: int


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
    facs = blob.put(b"FACS" + (64).to_bytes(4, "little") + bytes(24) + b"\x01" + bytes(31))
    dsdt = blob.table(b"DSDT", 1, _SLEEP_OFF)
    fadt = blob.table(b"FACP", 3, _fadt(hardware, facs, dsdt))
    for field, size in ((36, 4), (40, 4), (132, 8), (140, 8)):
        blob.pointers.append((fadt + field, size))
    madt = blob.table(b"APIC", 1, _madt(hardware))
    roots = []
    for signature, size in ((b"RSDT", 4), (b"XSDT", 8)):
        root = blob.table(signature, 1, b"".join(at.to_bytes(size, "little") for at in (fadt, madt)))
        blob.pointers += [(root + _HEADER + index * size, size) for index in range(2)]
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


def _address(port: int, bits: int) -> bytes:
    """A generic address structure for a port, accessed in one piece; all zero for none."""
    if not port:
        return bytes(12)
    return bytes((1, bits, 0, {8: 1, 16: 2, 32: 3}[bits])) + port.to_bytes(8, "little")


def _fadt(hardware: Hardware, facs: int, dsdt: int) -> bytes:
    """Revision 3, without its header: 208 bytes."""

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little")

    wbinvd, c1, no_sleep_button, reset = 1 << 0, 1 << 2, 1 << 5, 1 << 10
    never = number(101, 2) + number(1001, 2)  # C2 and C3 latencies beyond what the specification allows: not there
    return b"".join(
        (
            number(facs, 4), number(dsdt, 4), bytes((0, 0)), number(hardware.sci, 2), number(hardware.smi_command, 4),
            bytes((ACPI_ENABLE, ACPI_DISABLE, 0, 0)), number(hardware.pm_event, 4), number(0, 4),
            number(hardware.pm_control, 4), number(0, 4), number(0, 4), number(hardware.pm_timer, 4), number(0, 8),
            bytes((4, 2, 0, 4, 0, 0, 0, 0)), never, number(0, 4), bytes((0, 0, 0, 0, 0x32)), number(0x0003, 2), b"\0",
            number(wbinvd | c1 | no_sleep_button | reset, 4), _address(hardware.reset_control, 8),
            bytes((HARD_RESET, 0, 0, 0)), number(facs, 8), number(dsdt, 8), _address(hardware.pm_event, 32), bytes(12),
            _address(hardware.pm_control, 16), bytes(24), _address(hardware.pm_timer, 32), bytes(24),
        )
    )  # fmt: skip


def _madt(hardware: Hardware) -> bytes:
    """Local APICs by their ids, the I/O APIC, and the SCI, which is level where ISA's lines are edges."""
    entries = hardware.local_apic.to_bytes(4, "little") + (1).to_bytes(4, "little")
    for index in range(hardware.cpus):
        entries += bytes((0, 8, index, index, 1, 0, 0, 0))
    entries += bytes((1, 12, 0, 0)) + hardware.io_apic.to_bytes(4, "little") + bytes(4)
    entries += bytes((2, 10, 0, hardware.sci)) + hardware.sci.to_bytes(4, "little") + (0x000D).to_bytes(2, "little")
    return entries + bytes((4, 6, 0xFF, 0, 0, 1))  # NMI at LINT1 of all
