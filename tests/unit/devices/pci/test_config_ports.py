"""The configuration ports, as a guest finds functions through them, and the reset register in their midst."""

from __future__ import annotations

import pytest

from vmm.bus.bus import Bus
from vmm.devices.pci.config_ports import ConfigPorts
from vmm.devices.pci.config_space import ConfigSpace
from vmm.devices.power import ResetControl
from vmm.errors import SnapshotError
from vmm.state import State


class Bench:
    def __init__(self) -> None:
        self.resets: list[str] = []
        first, second = ConfigSpace(0x8086, 0x1237, 0x0600), ConfigSpace(0x8086, 0x7000, 0x0601)
        second.put(0x60, 4, 0, writable=0xFFFF_FFFF)
        self.ports = ConfigPorts({(0, 0): first, (1, 3): second}, ResetControl(self.resets.append))
        self.bus = Bus("io", 0x10000)
        self.bus.claim(0xCF8, 4, self.ports.address, width=4)
        self.bus.claim(0xCFC, 4, self.ports.data, width=4)

    def select(self, device: int, function: int, register: int, bus: int = 0) -> None:
        self.bus.write(0xCF8, 4, 1 << 31 | bus << 16 | device << 11 | function << 8 | register)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_functions_answer_where_they_are_and_nowhere_else(bench: Bench) -> None:
    found = []
    for bus in (0, 1):
        for device in range(32):
            for function in range(8):
                bench.select(device, function, 0, bus)
                if (value := bench.bus.read(0xCFC, 4)) != 0xFFFF_FFFF:
                    found.append((bus, device, function, value))
    assert found == [(0, 0, 0, 0x1237_8086), (0, 1, 3, 0x7000_8086)]


def test_the_window_has_every_width(bench: Bench) -> None:
    bench.select(1, 3, 0x60)
    bench.bus.write(0xCFC, 4, 0x44332211)
    bench.bus.write(0xCFD, 1, 0xAA)
    bench.bus.write(0xCFE, 2, 0xBBCC)
    assert bench.bus.read(0xCFC, 4) == 0xBBCCAA11
    assert bench.bus.read(0xCFE, 2) == 0xBBCC
    assert bench.bus.read(0xCFF, 1) == 0xBB
    assert bench.bus.read(0xCFD, 2) == 0xCCAA


def test_without_the_enable_bit_nobody_answers(bench: Bench) -> None:
    bench.bus.write(0xCF8, 4, 0)
    bench.bus.write(0xCFC, 4, 0)
    assert bench.bus.read(0xCFC, 4) == 0xFFFF_FFFF
    bench.bus.write(0xCF8, 4, 0xFFFF_FFFF)
    assert bench.bus.read(0xCF8, 4) == 0x80FF_FFFC


def test_a_byte_in_the_address_is_the_reset_register_and_a_dword_is_not(bench: Bench) -> None:
    bench.bus.write(0xCF8, 4, 0x8000_0600)
    assert bench.resets == []
    bench.bus.write(0xCF9, 1, 0x06)
    assert bench.resets == ["hard reset (reset control)"]
    assert bench.bus.read(0xCF9, 1) == 0x06
    assert bench.bus.read(0xCF8, 4) == 0x8000_0600
    bench.bus.write(0xCF8, 2, 0)
    bench.bus.write(0xCF8, 1, 0)
    assert bench.bus.read(0xCF8, 4) == 0x8000_0600
    assert bench.bus.read(0xCF8, 1) == 0xFF


def test_saved_loaded_and_reset(bench: Bench) -> None:
    bench.select(1, 3, 0x60)
    bench.bus.write(0xCFC, 4, 0x1234)
    other = Bench()
    other.ports.load(bench.ports.save())
    assert other.bus.read(0xCFC, 4) == 0x1234
    other.ports.reset()
    assert other.ports.save() == Bench().ports.save()


@pytest.mark.parametrize(
    "change", [{"address": 1}, {"address": "0"}, {"functions": {}}, {"functions": {"0.0": b"", "1.3": b""}}]
)
def test_a_state_that_cannot_be_changes_nothing(bench: Bench, change: dict[str, object]) -> None:
    before = bench.ports.save()
    with pytest.raises(SnapshotError):
        bench.ports.load(State("vmm.pci", 1, {**before.fields, **change}))
    assert bench.ports.save() == before
