"""What a Linux guest finds and tells: tables by their anchors, panic, power button, Ctrl-Alt-Del.

The kernels here are some instructions in a bzImage, at its 64-bit entry: they run on every host.
"""

from __future__ import annotations

import struct

import pytest

from vmm import Machine, MachineConfig
from vmm.units import MiB

CONSOLE, PANIC, PM_EVENT, PM_CONTROL = 0x3F8, 0x505, 0x600, 0x604
HALT = b"\xf4"
RESET = b"\xb0\xfe\xe6\x64" + HALT
NOTE = b"[    1.500000] Kernel panic - not syncing: test of it\r\n"
END = b"[    1.600000] ---[ end Kernel panic - not syncing: test of it ]---\r\n"
QUOTED = "the guest's kernel panicked: Kernel panic - not syncing: test of it"


def kernel(code: bytes) -> bytes:
    """A bzImage, boot protocol 2.15, that runs `code` in long mode."""
    setup = bytearray(1024)
    fields = (
        (0x1F1, 1, 1), (0x1F4, 4, 0x80), (0x1FE, 2, 0xAA55), (0x200, 2, 0x66EB), (0x206, 2, 0x020F), (0x211, 1, 1),
        (0x22C, 4, 0x7FFF_FFFF), (0x230, 4, 2 * MiB), (0x234, 1, 1), (0x236, 2, 1), (0x238, 4, 255),
        (0x258, 8, 16 * MiB), (0x260, 4, 4 * MiB),
    )  # fmt: skip
    for at, size, value in fields:
        setup[at : at + size] = value.to_bytes(size, "little")
    setup[0x202:0x206] = b"HdrS"
    return bytes(setup) + (bytes(0x200) + code).ljust(0x800, HALT)


def write(port: int, value: int, size: int = 1) -> bytes:
    """mov dx, port; mov eax, value; out dx, al or ax."""
    out = {1: b"\xee", 2: b"\x66\xef"}[size]
    return b"\x66\xba" + port.to_bytes(2, "little") + b"\xb8" + value.to_bytes(4, "little") + out


def say(text: bytes) -> bytes:
    """Each byte of `text` to COM1."""
    return b"".join(write(CONSOLE, byte) for byte in text)


def machine(code: bytes, **fields: object) -> Machine:
    return Machine(MachineConfig(image=kernel(code), direct=False, memory=64 * MiB), **fields)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (say(NOTE + b"  </TASK>\r\n") + RESET, "panic", QUOTED),
        (say(b"/ # " + NOTE + b"\r\n" + END), "panic", QUOTED),
        (say(NOTE + b"[    1.6] Rebooting in 10 seconds..\r\n"), "panic", QUOTED),
        (say(NOTE) + b"\x0f\x0b", "panic", QUOTED),
        (write(PANIC, 1), "panic", "the guest's kernel panicked"),
        (say(NOTE) + write(PANIC, 1), "panic", QUOTED),
        (write(PANIC, 4) + RESET, "reset", None),
        (say(b"grep Kernel panic - not syncing: log\r\n") + RESET, "reset", None),
        (say(END) + RESET, "reset", None),
        (say(NOTE[:-2]) + RESET, "reset", None),
    ],
    ids=["reset", "last words", "rebooting", "triple fault", "pvpanic", "both", "unknown event", "quoted", "no first",
         "no end of line"],
)  # fmt: skip
def test_a_panic_is_recognised_and_quoted(code: bytes, kind: str, words: str | None) -> None:
    with machine(code) as guest:
        outcome = guest.run(deadline=20)
    assert outcome.kind == kind, outcome
    assert words in (None, outcome.words)
    assert outcome.exit_code() == {"panic": 118, "reset": 123}[kind]


def test_a_crash_kernel_goes_on_and_the_user_hears_of_it() -> None:
    told: list[str] = []
    with machine(write(PANIC, 2) + RESET, warn=told.append) as guest:
        assert guest.run(deadline=20).kind == "reset"
    assert told == ["the guest's kernel panicked; its crash kernel goes on"]


def test_the_driver_learns_which_events_there_are() -> None:
    with machine(b"\x66\xba" + PANIC.to_bytes(2, "little") + b"\xec\x66\xba\xf4\0\xee") as guest:  # in, out 0xf4
        assert guest.run(deadline=20).value == 3


def test_the_power_button_raises_its_flag_and_line_and_sleep_type_0_ends_the_run() -> None:
    poll = b"\x66\xba" + PM_EVENT.to_bytes(2, "little") + b"\x66\xed\xf6\xc4\x01\x74\xf9"  # in ax; test ah, 1; jz
    code = write(0xB2, 0xF1) + write(PM_EVENT + 2, 0x0100, 2) + poll + write(PM_CONTROL, 0x2000, 2) + HALT
    with machine(code) as guest:
        assert guest.run(deadline=1).kind == "deadline"
        guest.press_power_button()
        outcome = guest.run(deadline=20)
    assert (outcome.kind, outcome.exit_code()) == ("power-off", 0)


def test_ctrl_alt_del_comes_in_the_codes_that_a_pc_knows() -> None:
    take = b"\xe4\x64\xa8\x01\x74\xfa\xe4\x60"  # in al, 0x64; test al, 1; jz; in al, 0x60
    code = (take + b"\x66\xba\xf8\x03\xee") * 8 + write(0xF4, 7)
    with machine(code) as guest:
        guest.press_ctrl_alt_del()
        assert guest.run(deadline=20).value == 7
        assert guest.console_output == bytes.fromhex("1d38e053e0d3b89d")


def test_the_tables_are_found_by_their_anchors() -> None:
    text = "01234567-89ab-cdef-0123-456789abcdef"
    with machine(HALT, vcpus=4, uuid=text) as guest:
        area = guest.memory.read(0xF_0000, 0x1_0000)

        def find(anchor: bytes) -> int:
            (at,) = (at for at in range(0, len(area), 16) if area[at : at + len(anchor)] == anchor)
            return at

        root = find(b"RSD PTR ")
        assert sum(area[root : root + 36]) & 0xFF == 0
        (xsdt,) = struct.unpack_from("<Q", area, root + 24)
        size = guest.memory.read_int(xsdt + 4, 4)
        tables = struct.unpack(f"<{(size - 36) // 8}Q", guest.memory.read(xsdt + 36, size - 36))
        names = {guest.memory.read(at, 4) for at in tables}
        assert names == {b"FACP", b"APIC"}
        for at in (xsdt, *tables):
            assert sum(guest.memory.read(at, guest.memory.read_int(at + 4, 4))) & 0xFF == 0
        (table,) = struct.unpack_from("<I", area, find(b"_MP_") + 4)
        assert guest.memory.read(table, 4) == b"PCMP"
        structures, at = struct.unpack_from("<IQ", area, find(b"_SM3_") + 12)
        assert bytes.fromhex("67452301ab89efcd0123456789abcdef") in guest.memory.read(at, structures)


def test_too_little_memory_for_the_tables_is_one_clear_line() -> None:
    from vmm import ConfigError

    with pytest.raises(ConfigError, match="memory"):
        Machine(MachineConfig(image=kernel(HALT), direct=False, memory=MiB - 4096))
