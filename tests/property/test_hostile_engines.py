"""No engine outside, whatever it answers, gets an exception out of a device, or takes anything of the host's."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from random import Random

from hostile import AVAILABLE, BENCHES, RINGS, Outside, check, drive
from hostile_devices import DEVICES
from hostile_engine import HostileEngine

from vmm.backends.vhost_user.frontend import Frontend
from vmm.backends.vhost_user.wire import Wire
from vmm.bus.engine_link import EngineLost
from vmm.devices.virtio.device import VirtioDevice
from vmm.devices.virtio.external_block import ExternalBlock
from vmm.memory.guest_memory import GuestMemory

COUNT = int(os.environ.get("VMM_HOSTILE", "10000")) // 40
SEED = int(os.environ.get("VMM_HOSTILE_SEED", "1"))
ERROR = "a request failed"
SILENCE = 0.02
"""Seconds that an engine has for an answer."""


class Link(Frontend):
    """As of a disk."""

    def error_words(self) -> str:
        return ERROR

    def limit(self, bandwidth: int, operations: int, burst: int) -> None:
        """Nobody sets one."""


def try_out(data: bytes, program: bytes, transport: str) -> str:
    """One engine and one driver, neither of which keeps to anything; how it was lost."""
    words: list[str] = []

    def make(memory: GuestMemory) -> tuple[VirtioDevice, Callable[[], None]]:
        engine = HostileEngine(data, memory, RINGS + AVAILABLE)
        engines.append(engine)
        link = Link(Wire(engine.near, SILENCE, SILENCE), memory)
        for index in range(2):
            link.add_queue(index)
        try:
            device = ExternalBlock(link, 2, words.append)
        except EngineLost:
            link.close()
            raise

        def news() -> None:
            for index in range(2):
                device.guarded(device.called)(index)
            if not engine.is_alive():
                device.lost("gone")
                device.guarded(device.take_over)()

        return device, news

    engines: list[HostileEngine] = []
    try:
        bench = BENCHES[transport](Outside(make))
    except EngineLost as error:
        words.append(str(error))  # the machine is refused with it
    else:
        try:
            drive(bench, program, DEVICES["blk"][1])
            bench.device.lost("the end of this input")  # while it lives it may break any driver's rings
            check(bench)
        finally:
            bench.close()
    finally:
        for engine in engines:
            engine.near.close()
            engine.join(5)
            assert not engine.is_alive()
    words = [word for word in words if word != ERROR]
    assert len(words) <= 1, words
    return words[0] if words else ""


def test_many_engines():
    random, said = Random(f"{SEED} engines"), set()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for number in range(COUNT):
        data, program = (random.randbytes(random.randrange(8, 120)) for _ in range(2))
        transport = "pci" if number % 3 == 0 else "mmio"
        try:
            said.add(try_out(data, program, transport)[:24])
        except BaseException as error:
            raise AssertionError(f"input {number}, {transport}: {data.hex()!r}, {program.hex()!r}") from error
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
    assert len(said) > 3, said
