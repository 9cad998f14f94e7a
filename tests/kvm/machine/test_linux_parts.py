"""What a Linux guest finds and tells: tables by their anchors, panic, power button, Ctrl-Alt-Del.

The kernels here are some instructions in a bzImage, at its 64-bit entry: they run on every host.
"""

from __future__ import annotations

import struct

import pytest

from vmm import ConfigError, Machine, MachineConfig
from vmm.units import MiB

PANIC = 0x505
RESET = b"\xb0\xfe\xe6\x64\xf4"  # 0xfe to the keyboard controller
NOTE = b"[    1.500000] Kernel panic - not syncing: test of it\r\n"
END = b"[    1.600000] ---[ end Kernel panic - not syncing: test of it ]---\r\n"
QUOTED = "the guest's kernel panicked: Kernel panic - not syncing: test of it"


@pytest.fixture
def machine(kernels):
    """machine(code, **fields): one that starts `code` as a Linux kernel."""
    made = []

    def make(code: bytes, **fields: object) -> Machine:
        made.append(Machine(MachineConfig(image=kernels.image(code), direct=False, memory=64 * MiB), **fields))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (lambda k: k.say(NOTE + b"  </TASK>\r\n") + RESET, "panic", QUOTED),
        (lambda k: k.say(b"/ # " + NOTE + b"\r\n" + END), "panic", QUOTED),
        (lambda k: k.say(NOTE + b"[    1.6] Rebooting in 10 seconds..\r\n"), "panic", QUOTED),
        (lambda k: k.say(NOTE) + b"\x0f\x0b", "panic", QUOTED),
        (lambda k: k.write(PANIC, 1), "panic", "the guest's kernel panicked"),
        (lambda k: k.say(NOTE) + k.write(PANIC, 1), "panic", QUOTED),
        (lambda k: k.write(PANIC, 4) + RESET, "reset", None),
        (lambda k: k.say(b"grep Kernel panic - not syncing: log\r\n") + RESET, "reset", None),
        (lambda k: k.say(END) + RESET, "reset", None),
        (lambda k: k.say(NOTE[:-2]) + RESET, "reset", None),
    ],
    ids=["reset", "last words", "rebooting", "triple fault", "pvpanic", "both", "unknown event", "quoted", "no first",
         "no end of line"],
)  # fmt: skip
def test_a_panic_is_recognised_and_quoted(machine, kernels, code, kind, words):
    outcome = machine(code(kernels)).run(deadline=20)
    assert outcome.kind == kind, outcome
    assert words in (None, outcome.words)
    assert outcome.exit_code() == {"panic": 118, "reset": 123}[kind]


def test_a_crash_kernel_goes_on_and_the_user_hears_of_it(machine, kernels):
    told: list[str] = []
    guest = machine(kernels.write(PANIC, 2) + RESET, warn=told.append)
    assert guest.run(deadline=20).kind == "reset"
    assert told == ["the guest's kernel panicked; its crash kernel goes on"]


def test_the_driver_learns_which_events_there_are(machine):
    guest = machine(b"\x66\xba" + PANIC.to_bytes(2, "little") + b"\xec\x66\xba\xf4\0\xee")  # in al, dx; out 0xf4, al
    assert guest.run(deadline=20).value == 3


def test_the_power_button_raises_its_flag_and_sleep_type_0_ends_the_run(machine, kernels):
    guest = machine(kernels.until_the_power_button())
    assert guest.run(deadline=1).kind == "deadline"
    guest.press_power_button()
    outcome = guest.run(deadline=20)
    assert (outcome.kind, outcome.exit_code()) == ("power-off", 0)


def test_ctrl_alt_del_comes_in_the_codes_that_a_pc_knows(machine, kernels):
    take = b"\xe4\x64\xa8\x01\x74\xfa\xe4\x60"  # in al, 0x64; test al, 1; jz; in al, 0x60
    code = (take + b"\x66\xba\xf8\x03\xee") * 8 + kernels.write(0xF4, 7)
    guest = machine(code)
    guest.press_ctrl_alt_del()
    assert guest.run(deadline=20).value == 7
    assert guest.console_output == bytes.fromhex("1d38e053e0d3b89d")


def test_the_tables_are_found_by_their_anchors(machine, kernels):
    text = "01234567-89ab-cdef-0123-456789abcdef"
    guest = machine(kernels.HALT, vcpus=4, uuid=text)
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


def test_too_little_memory_for_the_tables_is_one_clear_line(kernels):
    with pytest.raises(ConfigError, match="memory"):
        Machine(MachineConfig(image=kernels.image(kernels.HALT), direct=False, memory=MiB - 4096))
