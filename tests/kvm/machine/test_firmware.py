"""A ROM of our own in place of the BIOS: where it is mapped, and what its platform has, as a guest sees it."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from vmm import Machine
from vmm.errors import ConfigError

PAM = """
pam: # AL to register AH of the host bridge
    push %eax
    movzbl %ah, %eax
    mov %eax, %ecx
    and $0xfc, %eax
    or $0x80000000, %eax
    mov $0xcf8, %dx
    out %eax, %dx
    pop %eax
    mov $0xcfc, %dx
    and $3, %cx
    add %cx, %dx
    out %al, %dx
    ret
"""


@pytest.fixture
def rom(tmp_path):
    """rom(text) is the path of a ROM of 64 KiB with this code at F000:0000, where the reset vector jumps."""

    def build(text: str) -> str:
        source = f".code16\n{text}\n.org 0xfff0\nljmp $0xf000, $0\n.org 0x10000\n"
        subprocess.run(["as", "--32", "-o", tmp_path / "rom.o", "-"], input=source.encode(), check=True)
        linked = tmp_path / "rom.bin"
        command = ["ld", "-m", "elf_i386", "-N", "-Ttext=0", "--oformat=binary", "-e", "0"]
        subprocess.run([*command, "-o", linked, tmp_path / "rom.o"], check=True)
        return str(linked)

    return build


@pytest.fixture
def boot(rom):
    """boot(text, **fields) runs such a ROM to its end: (machine, outcome)."""
    machines = []

    def run(text: str, deadline: float = 10.0, **fields):
        machines.append(Machine(firmware=rom(text), **{"memory": "2M", "irqchip": "none", **fields}))
        return machines[-1], machines[-1].run(deadline)

    yield run
    for machine in machines:
        machine.close()


def test_it_starts_at_the_reset_vector_and_stands_in_both_places(boot, rom) -> None:
    machine, outcome = boot("mov $0x2a, %al; out %al, $0xf4; hlt")
    assert (outcome.kind, outcome.value) == ("debug-exit", 0x2A)
    content = Path(machine.config.firmware).read_bytes()
    assert machine.memory.read(0xFFFF_0000, 0x10000) == machine.memory.read(0xF_0000, 0x10000) == content
    assert machine.memory.read(0xE_0000, 0x100) == b"\xff" * 0x100


def test_shadow_ram_in_each_of_its_states(boot) -> None:
    machine, outcome = boot(
        """
        mov $0x8000, %sp
        xor %ax, %ax; mov %ax, %ss
        mov $0xe000, %ax; mov %ax, %ds
        movb $0x11, 0; call show            # ROM: the write is lost
        mov $0x5e02, %ax; call pam
        movb $0x22, 0; call show            # reads ROM, writes RAM
        mov $0x5e01, %ax; call pam
        call show
        movb $0x33, 0; call show            # RAM, write-protected
        mov $0x5e03, %ax; call pam
        movb $0x44, 0; call show            # RAM
        mov $0x5e00, %ax; call pam
        call show                           # ROM again
        mov $0x5e01, %ax; call pam
        call show
        hlt
    show: mov 0, %al
        out %al, $0xe9
        ret
        """
        + PAM
    )
    assert outcome.kind == "halted", outcome
    assert machine.output("debug-console").hex(" ") == "ff ff 22 22 44 ff 44"


def test_a_rom_copies_itself_to_the_ram_behind_it_and_runs_on_there(boot) -> None:
    machine, outcome = boot(
        """
        mov $0x8000, %sp
        xor %ax, %ax; mov %ax, %ss
        mov %cs, %ax; mov %ax, %ds; mov %ax, %es
        mov $0x5920, %ax; call pam
        xor %si, %si; xor %di, %di; mov $0x200, %cx; cld
        rep movsb
        mov $0x5930, %ax; call pam
        movb $0x77, word
        mov $0x5910, %ax; call pam
        movb $0x78, word
        mov word, %al
        out %al, $0xf4
        hlt
    word: .byte 0
        """
        + PAM
    )
    assert (outcome.kind, outcome.value) == ("debug-exit", 0x77)
    assert machine.memory.read(0xFFFF_0000, 0x200) != machine.memory.read(0xF_0000, 0x200)  # the ROM has no 0x77


def test_a_second_vcpu_runs_on_while_the_memory_under_it_is_taken_away(boot) -> None:
    """Both run in the window whose only slot goes and comes with each change."""
    _, outcome = boot(
        """
        xor %ax, %ax; mov %ax, %ss; mov %ax, %es
        test %bx, %bx
        jz first
    spin: incl %es:0x500
        jmp spin
    first: mov $0x8000, %sp
        mov $200, %si
    again: mov $0x5e03, %ax; call pam
        mov $0x5e00, %ax; call pam
        dec %si
        jnz again
    wait: cmpl $1000, %es:0x500
        jb wait
        mov $1, %al
        out %al, $0xf4
        hlt
        """
        + PAM,
        vcpus=2,
        deadline=60.0,
    )
    assert (outcome.kind, outcome.value) == ("debug-exit", 1), outcome


def test_writes_to_the_rom_below_4_gib_are_lost(boot) -> None:
    _, outcome = boot(
        """
        xor %ax, %ax; mov %ax, %ss; mov $0x8000, %sp
        mov %cs, %ax; mov %ax, %ds
        lgdtl gdt_pointer
        mov %cr0, %eax; or $1, %al; mov %eax, %cr0
        mov $8, %bx; mov %bx, %ds
        and $0xfe, %al; mov %eax, %cr0
        mov $0xffff1234, %esi
        addr32 movl $0xdeadbeef, (%esi)
        addr32 movb (%esi), %al
        out %al, $0xf4
        hlt
    .balign 8
    gdt: .quad 0, 0x00cf93000000ffff
    gdt_pointer: .word 15
        .long 0xf0000 + gdt
        .org 0x1234
        .byte 0x66
        """
    )
    assert (outcome.kind, outcome.value) == ("debug-exit", 0x66), outcome


def test_fw_cfg_by_string_input_and_by_transfer(boot) -> None:
    machine, outcome = boot(
        """
        xor %ax, %ax; mov %ax, %ss; mov %ax, %ds; mov %ax, %es; mov $0x8000, %sp
        mov $0x510, %dx; mov $3, %ax; out %ax, %dx     # RAM size
        inc %dx; mov $0x600, %di; mov $8, %cx; cld; rep insb
        movl $0x0a001900, 0x700      # a request, big endian: read and select 0x19,
        movl $0x00100000, 0x704      # 4096 bytes
        movl $0x00080000, 0x70c      # to 0x800
        mov $0x518, %dx; mov $0x00070000, %eax; out %eax, %dx
        hlt
        """,
        fw_cfg=(("opt/org.example/greeting", b"hello"),),
    )
    assert outcome.kind == "halted", outcome
    assert machine.memory.read_int(0x600, 8) == 2 << 20
    assert machine.memory.read_int(0x700, 4) == 0
    directory = machine.memory.read(0x804, 0xFFC)
    entries = [directory[at : at + 64] for at in range(0, 64 * machine.memory.read(0x803, 1)[0], 64)]
    names = [entry[8:].rstrip(b"\0").decode() for entry in entries]
    assert {"etc/e820", "etc/table-loader", "etc/acpi/rsdp", "bootorder", "opt/org.example/greeting"} <= set(names)


def test_acpi_power_off_ends_the_run_well(boot) -> None:
    _, outcome = boot("mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx; hlt")
    assert outcome.kind == "power-off"
    assert outcome.exit_code() == 0


def test_a_reset_beside_pcis_address_is_one(boot) -> None:
    _, outcome = boot("mov $0xcf8, %dx; mov $0x80000600, %eax; out %eax, %dx; inc %dx; mov $6, %al; out %al, %dx; hlt")
    assert outcome.kind == "reset"


@pytest.mark.parametrize("size", [0x1000, 0x3000, 1 << 20, 16 << 20])
def test_roms_of_every_size_start(tmp_path, size: int) -> None:
    code = b"\xb0\x2a\xe6\xf4\xf4"  # mov $0x2a, %al; out %al, $0xf4; hlt
    path = tmp_path / "rom.bin"
    path.write_bytes(code.rjust(len(code) + size - 16, b"\xcc").ljust(size, b"\xcc"))
    with Machine(firmware=str(path), memory="2M", irqchip="none") as machine:
        outcome = machine.run(10.0)
        assert (outcome.kind, outcome.value) == ("debug-exit", 0x2A)
        low = min(size, 128 << 10)
        assert machine.memory.read(0x10_0000 - low, low) == path.read_bytes()[-low:]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (bytes(5000), "904 over whole pages"), (bytes((16 << 20) + 4096), "larger than the 16 MiB")],
)
def test_what_is_no_rom_is_refused(tmp_path, content: bytes, words: str) -> None:
    path = tmp_path / "rom.bin"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        Machine(firmware=str(path))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"image": b"x"}, "starts the machine from its reset vector"),
        ({"fda": bytes(512)}, "no floppy controller"),
        ({"memory": 1 << 20}, "at least 2 MiB"),
        ({"vcpus": 2, "irqchip": "user"}, "local APICs"),
        ({"fw_cfg": (("x" * 56, b""),)}, "1 to 55 bytes"),
        ({"fw_cfg": (("x", b""), ("x", b""))}, "given twice"),
        ({"fw_cfg": (("x", "text"),)}, "must be bytes"),
    ],
)
def test_what_does_not_go_with_firmware_is_refused_by_its_field(rom, fields, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Machine(firmware=rom("hlt"), **fields)


@pytest.mark.parametrize("seed", range(6))
def test_a_rom_of_noise_comes_to_some_end(tmp_path, seed: int) -> None:
    path = tmp_path / "rom.bin"
    path.write_bytes(random.Random(seed).randbytes(0x1_0000))
    warnings: list[str] = []
    with Machine(firmware=str(path), memory="2M", warn=warnings.append) as machine:
        assert machine.run(0.3).kind
        machine.crash_report().render()
    assert warnings == []
