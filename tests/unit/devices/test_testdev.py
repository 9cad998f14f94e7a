"""The devices that other tests rely on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.testdev import PAGE, WRITTEN_CAPACITY, PatternPort, TestDevice
from vmm.errors import SnapshotError
from vmm.state import State

WIDTHS = [1, 2, 4, 8]


def test_the_identification_cannot_be_written() -> None:
    device = TestDevice()
    device.write(0, 8, 2**64 - 1)
    assert device.read(0, 4) == 0x564D4D31
    assert device.read(0, 8) == 0x564D4D31


@pytest.mark.parametrize("size", WIDTHS)
def test_the_scratch_register_takes_any_part(size: int) -> None:
    device = TestDevice()
    device.write(0x8, 8, 0x8877665544332211)
    device.write(0x10 - size, size, 0)
    assert device.read(0x8, 8) == 0x8877665544332211 & (1 << 64 - 8 * size) - 1


def test_the_counter_counts_every_write_and_takes_none() -> None:
    device = TestDevice()
    for offset in (0x0, 0x8, 0x10, 0x18, 0x40, 0x200):
        device.write(offset, 4, 7)
    device.read(0x8, 4)
    assert device.read(0x10, 8) == 6


def test_the_accumulator_adds_what_is_written_where_it_is_written() -> None:
    device = TestDevice()
    device.write(0x18, 1, 200)
    device.write(0x18, 1, 100)
    assert device.read(0x18, 8) == 300
    device.write(0x1C, 4, 1)
    assert device.read(0x18, 8) == 300 + (1 << 32)
    device.write(0x18, 8, 2**64 - 300)
    assert device.read(0x18, 8) == 1 << 32


def test_an_access_may_span_registers() -> None:
    device = TestDevice()
    device.write(0x14, 8, 0x0000000500000000)
    assert device.read(0x18, 8) == 5
    device.write(0x18, 4, 0x100)
    assert device.read(0x16, 4) == 0x0105_0000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0x100, PAGE - 1), st.sampled_from(WIDTHS), st.integers(0, 2**64 - 1)), max_size=20)
)
def test_storage_behaves_as_memory_up_to_its_end(writes: list[tuple[int, int, int]]) -> None:
    device, memory = TestDevice(), bytearray(PAGE)
    for offset, size, value in writes:
        data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")[: PAGE - offset]
        device.write(offset, size, value & (1 << 8 * size) - 1)
        memory[offset : offset + len(data)] = data
    assert all(device.read(at, 8) == int.from_bytes(memory[at : at + 8], "little") for at in range(0x100, PAGE, 8))
    assert device.read(PAGE - 1, 8) == memory[-1]


def test_the_page_survives_a_snapshot_and_not_a_reset() -> None:
    device, restored = TestDevice(), TestDevice()
    for offset in (0x8, 0x18, 0xFF8):
        device.write(offset, 8, offset)
    restored.load(device.save())
    assert [restored.read(at, 8) for at in (0x8, 0x10, 0x18, 0xFF8)] == [0x8, 3, 0x18, 0xFF8]
    device.reset()
    assert device.save() == TestDevice().save()
    with pytest.raises(SnapshotError, match="page"):
        device.load(State("vmm.testdev", 1, {"page": b"short"}))


def test_pattern_reads_fill_memory_alike_at_any_width() -> None:
    for size in WIDTHS:
        port = PatternPort()
        memory = b"".join(port.read(0, size).to_bytes(size, "little") for _ in range(512 // size))
        assert memory == bytes(range(256)) * 2


def test_pattern_writes_are_remembered_as_bytes() -> None:
    port = PatternPort()
    port.write(0, 1, 0x11)
    port.write(0, 2, 0x3322)
    port.write(0, 4, 0x77665544)
    port.write(1, 1, 0xFF)
    assert port.written == b"\x11\x22\x33\x44\x55\x66\x77"


def test_a_guest_that_writes_for_ever_leaves_the_last_bytes_only() -> None:
    port = PatternPort()
    for value in range(WRITTEN_CAPACITY // 4 + 1000):
        port.write(0, 4, value)
    assert len(port.written) == WRITTEN_CAPACITY
    assert port.written[:4] == (1000).to_bytes(4, "little")


def test_the_pattern_goes_on_after_a_snapshot_and_starts_again_after_a_reset() -> None:
    port, restored = PatternPort(), PatternPort()
    port.read(0, 1)
    port.write(0, 1, 0x41)
    restored.load(port.save())
    assert (restored.read(0, 1), restored.written) == (1, b"A")
    port.reset()
    assert (port.read(0, 1), port.written) == (0, b"")
    for change in ({"next": 256}, {"written": "A"}):
        with pytest.raises(SnapshotError):
            port.load(State("vmm.pattern_port", 1, restored.save().fields | change))
