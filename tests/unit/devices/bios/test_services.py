"""The BIOS as a device: names of its ports, unknown functions, frames that are nowhere, state, hostile registers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.bios.frame import Frame
from vmm.devices.bios.ram import Ram
from vmm.errors import SnapshotError
from vmm.state import State


@pytest.mark.parametrize(
    ("port", "name"),
    [
        (0x1342, "int 13h/42h"), (0x100E, "int 10h/0Eh"), (0x15E8, "int 15h/E8h"), (0x1100, "int 11h"),
        (0x1200, "int 12h"), (0x1800, "int 18h"), (0x1900, "int 19h"), (0x1601, "int 16h/01h"),
        (0x1399, "int 13h/99h (unknown)"), (0x1155, "int 11h/55h (unknown)"), (0x1AB1, "int 1Ah/B1h (unknown)"),
        (0x1586, "int 15h/86h"), (0x1B00, "bios set-up"),
    ],
)  # fmt: skip
def test_every_port_is_named_after_its_call(bios, port, name) -> None:
    assert bios.bios.name_of(port - 0x1000) == name


@pytest.mark.parametrize("interrupt", range(0x10, 0x1B))
def test_unknown_functions_give_carry(bios, interrupt) -> None:
    if interrupt not in (0x11, 0x12, 0x18, 0x19):
        frame = bios.call(interrupt, 0xEE00)
        assert frame.carry == 1
        assert frame.ah == {0x13: 0x01, 0x15: 0x86}.get(interrupt, 0xEE)


@pytest.mark.parametrize("gpa", [0xEFFF0, 0x9_FFFF_FFFF & 0xFFFF_FFFF, 0x1FFFF0, 0x200000, 0xFFFF_FFFF])
def test_a_frame_that_is_nowhere_does_nothing(bios, gpa) -> None:
    bios.bios.write(0x30E, 4, gpa)
    bios.bios.write(0x00E, 4, gpa)
    assert bytes(bios.said) == b""


def test_a_write_of_another_width_is_no_call(bios) -> None:
    bios.memory.write(0x40, b"\x41" * 42)
    bios.bios.write(0x00E, 1, 0x40)
    bios.bios.write(0x00E, 2, 0x40)
    assert bytes(bios.said) == b""
    assert bios.bios.read(0, 4) == 0xFFFF_FFFF
    bios.bios.scan_code.write(1, 1, 0x1E)
    assert bios.call(0x16, 0x0100).zero == 1


def test_state_goes_to_another_bios_with_the_same_drives(make_bios) -> None:
    disc = bytes(64 * 2048)
    first, second = (make_bios(cdrom=disc, floppy=bytes(160 * 1024), order="ad") for _ in range(2))
    first.call(0x19, 0)
    first.call(0x13, 0x4500, edx=0xE0)
    first.call(0x15, 0x8600, edx=1000)
    for _ in range(14):
        first.bios.scan_code.write(0, 1, 0x1E)
    state = first.bios.save()
    assert state.fields["next"] == 2
    second.bios.load(state)
    assert second.bios.save() == state
    assert (second.bios.bootstrap.next, second.drives[0xE0].locks, second.bios.keyboard.is_held) == (2, 1, True)
    second.sleep(1_000_000)
    assert second.edges == [True, False]
    second.bios.reset()
    assert second.bios.save() == make_bios(cdrom=disc, floppy=bytes(160 * 1024)).bios.save()


@pytest.mark.parametrize(
    "change",
    [
        {"next": -1}, {"next": 4}, {"next": "1"}, {"faults": None}, {"is_held": 1}, {"wait": "soon"},
        {"told": [1]},
        {"locks": {"224": 1}}, {"locks": []}, {"locks": {"x": 1}}, {"image": [0, 0, 1, 0]}, {"is_emulating": True},
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_is_refused_and_changes_nothing(bios, change) -> None:
    before = bios.bios.save()
    with pytest.raises(SnapshotError):
        bios.bios.load(State("vmm.bios", 1, {**before.fields, **change}))
    assert bios.bios.save() == before


def test_an_emulated_floppy_survives_a_snapshot(make_bios) -> None:
    disc = bytes(20 * 2048) + b"emulated".ljust(1440 * 1024, b"\0")
    bench = make_bios(cdrom=disc)
    fields = bench.bios.save().fields
    bench.bios.load(State("vmm.bios", 1, {**fields, "image": [2, 0x7C0, 1, 20], "is_emulating": True}))
    assert bench.call(0x13, 0x0201, ecx=1, edx=0, ebx=0x9000).carry == 0
    assert bench.memory.read(0x9000, 8) == b"emulated"
    for image in ([2, 0x7C0, 1, 21], [4, 0x7C0, 1, 20], [0, 0x7C0, 0, 20], [0, 0x1_0000, 1, 20], [0, 0, 1]):
        with pytest.raises(SnapshotError):
            bench.bios.load(State("vmm.bios", 1, {**fields, "image": image}))


@pytest.fixture(scope="module")
def shared(make_bios):
    """One bench for many calls, each of which finds what those before it have left."""
    return make_bios(floppy=bytes(160 * 1024), disk=bytes(1 << 20), cdrom=bytes(1 << 17))


NUMBERS = st.integers(0, 0xFFFF_FFFF) | st.sampled_from([0, 1, 0x80, 0xE0, 0xFFFF])


@settings(max_examples=300, deadline=None)
@given(
    offset=st.integers(0, 0xAFF),
    registers=st.lists(NUMBERS, min_size=13, max_size=13),
    frame_at=st.integers(0, 0x220000),
)
def test_no_call_with_any_registers_raises_or_touches_the_rom(shared, offset, registers, frame_at) -> None:
    short = (0, 1, 10, 11, 12)
    values = [value & 0xFFFF if index in short else value for index, value in enumerate(registers)]
    Frame(frame_at, values).store(Ram(shared.memory))
    shared.bios.write(offset, 4, frame_at)
    assert shared.memory.read(0xF0000, 0x10000) == bytes(0x10000)
