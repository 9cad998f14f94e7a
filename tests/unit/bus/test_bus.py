from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.bus import Bus
from vmm.bus.device import Device
from vmm.errors import ConfigError


class Memory:
    """Bytes that can be written and read at any width, and a list of the accesses."""

    def __init__(self, size: int = 64) -> None:
        self.data = bytearray(range(size))
        self.accesses: list[tuple] = []

    def read(self, offset: int, size: int) -> int:
        self.accesses.append(("read", offset, size))
        return int.from_bytes(self.data[offset : offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        self.accesses.append(("write", offset, size, value))
        self.data[offset : offset + size] = value.to_bytes(size, "little")


class Failing:
    name = "failing"

    def __init__(self, answer) -> None:
        self.answer = answer

    def read(self, offset, size):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def write(self, offset, size, value):
        raise self.answer


@pytest.fixture
def bus() -> Bus:
    return Bus("io", 1 << 16)


def test_a_claim_gets_offsets_from_its_start(bus):
    device = Memory()
    bus.claim(0x100, 8, device, width=4)
    bus.write(0x104, 2, 0x1234)
    assert bus.read(0x104, 2) == 0x1234
    assert device.accesses == [("write", 4, 2, 0x1234), ("read", 4, 2)]


def test_an_unclaimed_read_is_all_ones_and_is_told(bus):
    told = []
    bus.on_unclaimed = lambda *access: told.append(access)
    assert [bus.read(0x100, size) for size in (1, 2, 4)] == [0xFF, 0xFFFF, 0xFFFF_FFFF]
    bus.write(0x200, 2, 0x12345)
    assert told == [("in", 0x100, 1, 0), ("in", 0x100, 2, 0), ("in", 0x100, 4, 0), ("out", 0x200, 2, 0x2345)]


def test_only_the_bytes_nobody_claims_are_told(bus):
    told = []
    bus.on_unclaimed = lambda *access: told.append(access)
    bus.claim(0x101, 1, Memory())
    assert bus.read(0x100, 4) == 0xFFFF_00FF
    assert [access[1:3] for access in told] == [(0x100, 1), (0x102, 1), (0x103, 1)]


def test_an_access_at_the_very_end_of_the_space_is_answered(bus):
    bus.claim(0xFFFF, 1, Memory())
    assert bus.read(0xFFFF, 4) == 0xFFFF_FF00
    bus.write(0xFFFE, 4, 0)


@pytest.mark.parametrize(("start", "size"), [(0xFFFF, 2), (0x10000, 1), (-1, 1), (0, 0), (5, -1), (0, 0x10001)])
def test_a_claim_outside_the_space_is_refused(bus, start, size):
    with pytest.raises(ConfigError, match="the space ends at 0x10000"):
        bus.claim(start, size, Memory(), name="wild")
    assert bus.claims() == []


def test_a_claim_on_held_ground_names_the_holder(bus):
    bus.claim(0x100, 8, Memory(), name="first")
    for start, size in ((0x100, 8), (0xFF, 2), (0x107, 1), (0x0, 0x1000), (0x102, 2)):
        with pytest.raises(ConfigError, match=r"second asks for .*, but first holds \[0x100, 0x108\)"):
            bus.claim(start, size, Memory(), name="second")
    bus.claim(0x108, 1, Memory())
    bus.claim(0xFF, 1, Memory())
    assert [claim.span.start for claim in bus.claims()] == [0xFF, 0x100, 0x108]


def test_the_name_of_a_claim_is_the_devices_unless_another_is_given(bus):
    bus.claim(0, 1, Device())
    bus.claim(1, 1, Memory())
    bus.claim(2, 1, Device(), name="mine")
    assert [bus.name_at(at) for at in range(4)] == ["device", "Memory", "mine", ""]


def test_release_makes_room(bus):
    claim = bus.claim(0x100, 8, Memory())
    bus.release(claim)
    assert bus.find(0x100) is None
    bus.claim(0x104, 8, Memory())
    with pytest.raises(KeyError):
        bus.release(claim)


def test_watchers_hear_of_every_change(bus):
    heard = []
    bus.watch(lambda: heard.append(len(bus.claims())))
    claim = bus.claim(0x100, 8, Memory())
    bus.release(claim)
    with pytest.raises(ConfigError):
        bus.claim(-1, 1, Memory())
    assert heard == [1, 0]


def test_a_wide_access_to_a_narrow_device_comes_lowest_byte_first(bus):
    device = Memory()
    bus.claim(0x100, 8, device)
    bus.write(0x102, 4, 0x44332211)
    assert bus.read(0x102, 4) == 0x44332211
    assert device.accesses[:4] == [("write", 2 + at, 1, 0x11 * (at + 1)) for at in range(4)]
    assert device.accesses[4:] == [("read", 2 + at, 1) for at in range(4)]


@settings(max_examples=100, deadline=None)
@given(
    claims=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12), st.sampled_from([1, 2, 4, 8])), max_size=6),
    address=st.integers(0, 63),
    size=st.sampled_from([1, 2, 4, 8]),
    value=st.integers(0, (1 << 64) - 1),
)
def test_every_byte_of_an_access_reaches_the_one_who_claims_it(claims, address, size, value):
    bus = Bus("mmio", 80)
    holder: dict[int, tuple[Memory, int]] = {}
    for start, length, width in claims:
        device = Memory()
        try:
            bus.claim(start, length, device, width=width)
        except ConfigError:
            continue
        holder.update({start + at: (device, at) for at in range(length)})
    expected = 0
    for at in range(size):
        device_at = holder.get(address + at)
        expected |= (device_at[0].data[device_at[1]] if device_at else 0xFF) << 8 * at
    assert bus.read(address, size) == expected
    bus.write(address, size, value)
    for at in range(size):
        if address + at in holder:
            device, offset = holder[address + at]
            assert device.data[offset] == value >> 8 * at & 0xFF
    for claim in bus.claims():
        for _, offset, width, *_ in claim.device.accesses:
            assert width <= claim.width
            assert offset + width <= claim.span.size


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("answer", [ValueError(), None, -1, 1 << 64, "7", 1.5, [], NotImplementedError()], ids=repr)
def test_a_device_that_fails_reads_as_ones_and_is_reported(bus, answer, size):
    failures = []
    bus.on_failure = lambda name, error: failures.append((name, type(error)))
    bus.claim(0x100, 1, Failing(answer))
    assert bus.read(0x100, size) == (1 << 8 * size) - 1
    assert [name for name, _ in failures] == ["failing"]


