"""Streams between a driver in guest memory and real Unix sockets, in both directions, up to their ends."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from _thread import RLock

import pytest
from virtio_driver import Driver

from vmm.backends.unix_streams import UnixStreams
from vmm.bus.reactor import Reactor
from vmm.devices.virtio import vsock_packet as packets
from vmm.devices.virtio.mmio import Mmio
from vmm.devices.virtio.transport import NEEDS_RESET
from vmm.devices.virtio.vsock import EVENT, MOST_REPLIES, RECEIVE, TRANSMIT, Vsock
from vmm.devices.virtio.vsock_connection import BUFFER
from vmm.errors import ConfigError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import MiB

CID = 7
PAGE = 4096


class Guest:
    """Packets out and in, by a driver with buffers of a page."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.driver.start(sizes=(16, 16, 16))
        self.buffers = {}
        self.waiting = []
        for number in range(16):
            self.give(0x100000 + number * PAGE)

    def give(self, gpa: int) -> None:
        self.buffers[self.driver.queues[RECEIVE].offer((gpa, PAGE, True))] = gpa
        self.driver.ring(RECEIVE)

    def send(self, operation: int, peer: int, port: int, data: bytes = b"", flags: int = 0, room: int = 1 << 20,
             forwarded: int = 0, size: int | None = None) -> None:  # fmt: skip
        """From the guest's port `peer` to `port` of the host's; returns once it was taken."""
        size = len(data) if size is None else size
        header = packets.HEADER.pack(CID, 2, peer, port, size, 1, operation, flags, room, forwarded)
        self.driver.memory.write(0x200000, header + data)
        queue = self.driver.queues[TRANSMIT]
        queue.offer((0x200000, len(header) + len(data), False))
        self.driver.ring(TRANSMIT)
        assert until(lambda: queue.taken_back() or self.driver.status & NEEDS_RESET)

    def look(self):
        """Packets that came and were not looked at yet."""
        for head, size in self.driver.queues[RECEIVE].taken_back():
            self.waiting.append(self.driver.memory.read(self.buffers[head], size))
            self.give(self.buffers.pop(head))
        return self.waiting

    def next(self):
        """(operation, port of the host's, peer, flags, data) of the next packet."""

        until(self.look)
        content = self.waiting.pop(0)
        _, _, port, peer, size, kind, operation, flags, _, _ = packets.HEADER.unpack_from(content)
        assert (kind, size) == (1, len(content) - packets.SIZE)
        return operation, port, peer, flags, content[packets.SIZE :]


def until(condition):
    end = time.monotonic() + 10
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.001)
    return found


@pytest.fixture
def reactor():
    failures = []
    reactor = Reactor(failures.append)
    reactor.resume()
    yield reactor
    reactor.close()
    assert not failures


@pytest.fixture
def guest(tmp_path, reactor):
    memory = GuestMemory()
    memory.add(0, 4 * MiB)
    streams = UnixStreams(str(tmp_path / "v"), reactor)
    device = Vsock(CID, streams.connect)
    streams.offer = lambda stream, port: device.guarded(device.offer)(stream, port)
    transport = Mmio(device, "vsock", memory, RLock(), reactor.call)
    yield Guest(Driver(transport, memory))
    reactor.pause()
    transport.close()
    streams.close()
    memory.close()
    assert not os.path.exists(tmp_path / "v")


