"""A shared directory served by a real virtiofsd, and by none any more."""

from __future__ import annotations

import errno
import os
import select
import signal
import struct
from threading import RLock

import pytest
from virtio_driver import Driver
from virtiofsd_here import needs_virtiofsd

from vmm.backends.vhost_user.virtiofsd import Virtiofsd
from vmm.devices.virtio.external_fs import ExternalFs
from vmm.devices.virtio.mmio import Mmio
from vmm.errors import ConfigError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

pytestmark = needs_virtiofsd
ASKED, ANSWER = 0x40000, 0x48000
LOOKUP, INIT = 1, 26
ROOT = 1


class Bench:
    """The device, its driver, and the reactor's part played by the test."""

    def __init__(self, path):
        self.memory = GuestMemory(is_shared=True)
        self.memory.add(0, MiB)
        self.words, self.jobs = [], []
        self.engine = Virtiofsd(str(path), False, self.memory)
        self.device = ExternalFs(self.engine, "tag", str(path), self.words.append)
        self.transport = Mmio(self.device, "fs", self.memory, RLock(), self.jobs.append)
        self.driver = Driver(self.transport, self.memory)
        self.driver.start()

    def ask(self, operation, content):
        """(error, content) of a request of FUSE."""
        head = struct.pack("<IIQQIIII", 40 + len(content), operation, 7, ROOT, 0, 0, 1, 0)
        self.memory.write(ASKED, head + content)
        queue = self.driver.queues[1]
        queue.offer((ASKED, len(head + content), False), (ANSWER, 512, True))
        self.driver.ring(1)
        while True:
            while self.jobs:
                self.jobs.pop(0)()
            if queue.taken_back():
                break
            assert select.select([self.engine.calls[1]], [], [], 10)[0], "virtiofsd does not answer"
            os.eventfd_read(self.engine.calls[1])
        size, error, number = struct.unpack("<IiQ", self.memory.read(ANSWER, 16))
        assert number == 7
        return error, self.memory.read(ANSWER + 16, size - 16)

    def close(self):
        self.transport.close()
        self.memory.close()


def test_a_file_is_found_until_the_engine_is_killed_and_then_there_are_errors(tmp_path):
    shared = tmp_path / "with,comma"
    shared.mkdir()
    (shared / "file").write_bytes(b"five!")
    bench = Bench(shared)
    try:
        assert bench.device.config == b"tag".ljust(36, b"\0") + struct.pack("<I", 1)
        assert bench.ask(INIT, struct.pack("<IIII", 7, 31, 1 << 16, 0) + bytes(48))[0] == 0
        error, entry = bench.ask(LOOKUP, b"file\0")
        assert error == 0
        assert struct.unpack_from("<Q", entry, 40 + 8)[0] == 5  # the attributes' size
        assert bench.ask(LOOKUP, b"none\0")[0] == -errno.ENOENT
        os.kill(bench.engine._process.pid, signal.SIGKILL)
        bench.device.lost(bench.engine.end_words())
        bench.device.guarded(bench.device.take_over)()
        assert bench.ask(LOOKUP, b"file\0")[0] == -errno.ENOTCONN
        assert bench.words == ["virtiofsd has ended: signal 9; its files answer with errors"]
        assert not bench.driver.status & 0x40
    finally:
        bench.close()


def test_what_cannot_be_is_said_in_words(tmp_path):
    memory = GuestMemory(is_shared=True)
    with pytest.raises(ConfigError, match=r"shares\[0\]: .* is no directory"):
        Virtiofsd(str(tmp_path / "none"), False, memory, "shares[0]")
    bench = Bench(tmp_path)
    try:
        with pytest.raises(ConfigError, match="cannot be saved or forked"):
            bench.transport.save()
    finally:
        bench.close()
