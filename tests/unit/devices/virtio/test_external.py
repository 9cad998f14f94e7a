"""Disks in other products' formats, served by a real qemu-storage-daemon."""

from __future__ import annotations

import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from copy import copy
from threading import RLock

import pytest
from ring_drivers import SplitDriver
from virtio_driver import Driver

from vmm.backends.vhost_user.storage_daemon import StorageDaemon
from vmm.devices.virtio.external_block import ExternalBlock
from vmm.devices.virtio.mmio import Mmio
from vmm.devices.virtio.queue import SplitQueue
from vmm.errors import ConfigError, SnapshotError
from vmm.machine.disk_options import FORMATS
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

pytestmark = pytest.mark.skipif(
    not (shutil.which("qemu-storage-daemon") and shutil.which("qemu-img")),
    reason="needs qemu-storage-daemon and qemu-img: apt install qemu-utils",
)
HEAD, DATA, STATUS = 0x40000, 0x41000, 0x50000
IN, OUT, FLUSH = 0, 1, 4
SIZE = 4096


class Bench:
    """A disk, its driver, and the reactor's part played by the test."""

    def __init__(self, path, driver, manner=""):
        self.memory = GuestMemory(is_shared=True)
        self.memory.add(0, MiB)
        self.words, self.jobs = [], []
        self.engine = StorageDaemon(str(path), driver, manner, 1, self.memory)
        self.disk = ExternalBlock(self.engine, 1, self.words.append)
        self.transport = Mmio(self.disk, "disk", self.memory, RLock(), self.jobs.append)
        self.driver = Driver(self.transport, self.memory)
        self.driver.start(1 << 9)

    def ring(self):
        self.driver.ring(0)
        self.work()

    def work(self):
        while self.jobs:
            self.jobs.pop(0)()

    def offer(self, kind, sector=0, content=b""):
        self.memory.write(HEAD, struct.pack("<I4xQ", kind, sector))
        self.memory.write(DATA, content.ljust(SIZE, b"\0"))
        self.memory.write(STATUS, b"\xff")
        data = [] if kind == FLUSH else [(DATA, SIZE, kind == IN)]
        self.driver.queues[0].offer((HEAD, 16, False), *data, (STATUS, 1, True))

    def request(self, kind, sector=0, content=b""):
        """The status of one, and what it read."""
        self.offer(kind, sector, content)
        self.ring()
        assert self.wait()
        return self.memory.read(STATUS, 1)[0], self.memory.read(DATA, SIZE)

    def wait(self):
        """What comes back of all that is on its way."""
        queue, found = self.driver.queues[0], []
        while queue.seen != queue.offered:  # calls may come without news
            found += queue.taken_back()
            if queue.seen != queue.offered:
                assert select.select([self.engine.calls[0]], [], [], 10)[0], "the engine does not answer"
                os.eventfd_read(self.engine.calls[0])
        return found

    def close(self):
        self.transport.close()
        self.memory.close()


@pytest.fixture
def image(tmp_path):
    def image(ending):
        path = tmp_path / f"disk.{ending}"
        subprocess.run(["qemu-img", "create", "-q", "-f", FORMATS[ending], path, "8M"], check=True)
        return path

    return image


@pytest.mark.parametrize("ending", FORMATS)
def test_what_was_flushed_is_there_for_the_next_machine(image, ending):
    path, content = image(ending), os.urandom(SIZE)
    bench = Bench(path, FORMATS[ending])
    try:
        assert int.from_bytes(bench.disk.config[:8], "little") * 512 >= 8 * MiB
        assert bench.request(OUT, 16, content)[0] == 0
        assert bench.request(FLUSH)[0] == 0
    finally:
        bench.close()
    bench = Bench(path, FORMATS[ending], manner="ro")
    try:
        assert bench.request(IN, 16) == (0, content)
    finally:
        bench.close()


