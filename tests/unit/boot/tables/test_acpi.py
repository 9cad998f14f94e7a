"""ACPI tables: every pointer and every checksum as a reader that knows only the specification follows them."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from vmm.boot.tables import acpi, table_loader
from vmm.boot.tables.hardware import Hardware, Pci, Virtio

BASE, RSDP_AT = 0x00F0_0000, 0xF_5000
HARDWARE = Hardware(
    cpus=3, local_apic=0xFEE0_0000, io_apic=0xFEC0_0000, pm_event=0x600, pm_control=0x604, pm_timer=0x608,
    smi_command=0xB2, sci=9, reset_control=0xCF9,
)  # fmt: skip

FULL = HARDWARE.replace(
    pm_general=0x60C, generation_id=(0x1_0000_0FF0, 7),
    serial=((0x3F8, 4), (0x2F8, 3)), clock=(0x70, 8), keyboard=(0x60, 0x64, 1), panic=0x505,
    virtio=tuple(Virtio(address=0xD000_0000 + 0x200 * n, size=0x200, line=5 + n) for n in range(3)),
    pci=Pci(
        config_ports=(0xCF8, 8), ports=((0, 0xCF7), (0xD00, 0xFFFF)), memory=((0xE000_0000, 0xEFFF_FFFF),),
        high_memory=((1 << 36, (1 << 37) - 1),), last_bus=255, ecam=0xB000_0000,
    ),
)  # fmt: skip

needs_iasl = pytest.mark.skipif(shutil.which("iasl") is None, reason="iasl is not here: apt install acpica-tools")


def iasl(folder: Path, *words: str) -> str:
    """What it says in `folder`; it must end well."""
    done = subprocess.run(["iasl", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def table(memory: bytes, address: int) -> bytes:
    """The table at a guest address, its checksum checked."""
    at = address - BASE
    found = memory[at : at + int.from_bytes(memory[at + 4 : at + 8], "little")]
    assert sum(found) & 0xFF == 0
    return found


def tables(blob: bytes, rsdp: bytes) -> dict[str, bytes]:
    """All tables by signature, found from the RSDP by way of both roots."""
    assert rsdp[:8] == b"RSD PTR "
    assert sum(rsdp[:20]) & 0xFF == 0
    assert sum(rsdp) & 0xFF == 0
    rsdt, xsdt = table(blob, *struct.unpack_from("<I", rsdp, 16)), table(blob, *struct.unpack_from("<Q", rsdp, 24))
    by_rsdt = [at for (at,) in struct.iter_unpack("<I", rsdt[36:])]
    by_xsdt = [at for (at,) in struct.iter_unpack("<Q", xsdt[36:])]
    assert by_rsdt == by_xsdt
    found = {"RSDT": rsdt, "XSDT": xsdt, **{(t := table(blob, at))[:4].decode(): t for at in by_rsdt}}
    fadt = found["FACP"]
    facs, dsdt = struct.unpack_from("<II", fadt, 36)
    assert struct.unpack_from("<QQ", fadt, 132) == (0, dsdt)
    assert blob[facs - BASE :][:8] == b"FACS" + struct.pack("<I", 64)
    assert facs % 64 == 0
    found["DSDT"] = table(blob, dsdt)
    return found


def test_the_placed_tables_can_be_followed_from_the_rsdp() -> None:
    found = tables(*acpi.placed(acpi.encode(HARDWARE), BASE))
    assert set(found) == {"RSDT", "XSDT", "FACP", "APIC", "DSDT"}
    fadt = found["FACP"]
    assert len(fadt) == 276
    assert struct.unpack_from("<HIBB", fadt, 46) == (9, 0xB2, 0xF1, 0xF0)
    assert struct.unpack_from("<I", fadt, 56) == (0x600,)
    assert struct.unpack_from("<I", fadt, 64) == (0x604,)
    assert struct.unpack_from("<I", fadt, 76) == (0x608,)
    assert struct.unpack_from("<BBBBQB", fadt, 116) == (1, 8, 0, 1, 0xCF9, 6)


def test_the_madt_names_every_cpu_and_the_level_of_the_sci() -> None:
    madt = tables(*acpi.placed(acpi.encode(HARDWARE), BASE))["APIC"]
    assert struct.unpack_from("<II", madt, 36) == (0xFEE0_0000, 1)
    entries, at = [], 44
    while at < len(madt):
        entries.append(madt[at : at + madt[at + 1]])
        at += madt[at + 1]
    assert at == len(madt)
    assert [entry[2:5] for entry in entries if entry[0] == 0] == [bytes((i, i, 1)) for i in range(3)]
    assert [struct.unpack_from("<I", entry, 4) for entry in entries if entry[0] == 1] == [(0xFEC0_0000,)]
    assert [struct.unpack("<BBIH", entry[2:]) for entry in entries if entry[0] == 2] == [(0, 9, 9, 0x0D)]


def run_script(files: dict[str, bytes]) -> tuple[bytes, bytes]:
    """What firmware does with the three files: (tables at BASE, RSDP at RSDP_AT)."""
    script = files["etc/table-loader"]
    places, memory = {"etc/acpi/tables": BASE, "etc/acpi/rsdp": RSDP_AT}, {}
    for at in range(0, len(script), 128):
        command, arguments = int.from_bytes(script[at : at + 4], "little"), script[at + 4 : at + 128]
        names = [part.split(b"\0")[0].decode("latin1") for part in (arguments[:56], arguments[56:112])]
        if command == 1:
            alignment, zone = struct.unpack_from("<IB", arguments, 56)
            assert places[names[0]] % alignment == 0
            assert zone == (1 if names[0] == "etc/acpi/tables" else 2)
            memory[names[0]] = bytearray(files[names[0]])
        elif command == 2:
            offset, size = struct.unpack_from("<IB", arguments, 112)
            field = slice(offset, offset + size)
            value = int.from_bytes(memory[names[0]][field], "little") + places[names[1]]
            memory[names[0]][field] = value.to_bytes(size, "little")
        else:
            assert command == 3
            offset, start, length = struct.unpack_from("<III", arguments, 56)
            memory[names[0]][offset] = -sum(memory[names[0]][start : start + length]) & 0xFF
    return bytes(memory["etc/acpi/tables"]), bytes(memory["etc/acpi/rsdp"])


def test_the_loader_script_comes_to_the_same_bytes() -> None:
    encoded = acpi.encode(HARDWARE)
    assert run_script(dict(table_loader.files(encoded))) == acpi.placed(encoded, BASE)


def test_the_fadt_has_a_button_and_a_reset_register() -> None:
    fadt = tables(*acpi.placed(acpi.encode(FULL), BASE))["FACP"]
    no_button, reset, hardware_reduced = 1 << 4, 1 << 10, 1 << 20
    assert struct.unpack_from("<I", fadt, 112)[0] & (no_button | reset | hardware_reduced) == reset
    assert fadt[244:268] == bytes(24)  # no sleep registers
    assert struct.unpack_from("<I", fadt, 80) == (0x60C,)
    assert fadt[92] == 2
    assert struct.unpack_from("<BBBBQ", fadt, 220) == (1, 16, 0, 2, 0x60C)
    assert (fadt[8], fadt[131]) == (6, 4)


@pytest.mark.parametrize(
    ("changes", "flags"),
    [({}, 0x0003 | 1 << 2), ({"has_vga": True}, 0x0003), ({"keyboard": None}, 0x0005), ({"clock": None}, 0x0027)],
)
def test_the_boot_architecture_says_what_a_pc_has(changes: dict[str, object], flags: int) -> None:
    fadt = tables(*acpi.placed(acpi.encode(FULL.replace(**changes)), BASE))["FACP"]
    assert struct.unpack_from("<H", fadt, 109) == (flags,)


def test_pci_express_has_its_configuration_space_in_mcfg() -> None:
    mcfg = tables(*acpi.placed(acpi.encode(FULL), BASE))["MCFG"]
    assert struct.unpack("<QQHBBI", mcfg[36:]) == (0, 0xB000_0000, 0, 0, 255, 0)
    without = FULL.replace(pci=FULL.pci.replace(ecam=0))  # type: ignore[union-attr]
    assert "MCFG" not in tables(*acpi.placed(acpi.encode(without), BASE))


@pytest.mark.parametrize("cpus", [1, 64])
def test_the_largest_machine_has_room_below_1_mib(cpus: int) -> None:
    assert len(acpi.encode(FULL.replace(cpus=cpus)).blob) < 0xF000


@needs_iasl
@pytest.mark.parametrize("hardware", [HARDWARE, FULL], ids=["small", "large"])
def test_iasl_reads_them_and_comes_to_the_same_bytes(tmp_path: Path, hardware: Hardware) -> None:
    for name, content in tables(*acpi.placed(acpi.encode(hardware), BASE)).items():
        (tmp_path / f"{name}.aml").write_bytes(content)
        said = iasl(tmp_path, "-d", f"{name}.aml")
        source = (tmp_path / f"{name}.dsl").read_text()
        assert not [word for word in ("Invalid", "Warning", "Error", "Unknown") if word in said + source]
        said = iasl(tmp_path, "-p", f"again-{name}", f"{name}.dsl")
        assert "0 Errors, 0 Warnings, 0 Remarks" in said, said
        again = (tmp_path / f"again-{name}.aml").read_bytes()
        assert again[36:] == content[36:], name  # the header has the compiler's name


@needs_iasl
def test_iasl_reads_the_devices_as_they_were_meant(tmp_path: Path) -> None:
    (tmp_path / "DSDT.aml").write_bytes(tables(*acpi.placed(acpi.encode(FULL), BASE))["DSDT"])
    iasl(tmp_path, "-d", "DSDT.aml")
    source = " ".join(re.sub(r"//.*|/\*.*?\*/", "", (tmp_path / "DSDT.dsl").read_text()).split())
    for words in (
        "Name (_S5, Package (0x04) { Zero, Zero, Zero, Zero })",
        'Device (C002) { Name (_HID, "ACPI0007" ) Name (_UID, 0x02) }',
        'Device (COM2) { Name (_HID, EisaId ("PNP0501") ) Name (_UID, 0x02)',
        "IO (Decode16, 0x02F8, 0x02F8, 0x01, 0x08, ) IRQNoFlags () {3}",
        'Name (_HID, EisaId ("PNP0B00") )',
        "IO (Decode16, 0x0070, 0x0070, 0x01, 0x02, ) IRQNoFlags () {8}",
        "IO (Decode16, 0x0060, 0x0060, 0x01, 0x01, ) IO (Decode16, 0x0064, 0x0064, 0x01, 0x01, ) IRQNoFlags () {1}",
        'Name (_HID, "QEMU0001")',
        'Device (VGEN) { Name (_HID, "VMMV0001") Name (_CID, "VM_Gen_Counter") Name (_DDN, "VM_Gen_Counter")',
        "Name (ADDR, Package (0x02) { 0x0FF0, One })",
        "Scope (_GPE) { Method (_E07, 0, Serialized) { Notify (\\_SB.VGEN, 0x80) } }",
        'Device (VR01) { Name (_HID, "LNRO0005") Name (_UID, One) Name (_CCA, One)',
        "Memory32Fixed (ReadWrite, 0xD0000200, 0x00000200, )",
        "Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, ) { 0x00000006, }",
        'Device (PCI0) { Name (_HID, EisaId ("PNP0A08") ) Name (_CID, EisaId ("PNP0A03") )',
    ):
        assert words in source, words
