"""One function's configuration space: what a guest may change, and states that it can be in."""

from __future__ import annotations

import pytest

from vmm.devices.pci.config_space import CLASS, HEADER_TYPE, SIZE, ConfigSpace
from vmm.errors import SnapshotError


@pytest.fixture
def space() -> ConfigSpace:
    space = ConfigSpace(0x1234, 0x5678, 0x0601, multifunction=True)
    space.put(0x40, 4, 0x1111_0000, writable=0x0000_FF0F)
    return space


def test_the_header_says_what_it_is(space: ConfigSpace) -> None:
    assert space.read(0, 4) == 0x5678_1234
    assert space.read(CLASS, 2) == 0x0601
    assert space.read(HEADER_TYPE, 1) == 0x80


@pytest.mark.parametrize(("offset", "size", "value"), [(0x40, 4, 0x1111_FF0F), (0x40, 2, 0xFF0F), (0x41, 1, 0xFF)])
def test_only_writable_bits_change_at_every_width(space: ConfigSpace, offset: int, size: int, value: int) -> None:
    space.write(offset, size, (1 << 8 * size) - 1)
    assert space.read(offset, size) == value
    space.write(0, 4, 0)
    assert space.read(0, 4) == 0x5678_1234


def test_writes_resets_and_loads_are_told(space: ConfigSpace) -> None:
    told: list[tuple[int, int]] = []
    space.changed = lambda offset, size: told.append((offset, size))
    space.write(0x41, 1, 5)
    saved = space.save()
    space.reset()
    assert space.read(0x40, 4) == 0x1111_0000
    space.check(saved)
    space.load(saved)
    assert space.read(0x41, 1) == 5
    assert told == [(0x41, 1), (0, SIZE), (0, SIZE)]


@pytest.mark.parametrize("saved", [bytes(SIZE), b"", bytearray(SIZE), None])
def test_a_state_that_cannot_be_is_refused(space: ConfigSpace, saved: object) -> None:
    with pytest.raises(SnapshotError):
        space.check(saved)