def test_a_write_that_fails_in_one_piece_reaches_the_others(bus):
    failures, device = [], Memory()
    bus.on_failure = lambda name, error: failures.append(name)
    bus.claim(0x100, 1, Failing(ValueError()))
    bus.claim(0x101, 1, device)
    bus.write(0x100, 2, 0x2211)
    assert failures == ["failing"]
    assert device.accesses == [("write", 0, 1, 0x22)]


def test_a_failure_at_an_address_nobody_claims_is_reported_by_the_address(bus):
    failures = []
    bus.on_failure = lambda name, error: failures.append(name)
    bus.failed(0x123, ValueError())
    assert failures == ["io 0x123"]


def test_the_observer_sees_whole_accesses_after_they_happened():
    bus, device, seen = Bus("mmio", 1 << 52), Memory(), []
    bus.observer = lambda *access: seen.append((*access, len(device.accesses)))
    bus.claim(0x1000, 4, device, width=2, name="thing")
    assert bus.read(0x1000, 4) == 0x03020100
    bus.write(0x1002, 2, 0x55AA)
    bus.read(0x5000, 1)
    assert seen == [
        ("read", 0x1000, 4, 0x03020100, "thing", 2),
        ("write", 0x1002, 2, 0x55AA, "thing", 3),
        ("read", 0x5000, 1, 0xFF, "", 3),
    ]


def test_the_guard_is_around_every_handler(bus):
    inside = []

    def guard(handler):
        def guarded(*access):
            inside.append(access)
            return handler(*access)

        return guarded

    bus.guard = guard
    bus.claim(0x100, 4, Memory(), width=4)
    for address, size in ((0x100, 4), (0x102, 4), (0x200, 1)):
        bus.read(address, size)
        bus.write(address, size, 0)
    assert len(inside) == 6


def test_a_bound_handler_serves_until_the_claims_change(bus):
    device = Memory()
    claim = bus.claim(0x100, 4, device, width=4)
    handler, offset, size = bus.bind(0x102, 2, False)
    assert handler(offset, size) == 0x0302
    bus.release(claim)
    handler, offset, size = bus.bind(0x102, 2, False)
    assert handler(offset, size) == 0xFFFF


def test_the_default_device_reads_as_ones_and_round_trips_its_state():
    device = Device()
    assert [device.read(0, size) for size in (1, 2, 4, 8)] == [(1 << 8 * size) - 1 for size in (1, 2, 4, 8)]
    device.write(0, 1, 5)
    device.load(device.save())
    for step in (device.reset, device.pause, device.resume, device.close, device.close):
        step()
