"""The test device of kvm-unit-tests."""

from __future__ import annotations

import pytest

from vmm.bus.irq import IrqWire
from vmm.devices.pc_testdev import LINES, MEMORY, Flush, Lines, Storage
from vmm.errors import SnapshotError
from vmm.state import State


def test_storage_keeps_every_width_at_every_place():
    storage = Storage(4)
    storage.write(0, 4, 0x44332211)
    storage.write(1, 1, 0xAA)
    storage.write(2, 2, 0xBEEF)
    assert storage.read(0, 4) == 0xBEEFAA11
    assert [storage.read(at, 1) for at in range(4)] == [0x11, 0xAA, 0xEF, 0xBE]
    assert storage.read(1, 2) == 0xEFAA


def test_storage_has_an_end_that_nothing_gets_past():
    storage = Storage(MEMORY)
    storage.write(MEMORY - 2, 4, 0x44332211)
    storage.write(MEMORY + 8, 4, 1)
    assert storage.read(MEMORY - 2, 2) == 0x2211
    assert storage.read(MEMORY - 2, 4) == 0x2211
    assert len(storage.save().fields["bytes"]) == MEMORY


def test_storage_is_saved_loaded_and_reset():
    storage, other = Storage(8), Storage(8)
    storage.write(0, 8, 0x0102030405060708)
    other.load(storage.save())
    assert other.read(0, 8) == 0x0102030405060708
    other.reset()
    assert other.read(0, 8) == 0
    for content in (b"short", "text", None):
        with pytest.raises(SnapshotError):
            other.load(State("vmm.pc_testdev_storage", 1, {"bytes": content}))


def test_a_flush_names_the_page_and_needs_a_whole_address():
    pages: list[int] = []
    port = Flush(pages.append)
    port.write(0, 4, 0x12345678)
    port.write(0, 1, 0x99)
    port.write(2, 2, 0x9999)
    assert pages == [0x12345000]
    assert port.read(0, 4) == 0xFFFF_FFFF


def test_a_port_drives_its_line_up_and_down():
    levels: dict[int, bool] = {}
    wires = [IrqWire(gsi, levels.__setitem__) for gsi in range(LINES)]
    ports = Lines([None, *(wire.line() for wire in wires[1:])])
    ports.write(5, 1, 1)
    ports.write(7, 1, 0x80)
    ports.write(5, 1, 0)
    ports.write(0, 1, 1)
    ports.write(LINES + 3, 1, 1)
    assert levels == {5: False, 7: True}


def test_lines_are_saved_loaded_and_reset():
    levels: dict[int, bool] = {}
    ports = Lines([IrqWire(gsi, levels.__setitem__).line() for gsi in range(4)])
    ports.write(2, 1, 1)
    state = ports.save()
    ports.reset()
    assert levels == {2: False}
    ports.load(state)
    assert levels == {2: True}
    for wrong in (1 << 4, -1, "x"):
        with pytest.raises(SnapshotError):
            ports.load(State("vmm.pc_testdev_lines", 1, {"levels": wrong}))
