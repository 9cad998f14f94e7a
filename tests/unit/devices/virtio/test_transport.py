"""What a transport saves of a driver that does not keep to the order of things can be loaded all the same."""

from __future__ import annotations

from _thread import RLock

import pytest
from hostile import BENCHES

from vmm.backends.disk import MemoryDisk
from vmm.devices.virtio.block import Block


@pytest.mark.parametrize("name", ["mmio", "pci"])
def test_a_queue_that_is_set_up_too_late_is_none_after_loading_either(name):
    bench = BENCHES[name](lambda: Block(MemoryDisk(bytes(4096)), queues=2))
    bench.begin(1 << 32, 8, ready=1)
    assert list(bench.device.queues) == [0]
    bench.set(bench.QUEUE, 1)
    bench.set((bench.PLACES[0], 4), 3)  # no ring can be there
    bench.set(bench.READY, 1)
    saved = bench.transport.save()
    other = bench.kind(Block(MemoryDisk(bytes(4096)), queues=2), "tried", bench.memory, RLock(), bench.posted.append)
    other.load(saved)
    assert list(other.device.queues) == [0]
    assert other.status == bench.transport.status == 0xF
    other.close()
    bench.close()
