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
def made() -> list[Chip]:
    return []


@pytest.fixture
def socket(made) -> Socket:
    def make() -> Chip:
        made.append(Chip())
        return made[-1]

    return Socket("chip", make)


def test_a_chip_is_made_at_its_first_access_and_only_once(socket, made):
    bus = Bus("io", 1 << 16)
    socket.claim(bus, 0x60, 2)
    assert not socket.is_plugged
    assert made == []
    assert bus.name_at(0x60) == "chip"
    bus.write(0x61, 1, 7)
    assert made[0].written == [7]
    assert bus.read(0x61, 1) == 0x41
    assert len(made) == 1
    assert socket.is_plugged
    assert socket.chip is made[0]


def test_all_claims_lead_to_parts_of_the_same_chip(socket, made):
    bus, other = Bus("io", 1 << 16), Bus("mmio", 1 << 20)
    socket.claim(bus, 0x60, 1)
    socket.claim(bus, 0x64, 1, part=lambda chip: chip.other)
    socket.claim(other, 0x1000, 4, width=4)
    assert (bus.read(0x64, 1), bus.read(0x60, 1), other.read(0x1002, 1)) == (0x80, 0x40, 0x42)
    assert len(made) == 1


def test_binding_makes_the_chip_so_that_no_stale_handler_is_ever_handed_out(socket, made):
    bus = Bus("io", 1 << 16)
    socket.claim(bus, 0x60, 1)
    assert not made
    assert bus.bind(0x60, 1, False)[0] == socket.chip.read
    assert len(made) == 1


def test_a_place_that_is_taken_is_refused_and_makes_no_chip(socket, made):
    bus = Bus("io", 1 << 16)
    bus.claim(0x60, 1, Part(), name="first")
    with pytest.raises(ConfigError, match="chip asks for"):
        socket.claim(bus, 0x60, 2)
    assert made == []


def test_single_addresses_of_a_claim_may_have_names_of_their_own() -> None:
    bus = Bus("io", 0x10000)
    socket = Socket("services", Chip)
    socket.claim(bus, 0x100, 4, name_of=lambda offset: f"service {offset}")
    socket.claim(bus, 0x200, 4)
    assert [bus.name_at(address) for address in (0x100, 0x103, 0x104, 0x203)] == [
        "service 0", "service 3", "", "services",
    ]  # fmt: skip
    assert not socket.is_plugged
