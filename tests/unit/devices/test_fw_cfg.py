"""fw_cfg: items by key and by name, transfers, and guests that ask for more than there is."""

from __future__ import annotations

import pytest

from vmm.bus.bus import Bus
from vmm.devices import fw_cfg
from vmm.devices.fw_cfg import FwCfg
from vmm.errors import SnapshotError
from vmm.memory.guest_memory import GuestMemory
from vmm.state import State

READ, SKIP, SELECT, WRITE = 2, 4, 8, 16
REQUEST, BUFFER = 0x100, 0x200


class Bench:
    """The device on a bus, with 64 KiB of memory, and the accesses that a guest makes."""

    def __init__(self, files: tuple[tuple[str, bytes], ...] = ()) -> None:
        self.memory = GuestMemory()
        self.memory.add(0, 0x10000)
        self.memory.add(0x10000, 0x1000, "next door")
        self.device = FwCfg(self.memory, {fw_cfg.RAM_SIZE: (1 << 24).to_bytes(8, "little")}, files)
        self.bus = Bus("io", 0x10000)
        self.bus.claim(0x510, 2, self.device.ports, width=2)
        self.bus.claim(0x514, 8, self.device.dma, width=4)

    def select(self, key: int) -> None:
        self.bus.write(0x510, 2, key)

    def take(self, count: int) -> bytes:
        return bytes(self.bus.read(0x511, 1) for _ in range(count))

    def item(self, key: int, count: int) -> bytes:
        self.select(key)
        return self.take(count)

    def transfer(self, control: int, length: int, address: int = BUFFER, request: int = REQUEST) -> int:
        """The control word afterwards."""
        words = control.to_bytes(4, "big") + length.to_bytes(4, "big") + address.to_bytes(8, "big")
        self.memory.write(request, words)
        self.bus.write(0x518, 4, int.from_bytes(request.to_bytes(4, "big"), "little"))
        return int.from_bytes(self.memory.read(request, 4), "big")


def test_a_guest_knows_the_device_by_its_signature_and_its_features() -> None:
    bench = Bench()
    assert bench.item(0, 4) == b"QEMU"
    assert bench.item(1, 4) == b"\x03\0\0\0"
    signature = bench.bus.read(0x514, 4) | bench.bus.read(0x518, 4) << 32
    assert signature.to_bytes(8, "little") == b"QEMU CFG"


def test_an_item_is_read_byte_by_byte_and_zeros_follow() -> None:
    bench = Bench()
    assert bench.item(fw_cfg.RAM_SIZE, 10) == bytes.fromhex("00 00 00 01 00 00 00 00 00 00")
    assert bench.item(0, 2) + bench.item(0, 2) == b"QEQE"  # selecting goes to the start
    assert bench.item(0x4000, 4) == b"QEMU"  # the write channel's bit changes nothing
    assert bench.item(0x1234, 3) == bytes(3)  # nobody put anything there


def test_the_selector_is_driven_by_nobody_and_takes_two_bytes_only() -> None:
    bench = Bench()
    bench.select(0)
    bench.bus.write(0x510, 1, 3)
    bench.bus.write(0x511, 1, 3)
    assert bench.bus.read(0x510, 1) == 0xFF
    assert bench.bus.read(0x510, 2) == ord("Q") << 8 | 0xFF  # a word is two bytes, the second of which is data
    assert bench.take(1) == b"E"


def test_the_directory_has_each_file_with_size_key_and_name() -> None:
    bench = Bench((("etc/one", b"first"), ("opt/two", b"2")))
    directory = bench.item(fw_cfg.FILE_DIRECTORY, 4 + 2 * 64)
    assert int.from_bytes(directory[:4], "big") == 2
    for index, (name, content) in enumerate((("etc/one", b"first"), ("opt/two", b"2"))):
        entry = directory[4 + 64 * index :][:64]
        assert entry[8:] == name.encode().ljust(56, b"\0")
        assert int.from_bytes(entry[:4], "big") == len(content)
        assert bench.item(int.from_bytes(entry[4:6], "big"), len(content)) == content


@pytest.mark.parametrize("names", [["x" * 56], [""], ["a\0b"], ["twice", "twice"], [f"{i}" for i in range(1025)]])
def test_files_that_no_directory_can_hold_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="name"):
        FwCfg(GuestMemory(), {}, [(name, b"") for name in names])


def test_a_transfer_selects_reads_skips_and_fills_with_zeros() -> None:
    bench = Bench((("f", b"abcdefgh"),))
    bench.memory.fill(BUFFER, 16, 0xEE)
    assert bench.transfer(fw_cfg.FIRST_FILE << 16 | SELECT, 0) == 0
    assert bench.transfer(SKIP, 2) == 0
    assert bench.transfer(READ, 3) == 0
    assert bench.memory.read(BUFFER, 4) == b"cde\xee"
    assert bench.transfer(READ, 8) == 0
    assert bench.memory.read(BUFFER, 9) == b"fgh\0\0\0\0\0\xee"
    assert bench.transfer(fw_cfg.FIRST_FILE << 16 | SELECT | READ, 1) == 0
    assert bench.take(1) == b"b"  # port and transfers share the place in the item


def test_items_are_read_only() -> None:
    bench = Bench((("f", b"abc"),))
    assert bench.transfer(fw_cfg.FIRST_FILE << 16 | SELECT | WRITE, 3) == 1
    assert bench.item(fw_cfg.FIRST_FILE, 3) == b"abc"


@pytest.mark.parametrize(
    ("address", "length"),
    [(0xFFFF, 2), (0x11000, 1), (1 << 63, 1), ((1 << 64) - 1, 0xFFFFFFFF), (0, 0xFFFFFFFF), (0xF000, 0x1800)],
)
def test_a_transfer_beyond_memory_is_an_error_and_moves_nothing(address: int, length: int) -> None:
    bench = Bench()
    before = bench.memory.read(0x200, 0xFE00)
    assert bench.transfer(SELECT | READ, length, address) == 1
    assert bench.memory.read(0x200, 0xFE00) == before


@pytest.mark.parametrize("high", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("low", [0xFFFFFFF0, 0xFFF8, 0x11000])
def test_a_request_beyond_memory_goes_nowhere(high: int, low: int) -> None:
    bench = Bench()
    bench.bus.write(0x514, 4, high)
    bench.bus.write(0x518, 4, int.from_bytes(low.to_bytes(4, "big"), "little"))
    assert bench.memory.read(0, 0x10000) == bytes(0x10000)


def test_a_skip_of_any_length_is_survived() -> None:
    bench = Bench()
    for _ in range(3):
        assert bench.transfer(SKIP, 0xFFFFFFFF) == 0
    assert bench.take(1) == b"\0"
    assert bench.transfer(READ, 2) == 0


def test_saved_and_loaded_it_goes_on_and_a_reset_forgets() -> None:
    bench, other = Bench(), Bench()
    bench.item(0, 2)
    bench.bus.write(0x514, 4, 0xFFFFFFFF)
    other.device.load(bench.device.save())
    assert other.take(2) == b"MU"
    other.bus.write(0x518, 4, 0)  # the upper half was saved too: no transfer from address 0
    assert other.memory.read(0, 16) == bytes(16)
    bench.device.reset()
    assert bench.device.save() == Bench().device.save()


@pytest.mark.parametrize("change", [{"selector": 1 << 16}, {"at": -1}, {"dma_high": "0"}, {"at": True}])
def test_a_state_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    device = Bench().device
    state = device.save()
    with pytest.raises(SnapshotError):
        device.load(State(state.schema, state.version, {**state.fields, **change}))
