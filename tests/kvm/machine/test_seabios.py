"""Debian's SeaBIOS as the machine's firmware: it finds its platform, boots what there is, and says so when nothing is.

On a host that emulates ring 0 (PVM) it takes four seconds to its first boot attempt: it clears memory byte by byte.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from vmm import Machine

ROMS = Path("/usr/share/seabios")
SMALL, LARGE = ROMS / "bios.bin", ROMS / "bios-256k.bin"

pytestmark = pytest.mark.skipif(not LARGE.exists(), reason="SeaBIOS is not here: apt install seabios")

BOOT_SECTOR = """
    .code16
    ljmp $0, $start
start: xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov $0x7c00, %sp
    mov %dl, drive
    mov $greeting, %si; call say
    mov $0x0201, %ax; mov $0x0002, %cx; mov $0, %dh; mov drive, %dl; mov $0x8000, %bx
    int $0x13; jc failed                    # the second sector, by CHS
    mov $0x8000, %si; call say
    mov $0x4200, %ax; mov drive, %dl; mov $far, %si
    int $0x13; jc failed                    # the last one, by LBA
    mov $0x9000, %si; call say
    mov $0x4300, %ax; mov drive, %dl; mov $back, %si
    int $0x13; jc failed                    # and what it says to the one before
    mov $0, %ah
failed: mov %ah, %al
    out %al, $0xf4
    hlt
say: lodsb; test %al, %al; jz 1f
    mov $0x0e, %ah; mov $7, %bx; int $0x10; jmp say
1: ret
greeting: .asciz "from the first sector\\r\\n"
drive: .byte 0
    .balign 4
far: .byte 16, 0, 1, 0; .word 0x9000, 0; .quad 4095
back: .byte 16, 0, 1, 0; .word 0x9000, 0; .quad 4094
    .org 510; .word 0xaa55
    .asciz "from the second\\r\\n"
    .org 4095 * 512
    .asciz "from the last\\r\\n"
    .org 4096 * 512
"""

CD_SECTOR = """
    .code16
    ljmp $0, $start
start: xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7c00, %sp
    mov %dl, drive
    mov $0x4200, %ax; mov $packet, %si
    int $0x13; jc failed                    # the volume descriptor, in sectors of 2048 bytes
    mov $0x9001, %si; mov $5, %cx
1:  lodsb; out %al, $0xe9; loop 1b
    mov $0, %ah
failed: mov %ah, %al
    out %al, $0xf4
    hlt
drive: .byte 0
    .balign 4
packet: .byte 16, 0, 1, 0; .word 0x9000, 0; .quad 16
    .org 2048
"""


def assembled(source: str, folder: Path) -> bytes:
    subprocess.run(["as", "--32", "-o", folder / "sector.o", "-"], input=source.encode(), check=True)
    linked = folder / "sector.bin"
    command = ["ld", "-m", "elf_i386", "-N", "-Ttext=0x7c00", "--oformat=binary", "-e", "0x7c00"]
    subprocess.run([*command, "-o", linked, folder / "sector.o"], check=True)
    return linked.read_bytes()


def iso(boot_image: bytes) -> bytes:
    """An ISO 9660 image of nothing but its descriptors, an El Torito catalog and a boot image of four sectors."""
    blocks = bytearray(24 * 2048)

    def put(block: int, at: int, content: bytes) -> None:
        blocks[block * 2048 + at : block * 2048 + at + len(content)] = content

    put(16, 0, b"\x01CD001\x01")
    put(17, 0, b"\x00CD001\x01EL TORITO SPECIFICATION")
    put(17, 0x47, (19).to_bytes(4, "little"))
    put(18, 0, b"\xffCD001\x01")
    validation = bytearray(b"\x01".ljust(30, b"\0") + b"\x55\xaa")
    words = [int.from_bytes(validation[at : at + 2], "little") for at in range(0, 32, 2)]
    validation[28:30] = (-sum(words) & 0xFFFF).to_bytes(2, "little")
    put(19, 0, bytes(validation))
    put(19, 32, bytes((0x88, 0, 0, 0, 0, 0, 4, 0)) + (20).to_bytes(4, "little"))
    put(20, 0, boot_image)
    return bytes(blocks)


@pytest.fixture
def run(patience):
    """run(rom, until, **fields) runs SeaBIOS to its end, or until COM1 has said `until`: (machine, outcome)."""
    machines = []

    def boot(rom: Path, until: str = "", **fields):
        machine = Machine(firmware=str(rom), **{"memory": "32M", **fields})
        machines.append(machine)
        end = time.monotonic() + 30 * patience
        while True:
            outcome = machine.run(0.2)
            heard = until and until in machine.output("com1").decode("ascii", "replace")
            if outcome.kind != "deadline" or heard or time.monotonic() > end:
                return machine, outcome

    yield boot
    for machine in machines:
        machine.close()


def test_the_small_one_runs_on_our_own_pic_and_pit_finds_nothing_to_boot_and_says_so(run) -> None:
    machine, _ = run(SMALL, "No bootable device.", irqchip="user")
    said = machine.output("com1").decode("ascii", "replace")
    assert "SeaBIOS (version " in said
    assert said.rstrip().endswith("No bootable device.")


def test_the_large_one_boots_a_disk_and_keeps_a_log(run, tmp_path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(assembled(BOOT_SECTOR, tmp_path))
    machine, outcome = run(LARGE, hda=str(image), vcpus=2)
    log = machine.output("firmware-console").decode("ascii", "replace")
    assert (outcome.kind, outcome.value) == ("debug-exit", 0), (outcome, log)

    said = machine.output("com1").decode("ascii", "replace")
    assert "from the first sector\r\nfrom the second\r\nfrom the las" in said  # SeaBIOS holds the last bytes back
    assert image.read_bytes()[4094 * 512 :] == b"from the last\r\n".ljust(512, b"\0") * 2

    assert log.startswith("SeaBIOS (version ")
    assert "Running on QEMU (i440fx)" in log
    assert "QEMU fw_cfg DMA interface supported" in log
    assert "Found 2 cpu(s) max supported 2 cpu(s)" in log
    assert "/pci@i0cf8/ide@1,1/drive@0/disk@0" in log

    memory = machine.memory.read(0xF_0000, 0x1_0000)  # where the ROM was; now the RAM behind it
    candidates = [memory[at : at + 36] for at in range(0, len(memory), 16)]
    (rsdp,) = (each for each in candidates if each.startswith(b"RSD PTR ") and sum(each) & 0xFF == 0)
    rsdt = int.from_bytes(rsdp[16:20], "little")
    assert machine.memory.read(rsdt, 4) == b"RSDT"
    assert sum(machine.memory.read(rsdt, machine.memory.read_int(rsdt + 4, 4))) & 0xFF == 0


def test_the_large_one_boots_a_cd_rom(run, tmp_path) -> None:
    machine, outcome = run(LARGE, cdrom=iso(assembled(CD_SECTOR, tmp_path)), hda=bytes(1 << 20), boot="dc")
    assert (outcome.kind, outcome.value) == ("debug-exit", 0), outcome
    assert machine.output("debug-console") == b"CD001"
