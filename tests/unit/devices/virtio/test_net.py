"""A network card on a real tap, in a network namespace of its own, and on a real passt."""

from __future__ import annotations

import os
import select
import shutil
import socket
import struct
import subprocess
from threading import RLock

import pytest
from network_namespace import network_namespace, why_not
from virtio_driver import Driver

from vmm.backends.passt import Passt
from vmm.backends.tap import Tap
from vmm.bus.rate_limit import RateLimit
from vmm.devices.virtio.mmio import Mmio
from vmm.devices.virtio.net import F_CONTROL, F_GUEST_CSUM, F_GUEST_TSO4, F_MERGEABLE, F_PAIRS, F_STATUS, Net
from vmm.errors import ConfigError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

MAC = bytes.fromhex("525400123456")
BROADCAST = b"\xff" * 6
FRAMES, SENT, COMMANDS = 0x40000, 0x80000, 0xC0000
needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not())
needs_passt = pytest.mark.skipif(not shutil.which("passt"), reason="needs passt: apt install passt")


class Bench:
    """A card, its driver, and the reactor's part played by the test."""

    def __init__(self, network):
        self.memory = GuestMemory()
        self.memory.add(0, MiB)
        self.words, self.jobs = [], []
        self.card = Net(network, MAC, self.words.append)
        self.transport = Mmio(self.card, "net", self.memory, RLock(), self.jobs.append)
        self.driver = Driver(self.transport, self.memory)
        self.network = network

    def start(self, features=0, buffers=8, size=2048):
        self.driver.start(features)
        for index in range(buffers):
            self.driver.queues[0].offer((FRAMES + size * index, size, True))
        self.work()

    def work(self):
        while self.jobs:
            self.jobs.pop(0)()

    def came(self):
        self.card.guarded(self.card.receive)(0)
        self.work()

    def send(self, frame):
        self.memory.write(SENT, bytes(12) + frame)
        self.driver.queues[1].offer((SENT, 12, False), (SENT + 12, len(frame), False))
        self.driver.ring(1)
        self.work()

    def frames(self, size=2048):
        """(header, content) of each that the driver has got, buffer by buffer."""
        return [self.memory.read(FRAMES + size * head, written) for head, written in self.driver.queues[0].taken_back()]

    def close(self):
        self.transport.close()
        self.memory.close()


@pytest.fixture
def namespace():
    with network_namespace():
        yield


@pytest.fixture
def wired(namespace):
    """Benches on a tap, with the host's end of the cable."""
    benches, ends = [], []

    def wired(count=1):
        bench = Bench(Tap("tap0", count))
        benches.append(bench)
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
        end.bind(("tap0", 0x88B5))
        end.settimeout(5)
        ends.append(end)
        return bench, end

    yield wired
    for each in benches + ends:
        each.close()


def frame(content):
    return BROADCAST + MAC + b"\x88\xb5" + content


@needs_namespaces
def test_frames_go_both_ways_over_a_tap(wired):
    bench, end = wired()
    bench.start(F_MERGEABLE)
    bench.send(frame(b"from the guest" * 20))
    assert end.recv(2000) == frame(b"from the guest" * 20)
    end.send(frame(b"from the host" * 20))
    bench.came()
    (got,) = bench.frames()
    assert got == bytes(10) + b"\1\0" + frame(b"from the host" * 20)


@needs_namespaces
def test_a_large_frame_takes_several_buffers_and_what_waits_is_taken_back_for_a_snapshot(wired):
    bench, end = wired()
    bench.start(F_MERGEABLE | F_GUEST_CSUM, buffers=8, size=600)
    end.send(frame(bytes(1400)))
    bench.came()
    parts = bench.frames(600)
    assert [len(part) for part in parts] == [600, 600, 12 + 1414 - 1200]
    assert parts[0][10:12] == b"\3\0"
    bench.transport.load(bench.transport.save())
    end.send(frame(b"after" * 10))
    bench.work()
    bench.came()
    (got,) = bench.frames(600)
    assert got[12:] == frame(b"after" * 10)


@needs_namespaces
def test_frames_wait_for_buffers(wired):
    bench, end = wired()
    bench.start(F_MERGEABLE, buffers=0)
    end.send(frame(b"patience" * 10))
    bench.came()
    assert not bench.frames()
    bench.driver.queues[0].offer((FRAMES, 2048, True))
    bench.driver.ring(0)
    bench.work()
    assert [got[12:] for got in bench.frames()] == [frame(b"patience" * 10)]