def test_an_engine_that_is_killed_leaves_errors_and_what_was_flushed(image):
    path, content = image("qcow2"), os.urandom(SIZE)
    bench = Bench(path, "qcow2")
    try:
        assert bench.request(OUT, 0, content)[0] == 0
        assert bench.request(FLUSH)[0] == 0
        os.kill(bench.engine._process.pid, signal.SIGSTOP)
        bench.offer(OUT, 8, b"in flight")
        bench.ring()
        os.kill(bench.engine._process.pid, signal.SIGKILL)
        bench.disk.lost(bench.engine.end_words())
        bench.disk.guarded(bench.disk.take_over)()
        bench.work()
        assert [written for _, written in bench.driver.queues[0].taken_back()] == [1]
        assert bench.memory.read(STATUS, 1) == b"\1"
        assert bench.words == ["qemu-storage-daemon has ended: signal 9; its disk answers with errors"]
        assert bench.request(IN, 0)[0] == 1
        bench.driver.start(1 << 9)  # a driver that tries again
        assert bench.request(IN, 0)[0] == 1
        assert not bench.driver.status & 0x40
    finally:
        bench.close()
    bench = Bench(path, "qcow2")
    try:
        assert bench.request(IN, 0) == (0, content)
    finally:
        bench.close()


def test_an_error_of_the_engine_is_told(image):
    path = image("vmdk")
    bench = Bench(path, "vmdk")
    try:
        assert bench.request(IN, 1 << 30)[0] == 1
        bench.work()
        bench.disk.guarded(bench.disk.called)(0)
        assert bench.words[0] == f"{path}: qemu-storage-daemon answers a request with an error"
        assert bench.request(OUT, 0)[0] == 0
    finally:
        bench.close()


def test_a_driver_that_resets_goes_on_with_the_engine(image):
    bench = Bench(image("vmdk"), "vmdk")
    try:
        for turn in range(3):
            assert bench.request(OUT, turn * 8, bytes([turn]) * SIZE)[0] == 0
            bench.driver.start(1 << 9)
            assert bench.request(IN, turn * 8) == (0, bytes([turn]) * SIZE)
        assert not bench.words
    finally:
        bench.close()
    assert bench.engine._process._process.returncode is not None


def test_a_driver_that_breaks_its_ring_has_another_engine_after_a_reset(image):
    bench = Bench(image("qcow2"), "qcow2", "overlay")
    try:
        bench.engine.limit(0, 10_000, 0)
        first = bench.engine._process.pid
        assert bench.request(OUT, 8, b"kept")[0] == 0
        bench.driver.queues[0].offer((1 << 40, 16, False), (STATUS, 1, True))
        bench.ring()
        assert select.select([bench.engine.fd], [], [], 10)[0], "it takes any address"
        assert bench.engine.lives()
        bench.disk.is_cut_off = True
        bench.disk.guarded(bench.disk.cut_off)()
        assert bench.driver.status & 0x40  # please reset
        bench.driver.start(1 << 9)
        assert not bench.driver.status & 0x40
        assert bench.request(IN, 8)[1].startswith(b"kept")
        assert bench.engine._process.pid != first
        assert not bench.words
    finally:
        bench.close()


def test_after_a_reset_nothing_of_the_drivers_memory_is_touched(image):
    bench = Bench(image("qcow2"), "qcow2")
    try:
        bench.engine.limit(0, 4, 0)
        for sector in (0, 8):
            bench.offer(IN, sector)
        bench.ring()
        time.sleep(0.1)  # it has taken both, of which the second has to wait for its turn
        bench.transport.write(0x70, 4, 0)
        bench.memory.fill(0, MiB, 0xEE)
        time.sleep(0.5)
        assert bench.memory.read(0, MiB) == b"\xee" * MiB
        assert not bench.words
    finally:
        bench.close()


def test_what_is_no_such_disk_is_refused_in_the_engines_words(tmp_path, image):
    memory = GuestMemory(is_shared=True)
    path = tmp_path / "disk.vmdk"
    path.write_bytes(bytes(MiB))
    with pytest.raises(ConfigError, match=r"disk\.vmdk: .*VMDK"):
        StorageDaemon(str(path), "vmdk", "", 1, memory)
    with pytest.raises(ConfigError, match="there is no such file"):
        StorageDaemon(str(tmp_path / "none.vdi"), "vdi", "", 1, memory)
    first = Bench(image("qcow2"), "qcow2")
    try:
        with pytest.raises(ConfigError, match="another process using"):
            Bench(tmp_path / "disk.qcow2", "qcow2")
    finally:
        first.close()


