"""ACPI tables: every pointer and every checksum as a reader that knows only the specification follows them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from vmm.boot.tables import acpi, table_loader
from vmm.boot.tables.hardware import Hardware

BASE, RSDP_AT = 0x00F0_0000, 0xF_5000
HARDWARE = Hardware(
    cpus=3, local_apic=0xFEE0_0000, io_apic=0xFEC0_0000, pm_event=0x600, pm_control=0x604, pm_timer=0x608,
    smi_command=0xB2, sci=9, reset_control=0xCF9,
)  # fmt: skip


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
    by_rsdt, by_xsdt = struct.unpack("<2I", rsdt[36:]), struct.unpack("<2Q", xsdt[36:])
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


@pytest.mark.skipif(shutil.which("iasl") is None, reason="iasl is not here: apt install acpica-tools")
def test_iasl_reads_them_without_a_complaint(tmp_path: Path) -> None:
    for name, content in tables(*acpi.placed(acpi.encode(HARDWARE), BASE)).items():
        (tmp_path / f"{name}.dat").write_bytes(content)
        done = subprocess.run(["iasl", "-d", f"{name}.dat"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout + done.stderr + (tmp_path / f"{name}.dsl").read_text()
        assert "Invalid" not in said
        assert "Warning" not in said
        assert "Error" not in said, said