@needs_namespaces
def test_a_driver_without_mergeable_buffers(wired):
    bench, end = wired()
    bench.start()
    for word in (b"one", b"two"):
        end.send(frame(word * 30))
    bench.came()
    assert [got[10:] for got in bench.frames()] == [b"\1\0" + frame(word * 30) for word in (b"one", b"two")]


@needs_namespaces
def test_a_tap_that_is_removed_is_said_once_and_the_link_goes_down(wired):
    bench, _ = wired()
    bench.start(F_STATUS)
    assert bench.driver.config(6, 2) == 1
    subprocess.run(["ip", "link", "delete", "tap0"], check=True)
    bench.came()
    assert bench.driver.config(6, 2) == 0
    assert bench.words == ["the tap tap0 was removed; the guest's link is down"]
    bench.send(frame(b"lost" * 20))
    assert len(bench.driver.queues[1].taken_back()) == 1
    assert len(bench.words) == 1
    bench.driver.start(F_STATUS)
    bench.work()
    assert not bench.driver.status & 0x40


@needs_namespaces
def test_a_limit_holds_frames_back_and_lets_them_go(wired):
    bench, end = wired()
    now, moments = [0], []
    bench.card.limit = RateLimit(lambda: now[0], lambda moment, job: moments.append((moment, job)))
    bench.card.limit.set(operations=1, burst=0)
    bench.start(F_MERGEABLE)
    for word in (b"one", b"two"):
        bench.send(frame(word * 30))
    assert len(bench.driver.queues[1].taken_back()) == 1
    now[0], release = moments.pop()
    release()
    bench.work()
    assert len(bench.driver.queues[1].taken_back()) == 1
    assert [end.recv(2000) for _ in range(2)] == [frame(word * 30) for word in (b"one", b"two")]


@needs_namespaces
def test_several_queues_by_the_drivers_command(wired):
    bench, end = wired(count=2)
    bench.start(F_CONTROL | F_PAIRS | F_MERGEABLE | F_GUEST_CSUM | F_GUEST_TSO4)
    for count, answer in ((2, 0), (3, 1), (0, 1), (1, 0)):
        bench.memory.write(COMMANDS, struct.pack("<BBHB", 4, 0, count, 9))
        bench.driver.queues[4].offer((COMMANDS, 2, False), (COMMANDS + 2, 2, False), (COMMANDS + 4, 1, True))
        bench.driver.ring(4)
        bench.work()
        assert bench.memory.read(COMMANDS + 4, 1)[0] == answer, count
        assert len(bench.driver.queues[4].taken_back()) == 1
    bench.send(frame(b"one pair" * 10))
    assert end.recv(2000) == frame(b"one pair" * 10)


@needs_namespaces
def test_taps_that_cannot_be_had(namespace):
    with pytest.raises(ConfigError, match=r"no tap lo: .* no tap"):
        Tap("lo")
    first = Tap("tap7")
    with pytest.raises(ConfigError, match="no tap tap7: it is in use"):
        Tap("tap7")
    first.close()
    assert not os.path.exists("/sys/class/net/tap7")


@needs_passt
def test_passt_gives_an_address_and_ends_with_the_machine():
    passt = Passt()
    bench = Bench(passt)
    try:
        bench.start(F_MERGEABLE)
        bench.send(dhcp_discover())
        offers = []
        while not offers:  # it may have said other things before
            assert select.select([passt.fd], [], [], 5)[0], "passt does not answer"
            bench.came()
            offers = [got for got in bench.frames() if b"\x63\x82\x53\x63" in got]
        assert b"\x35\1\2" in offers[0]  # an offer
    finally:
        bench.close()
    assert passt._process.returncode == 0


@needs_passt
def test_a_passt_that_dies_is_said_and_one_that_cannot_begin_says_why():
    passt = Passt(["127.0.0.1/18080:80"])
    with pytest.raises(ConfigError, match=r"passt does not start: .*18080"):
        Passt(["127.0.0.1/18080:80"])
    bench = Bench(passt)
    try:
        bench.start(F_STATUS)
        passt._process.kill()
        passt._process.wait()
        bench.came()
        assert [words.partition(":")[0] for words in bench.words] == ["passt has ended"]
        assert bench.driver.config(6, 2) == 0
    finally:
        bench.close()


def dhcp_discover():
    message = struct.pack(">BBBBIHH16x6s202x4s", 1, 1, 6, 0, 1, 0, 0x8000, MAC, b"\x63\x82\x53\x63") + b"\x35\1\1\xff"
    message = message.ljust(300, b"\0")
    udp = struct.pack(">HHHH", 68, 67, 8 + len(message), 0) + message
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~total & 0xFFFF) + ip[12:]
    return BROADCAST + MAC + b"\x08\x00" + ip + udp