def test_an_engine_ends_with_a_machine_that_is_killed(image):
    path = image("vdi")
    program = (
        "import os, signal; from vmm.memory.guest_memory import GuestMemory;"
        "from vmm.backends.vhost_user.storage_daemon import StorageDaemon;"
        f"engine = StorageDaemon({str(path)!r}, 'vdi', '', 1, GuestMemory(is_shared=True));"
        "print(engine._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{int(done.stdout)}/exe"):
        assert time.monotonic() < end, "it lives on"
        time.sleep(0.02)


@pytest.mark.parametrize("manner", ["", "overlay"])
def test_a_disk_goes_on_where_its_state_was_taken(image, manner):
    path, content = image("qcow2"), os.urandom(SIZE)
    before = path.read_bytes()
    bench = Bench(path, "qcow2", manner)
    try:
        assert bench.request(OUT, 8, content)[0] == 0
        bench.offer(OUT, 16, content)
        bench.engine.kick(0)  # which it may have heard or not
        state, disk, memory = bench.transport.save(), bench.engine.save(), bench.memory.read(0, MiB)
        time.sleep(0.1)
        assert bench.memory.read(0, MiB) == memory  # nothing is done while the machine stands still
        done = len(bench.driver.queues[0].taken_back())
        driver = copy(bench.driver.queues[0])
        driver.free, driver.chains = driver.free.copy(), driver.chains.copy()
        if manner:  # it goes on
            bench.work()
            assert len(bench.wait()) == 1 - done
            assert bench.request(IN, 16) == (0, content)
            assert bench.request(OUT, 8, b"later")[0] == 0
    finally:
        bench.close()
    assert (path.read_bytes() == before) is bool(manner)
    again = Bench(path, "qcow2", manner)
    try:
        again.engine.expect_unwritten(disk)
        again.engine.load(disk)
        again.memory.write(0, memory)
        again.transport.load(state)
        again.driver.queues[0], driver.memory = driver, again.memory
        again.work()
        assert len(again.wait()) == 1 - done
        for sector in (8, 16):
            assert again.request(IN, sector) == (0, content)
        assert not again.words
    finally:
        again.close()


def test_changes_that_name_another_file_are_refused(image, tmp_path):
    bench = Bench(image("vmdk"), "vmdk", "overlay")
    try:
        state = bench.engine.save()
        secret = tmp_path / "secret"
        secret.write_bytes(b"the host's")
        other = tmp_path / "other.qcow2"
        words = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={secret},data_file_raw=on", other, "8M"]
        subprocess.run(words, check=True)
        for runs in (
            [[0, other.read_bytes()]],
            [[1 << 63, b"x"]],
            [[1 << 100, b"x"]],
            [[0, b"no image"]],
            [[-1, b""]],
            7,
        ):
            state.fields["changes"] = runs
            with pytest.raises(SnapshotError):
                bench.engine.load(state)
        assert bench.request(OUT, 8, b"goes on")[0] == 0
    finally:
        bench.close()


def test_requests_that_nobody_could_count_are_known_again_once_none_is_left():
    memory = GuestMemory()
    memory.add(0, MiB)
    driver = SplitDriver(memory, 0x1000, 8, False)
    queue = SplitQueue(memory, 0, 8, driver.places, 0, lambda: None)
    taken: dict[int, int] = {}
    heads = [driver.offer((DATA, 16, True)) for _ in range(3)]
    place = queue.follow(taken, (0, 0))
    assert (taken, place) == (dict.fromkeys(heads, 1), (3, 0))
    memory.write(driver.used + 4, struct.pack("<II", heads[1], 1))
    memory.write_int(driver.used + 2, 2, 1)
    assert queue.follow(taken, place) == (3, 1)
    assert set(taken) == {heads[0], heads[2]}
    memory.write_int(driver.available + 2, 2, 20)
    assert queue.follow(taken, (3, 1)) is None
    memory.write_int(driver.used + 2, 2, 20)
    assert queue.follow(taken, None) == (20, 20)
    assert not taken
    queue.release()
