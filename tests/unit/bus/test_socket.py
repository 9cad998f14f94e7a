from __future__ import annotations

import pytest

from vmm.bus.bus import Bus
from vmm.bus.socket import Socket
from vmm.errors import ConfigError


class Chip:
    def __init__(self) -> None:
        self.written: list[int] = []
        self.other = Part()

    def read(self, offset, size):
        return 0x40 + offset

    def write(self, offset, size, value):
        self.written.append(value)


class Part:
    def read(self, offset, size):
        return 0x80 + offset

    def write(self, offset, size, value):
        pass


@pytest.fixture
def made() -> dict[str, Chip]:
    return {}


@pytest.fixture
def chips(made):
    def chip(name: str) -> Chip:
        if name not in made:
            made[name] = Chip()
        return made[name]

    return chip


@pytest.fixture
def bus(chips) -> Bus:
    return Bus("io", 1 << 16, chips)


@pytest.fixture
def socket(chips) -> Socket:
    return Socket("chip", chips)


def test_a_chip_is_made_at_its_first_access_and_only_once(bus, socket, made):
    socket.claim(bus, 0x60, 2)
    assert bus.name_at(0x60) == "chip"
    assert made == {}
    bus.write(0x61, 1, 7)
    chip = made["chip"]
    assert chip.written == [7]
    assert bus.read(0x61, 1) == 0x41
    assert socket.chip is chip


def test_all_claims_lead_to_parts_of_the_same_chip(bus, chips, socket, made):
    other = Bus("mmio", 1 << 20, chips)
    socket.claim(bus, 0x60, 1)
    socket.claim(bus, 0x64, 1, part=lambda chip: chip.other)
    socket.claim(other, 0x1000, 4, width=4)
    assert (bus.read(0x64, 1), bus.read(0x60, 1), other.read(0x1002, 1)) == (0x80, 0x40, 0x42)
    assert len(made) == 1


def test_binding_makes_the_chip_so_that_no_stale_handler_is_ever_handed_out(bus, socket, made):
    socket.claim(bus, 0x60, 1)
    assert not made
    assert bus.bind(0x60, 1, False)[0] == socket.chip.read
    assert len(made) == 1


def test_two_buses_that_start_alike_have_chips_of_their_own(socket):
    plan = Bus("io", 1 << 16)
    socket.claim(plan, 0x60, 1)
    buses = [Bus("io", 1 << 16, chip, plan) for chip in ({"chip": Chip()}.get, {"chip": Chip()}.get)]
    handlers = [bus.bind(0x60, 1, False)[0].__self__ for bus in buses]
    assert handlers[0] is not handlers[1]
    buses[0].claim(0x61, 1, Part(), name="more")
    assert [bus.name_at(0x61) for bus in (*buses, plan)] == ["more", "", ""]


def test_a_device_may_have_a_name_for_each_address(bus, socket):
    socket.claim(bus, 0x1300, 0x100, name_of=lambda offset: f"int 13h/{offset:02x}h")
    assert bus.name_at(0x1342) == "int 13h/42h"
    bus.read(0x1342, 1)
    assert bus.name_at(0x1342) == "int 13h/42h", "after the chip was made, too"


def test_a_place_that_is_taken_is_refused_and_makes_no_chip(bus, socket, made):
    bus.claim(0x60, 1, Part(), name="first")
    with pytest.raises(ConfigError, match="chip asks for"):
        socket.claim(bus, 0x60, 2)
    assert made == {}
