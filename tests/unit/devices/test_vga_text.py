"""A VGA's registers in text modes: kept, read back, and what a screen's reader takes from them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.devices import vga_text as vga
from vmm.devices.vga_text import VgaText
from vmm.errors import SnapshotError
from vmm.state import State

FRAME = 449 * 31_778


class Bench:
    def __init__(self) -> None:
        self.now = 0
        self.chip = VgaText(lambda: self.now)

    def crtc(self, index: int, value: int | None = None) -> int:
        self.chip.crtc.write(0, 1, index)
        if value is not None:
            self.chip.crtc.write(1, 1, value)
        return self.chip.crtc.read(1, 1)

    def pair(self, at: int, index: int, value: int | None = None) -> int:
        self.chip.registers.write(at, 1, index)
        if value is not None:
            self.chip.registers.write(at + 1, 1, value)
        return self.chip.registers.read(at + 1, 1)

    def attribute(self, index: int, value: int) -> None:
        self.chip.status.read(0, 1)
        self.chip.registers.write(vga.ATTRIBUTE, 1, index)
        self.chip.registers.write(vga.ATTRIBUTE, 1, value)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_cursor_is_where_the_guest_put_it_and_nowhere_before(bench: Bench) -> None:
    assert (bench.chip.cursor, bench.chip.start) == (None, None)
    bench.crtc(vga.CURSOR_HIGH, 0x07)
    bench.crtc(vga.CURSOR_LOW, 0xCF)
    assert (bench.chip.cursor, bench.chip.start) == (1999, None)
    bench.crtc(vga.START_HIGH, 0x08)
    assert (bench.chip.cursor, bench.chip.start) == (1999, 0x800)


def test_the_cursor_can_be_switched_off(bench: Bench) -> None:
    assert bench.chip.cursor_shown
    bench.crtc(vga.CURSOR_START, 0x2D)
    assert not bench.chip.cursor_shown


def test_the_timing_registers_are_protected_until_somebody_lifts_that(bench: Bench) -> None:
    assert bench.crtc(0, 0x12) == 0x5F
    assert bench.crtc(7, 0xFF) == 0x1F  # the line compare bit goes through
    assert bench.crtc(7, 0x00) == 0x0F
    bench.crtc(vga.RETRACE_END, 0x0E)
    assert bench.crtc(0, 0x12) == 0x12


def test_registers_that_are_not_there_read_as_zero_and_take_nothing(bench: Bench) -> None:
    before = bench.chip.save()
    assert bench.crtc(0x40, 0xFF) == bench.pair(vga.SEQUENCER_INDEX, 9, 0xFF) == 0
    assert bench.pair(vga.GRAPHICS_INDEX, 0xFF, 0xFF) == 0
    tables = ("crtc", "sequencer", "graphics", "palette", "attribute")
    assert {name: bench.chip.save().fields[name] for name in tables} == {name: before.fields[name] for name in tables}


def test_the_attribute_controller_takes_index_and_data_in_turn_from_a_read_of_the_status_on(bench: Bench) -> None:
    assert bench.chip.blinking
    bench.attribute(0x30, 0x04)
    assert not bench.chip.blinking
    assert bench.chip.registers.read(vga.ATTRIBUTE_READ, 1) == 0x04
    bench.chip.registers.write(vga.ATTRIBUTE, 1, 0x05)  # an index again
    bench.chip.status.read(0, 1)
    bench.chip.registers.write(vga.ATTRIBUTE, 1, 0x30)  # not data for 5
    assert bench.chip.registers.read(vga.ATTRIBUTE, 1) == 0x30


def test_the_palette_counts_on_by_itself(bench: Bench) -> None:
    port = bench.chip.registers
    port.write(vga.PEL_WRITE, 1, 255)
    for level in (1, 2, 0xFF, 4):
        port.write(vga.PEL_DATA, 1, level)
    assert port.read(vga.PEL_READ, 1) == 0
    port.write(vga.PEL_READ, 1, 255)
    assert [port.read(vga.PEL_DATA, 1) for _ in range(4)] == [1, 2, 0x3F, 4]
    assert port.read(vga.PEL_READ, 1) == 3
    port.write(vga.PEL_READ, 1, 20)
    assert [port.read(vga.PEL_DATA, 1) for _ in range(3)] == [42, 21, 0]  # brown


def test_misc_output_feature_control_and_the_other_blocks_are_read_back(bench: Bench) -> None:
    bench.chip.registers.write(vga.MISC_WRITE, 1, 0xE3)
    assert bench.chip.registers.read(vga.MISC_READ, 1) == 0xE3
    bench.chip.status.write(0, 1, 0x02)
    assert bench.chip.registers.read(vga.FEATURE_READ, 1) == 0x02
    assert bench.pair(vga.SEQUENCER_INDEX, 2, 0x04) == 0x04
    assert bench.pair(vga.GRAPHICS_INDEX, 6, 0x04) == 0x04
    assert bench.chip.registers.read(vga.MISC_WRITE, 1) == 0x10


def test_retrace_comes_and_goes_once_a_frame(bench: Bench) -> None:
    seen = []
    for bench.now in range(0, 2 * FRAME, 8_000):  # as a guest polls that needs 8 us for an exit
        seen.append(bench.chip.status.read(0, 1))
    changes = [after for before, after in pairwise(seen) if (before ^ after) & 0x08]
    assert [bool(value & 0x08) for value in changes[:3]] == [True, False, True]
    assert {0x00, 0x01, 0x09} == set(seen)


@given(st.lists(st.tuples(st.sampled_from(["registers", "crtc", "status"]), st.integers(0, 15), st.integers(0, 255))))
def test_a_saved_chip_is_the_same_chip_whatever_was_written(writes: list[tuple[str, int, int]]) -> None:
    bench, other = Bench(), Bench()
    for part, offset, value in writes:
        getattr(bench.chip, part).write(offset if part == "registers" else offset & 1, 1, value)
    assert all(0 <= bench.chip.registers.read(offset, 1) <= 0xFF for offset in range(16))
    other.chip.load(bench.chip.save())
    assert other.chip.save() == bench.chip.save()
    assert (other.chip.cursor, other.chip.start) == (bench.chip.cursor, bench.chip.start)
    bench.chip.reset()
    assert bench.chip.save() == Bench().chip.save()


@pytest.mark.parametrize(
    ("name", "value"), [("crtc", bytes(24)), ("palette", "x"), ("misc", 256), ("pel_read", 768), ("set", -1)]
)
def test_a_state_that_no_chip_can_be_in_is_refused(bench: Bench, name: str, value: object) -> None:
    before = bench.chip.save()
    with pytest.raises(SnapshotError, match=f"vmm.vga: {name} must be"):
        bench.chip.load(State("vmm.vga", 1, {**before.fields, name: value}))
    assert bench.chip.save() == before