@pytest.fixture
def called(tmp_path, guest):
    """The host's end of a connection from the guest's port 1000 to port 52, and what listened there."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "v_52"))
        listener.listen()
        guest.send(packets.REQUEST, 1000, 52)
        end, _ = listener.accept()
        assert guest.next()[:3] == (packets.RESPONSE, 52, 1000)
        with end:
            end.settimeout(10)
            yield end


def test_who_connects_and_names_a_port_reaches_the_guest(tmp_path, guest):
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(10)
        end.connect(str(tmp_path / "v"))
        end.sendall(b"CONN")
        end.sendall(b"ECT 99\nhello")
        operation, port, peer, _, _ = guest.next()
        assert (operation, peer) == (packets.REQUEST, 99)
        guest.send(packets.RESPONSE, 99, port)
        assert end.recv(100) == b"OK %d\n" % port
        assert guest.next() == (packets.RW, port, 99, 0, b"hello")
        guest.send(packets.RW, 99, port, b"there")
        assert end.recv(100) == b"there"


@pytest.mark.parametrize("words", [b"CONNECT\n", b"HELLO 52\n", b"CONNECT 4294967296\n", b"x" * 100, b"CONNECT -1\n"])
def test_who_says_anything_else_is_sent_away(tmp_path, guest, words):
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(10)
        end.connect(str(tmp_path / "v"))
        end.sendall(words)
        with contextlib.suppress(ConnectionResetError):  # what it wrote was not all read
            assert end.recv(100) == b""


def test_a_port_at_which_nobody_listens_is_refused(guest):
    guest.send(packets.REQUEST, 1000, 53)
    assert guest.next()[:3] == (packets.RST, 53, 1000)


def test_megabytes_go_both_ways_within_what_each_side_takes(guest, called):
    data = os.urandom(3 * MiB)
    sent = forwarded = 0
    received = bytearray()
    called.setblocking(False)
    there = memoryview(data)
    while len(received) < len(data) or there:
        with contextlib.suppress(BlockingIOError):
            there = there[called.send(there[: 1 << 16]) :]
        operation, *_, got = guest.next()
        assert operation == packets.RW
        received += got
        if len(received) - forwarded > 32 << 10:
            forwarded = len(received)
            guest.send(packets.CREDIT_UPDATE, 1000, 52, room=64 << 10, forwarded=forwarded)
        assert len(received) - forwarded <= 64 << 10
    assert received == data
    called.setblocking(True)
    while sent < 2 * BUFFER:
        part = data[sent : sent + PAGE]
        guest.send(packets.RW, 1000, 52, part)
        sent += len(part)
        echo = b""
        while len(echo) < len(part):
            echo += called.recv(len(part) - len(echo))
        assert echo == part
    assert guest.next()[0] == packets.CREDIT_UPDATE


def test_what_the_host_does_not_read_waits_and_more_than_was_allowed_ends_it(guest, called):
    sent, kinds = 0, []
    while packets.RST not in kinds and sent < 8 * BUFFER:
        guest.send(packets.RW, 1000, 52, bytes(PAGE * 16))
        sent += PAGE * 16
        kinds += [guest.next()[0] for _ in range(len(guest.look()))]
    assert set(kinds) <= {packets.CREDIT_UPDATE, packets.RST}
    assert BUFFER < sent < 8 * BUFFER
    assert not guest.driver.status & NEEDS_RESET


def test_what_waits_for_the_host_goes_on_though_the_guest_takes_no_more(guest, called):
    said = bytes(range(256)) * 15
    count = 0
    while count * len(said) < BUFFER * 3 // 2:  # more than the host's socket holds, less than that and what waits
        guest.send(packets.RW, 1000, 52, said, room=100)
        count += 1
    called.sendall(bytes(5000))  # of which the guest takes 100: one who echoes reads no further before it is heard
    while not (taken := guest.next()[4]):
        pass  # how much the host has taken
    assert len(taken) == 100
    found = bytearray()
    while len(found) < count * len(said):
        found += called.recv(1 << 16)
    assert found == said * count


def test_each_side_may_end_by_itself(guest, called):
    called.sendall(b"last words")
    called.shutdown(socket.SHUT_WR)
    assert guest.next()[0::4] == (packets.RW, b"last words")
    assert guest.next()[:4] == (packets.SHUTDOWN, 52, 1000, packets.NO_MORE_OUT)
    guest.send(packets.RW, 1000, 52, b"still here")
    assert called.recv(100) == b"still here"
    guest.send(packets.SHUTDOWN, 1000, 52, flags=packets.NO_MORE_OUT | packets.NO_MORE_IN)
    assert guest.next()[0] == packets.RST
    assert called.recv(100) == b""


def test_a_guest_that_ends_its_output_is_still_answered(guest, called):
    guest.send(packets.RW, 1000, 52, b"question")
    guest.send(packets.SHUTDOWN, 1000, 52, flags=packets.NO_MORE_OUT)
    assert called.recv(100) == b"question"
    assert called.recv(100) == b""
    called.sendall(b"answer")
    called.close()
    assert guest.next()[0::4] == (packets.RW, b"answer")
    assert {guest.next()[0], guest.next()[0]} == {packets.SHUTDOWN, packets.RST}


def test_a_host_that_dies_is_an_end_and_a_reset(guest, called):
    guest.send(packets.RW, 1000, 52, b"unread")
    called.close()
    guest.send(packets.RW, 1000, 52, b"more")
    kinds = [guest.next()[0]]
    if kinds[0] == packets.SHUTDOWN:
        kinds.append(guest.next()[0])
    assert kinds[-1] == packets.RST


def test_packets_for_no_connection_are_answered_by_resets(guest):
    for operation in (packets.RESPONSE, packets.RW, packets.SHUTDOWN, packets.CREDIT_REQUEST, 77):
        guest.send(operation, 5, 6)
        assert guest.next()[:3] == (packets.RST, 6, 5)
    guest.send(packets.RST, 5, 6)
    guest.send(packets.CREDIT_REQUEST, 8, 9)
    assert guest.next()[:3] == (packets.RST, 9, 8)


def test_a_guest_that_never_listens_is_heard_only_so_far(guest):
    guest.driver.memory.write_int(guest.driver.queues[RECEIVE].available + 2, 2, 16)
    queue = guest.driver.queues[TRANSMIT]
    header = packets.HEADER.pack(CID, 2, 5, 6, 0, 1, packets.RW, 0, 0, 0)
    guest.driver.memory.write(0x200000, header)
    taken = 0
    for _ in range(MOST_REPLIES + 64):
        queue.offer((0x200000, len(header), False))
        guest.driver.ring(TRANSMIT)
        end = time.monotonic() + 0.3
        while not queue.taken_back():
            if time.monotonic() > end:
                break
        else:
            taken += 1
            continue
        break
    assert 16 < taken <= MOST_REPLIES + 16
    for _ in range(taken):
        assert guest.next()[0] == packets.RST
    assert until(queue.taken_back)


@pytest.mark.parametrize("size", [1, 1 << 31])
def test_a_packet_shorter_than_it_says_breaks_the_device(guest, size):
    guest.send(packets.RW, 5, 6, size=size)
    assert guest.driver.status & NEEDS_RESET


def test_a_copy_is_told_that_its_connections_are_gone(guest, called, reactor):
    reactor.pause()
    state = guest.driver.transport.save()
    reactor.resume()
    called.sendall(b"x")
    assert guest.next()[0] == packets.RW
    guest.driver.transport.load(state)
    guest.driver.queues[EVENT].offer((0x300000, 4, True))
    guest.driver.ring(EVENT)
    assert until(guest.driver.queues[EVENT].taken_back) == [(0, 4)]
    assert called.recv(100) == b""


def test_a_socket_that_somebody_listens_at_stays_his(tmp_path, reactor):
    path = str(tmp_path / "v")
    first = UnixStreams(path, reactor)
    with pytest.raises(ConfigError, match="somebody listens there already"):
        UnixStreams(path, reactor)
    os.rename(path, path + "2")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    again = UnixStreams(path, reactor)  # which nobody listened at any more
    first.close()
    assert os.path.exists(path)
    again.close()
    assert not os.path.exists(path)
