"""A machine that runs while its memory comes from a page server: whole, asked for early, cut off, refused, lied to."""

from __future__ import annotations

import mmap
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import pytest
from served import Server, skip_unless_permitted, wait, wait_and_cut

from vmm import ConfigError, HostError, Machine, SnapshotError
from vmm.machine.moving import page_server, wire
from vmm.machine.moving.addresses import listening
from vmm.machine.moving.page_server import Served
from vmm.machine.moving.wire import Wire
from vmm.units import MiB

START, SIZE = 2 * MiB, 4 * MiB
READER = f"""
    xor %eax, %eax
    mov ${START:#x}, %esi
1:  add (%esi), %eax
    add $4096, %esi
    cmp ${START + SIZE:#x}, %esi
    jb 1b
    mov %eax, 0x3000
    mov $0x11, %al
    out %al, $0xf4
"""
"""Adds up the first words of 1024 pages."""
NUMBERS = [(page * 2654435761 + 1) % (1 << 32) for page in range(SIZE // 4096)]
TOTAL = sum(NUMBERS[page] for page in range(len(NUMBERS)) if page % 3) % (1 << 32)
"""Of every three pages the first is empty."""


@pytest.fixture(autouse=True)
def permitted():
    skip_unless_permitted()


@pytest.fixture
def saved(guest, tmp_path):
    """(path, the machine) of READER before it starts."""
    machine = guest(READER, "protected", memory=8 * MiB)
    for page, number in enumerate(NUMBERS):
        if page % 3:
            machine.memory.write_int(START + page * 4096, 4, number)
    machine.snapshot(str(tmp_path / "a.snap"))
    return str(tmp_path / "a.snap"), machine


@pytest.fixture
def place(tmp_path):
    return f"unix:{tmp_path / 'pages'}"


def content(machine: Machine) -> list[bytes]:
    return [machine.memory.read(region.span.start, region.span.size) for region in machine.memory.regions]


def test_the_guest_finds_every_page_and_memory_is_the_same_byte_for_byte(saved, place):
    path, machine = saved
    Server(path, place)
    with Machine.restore_from(place) as other:
        assert other.registers() == machine.registers()
        assert other.run(deadline=20.0).value == 0x11
        assert other.memory.read_int(0x3000, 4) == TOTAL
        machine.run(deadline=20.0)
        assert content(other) == content(machine)


def test_it_runs_before_its_memory_is_there_and_asks_for_what_it_needs_first(saved, place):
    """The server holds the rest back until the guest's first page was asked for, behind what goes ahead."""
    path, _ = saved
    server = Server(path, place, 4, wait)
    with Machine.restore_from(place) as other:
        other.start(20.0)
        time.sleep(0.2)
        assert other.outcome is None
        assert other.memory.arriving.left > 0
        server.go_on.set()
        assert other.wait(20.0).value == 0x11
        assert other.memory.read_int(0x3000, 4) == TOTAL


def test_what_python_touches_is_waited_for(saved, place):
    path, machine = saved
    Server(path, place)
    with Machine.restore_from(place) as other:
        memory, last = other.memory, START + SIZE - 4096
        assert memory.read_int(last, 4) == machine.memory.read_int(last, 4)
        assert memory.read(START, 4096) == bytes(4096)  # an empty one
        memory.write_int(START + 4096, 4, 5)
        memory.fill(START + 2 * 4096, 16, 7)
        with memory.view(START + 4 * 4096, 8192) as view, memory.lend(START + 8 * 4096, 4096) as lent:
            assert bytes(view) == machine.memory.read(START + 4 * 4096, 8192)
            assert bytes(lent) == machine.memory.read(START + 8 * 4096, 4096)
            memory.discard(START + 4 * 4096, 4096)  # while it is viewed
            assert bytes(view[:4096]) == bytes(4096)
        memory.refault(START + 10 * 4096)
        assert memory.read_int(START + 4096, 4) == 5
        assert memory.read(START + 2 * 4096, 17) == b"\7" * 16 + b"\0"


def test_a_fork_and_a_snapshot_wait_for_all_of_it(saved, place, tmp_path):
    path, machine = saved
    Server(path, place)
    with Machine.restore_from(place) as other:
        other.snapshot(str(tmp_path / "b.snap"))
        with other.fork() as child, Machine.restore(str(tmp_path / "b.snap")) as third:
            assert content(child) == content(third) == content(machine)
            assert child.run(deadline=20.0).value == 0x11
            assert child.memory.read_int(0x3000, 4) == TOTAL


def test_one_that_adds_to_others_is_served_as_a_whole(guest, place, tmp_path):
    machine = guest("hlt", memory=4 * MiB)
    for at, name in enumerate("abc"):
        machine.memory.write(MiB + at * 4096, os.urandom(2 * 4096))
        machine.snapshot(str(tmp_path / name), track=True, differential=at > 0)
    Server(str(tmp_path / "c"), place)
    with Machine.restore_from(place) as other:
        assert content(other) == content(machine)


def test_a_server_that_is_lost_ends_the_run_and_nothing_that_never_came_is_seen(saved, place, soon):
    path, _ = saved
    server = Server(path, place, 3, wait_and_cut)
    with Machine.restore_from(place) as other:
        server.go_on.set()
        assert soon(lambda: other.memory.arriving.lost)
        outcome = other.run(deadline=20.0)
        assert outcome.kind == "failed"
        assert outcome.exit_code() == 121
        assert "not all of its memory came from unix:" in outcome.words
        with pytest.raises(HostError, match="never came"):
            content(other)
        with pytest.raises(HostError, match="not all"):
            other.fork()
        assert other.crash_report() is not None


def test_a_server_that_is_lost_while_the_guest_waits_for_it(saved, place):
    path, _ = saved
    server = Server(path, place, 4, wait_and_cut)
    with Machine.restore_from(place) as other:
        other.start(20.0)
        time.sleep(0.2)
        server.go_on.set()
        assert other.wait(20.0).kind == "failed"


def test_a_machine_is_closed_and_stopped_while_pages_are_on_their_way(saved, place):
    path, _ = saved
    server = Server(path, place, 4, wait)
    with Machine.restore_from(place) as other:
        began = time.monotonic()
        assert other.run(deadline=0.3).kind in ("deadline", "failed")  # not every KVM lets go of a vCPU that waits
        assert time.monotonic() - began < 5
    server.go_on.set()
    server.join(10)
    assert not server.is_alive()


LIES = {
    "another place": lambda size: struct.pack("<Q", 8 * MiB) + bytes(4096),
    "too little": lambda size: struct.pack("<Q", 0) + bytes(16),
    "nothing": lambda size: b"",
}


@pytest.mark.parametrize("what", LIES)
def test_a_server_that_lies_ends_the_run(saved, place, what):
    path, _ = saved

    def lie(server: Server) -> None:
        wait(server)
        body = LIES[what](0)
        server.connection.sendall(wire.HEAD.pack(wire.PAGES, len(body), zlib.crc32(body)) + body)

    server = Server(path, place, 3, lie)
    with Machine.restore_from(place) as other:
        server.go_on.set()
        assert other.run(deadline=20.0).kind == "failed"


def test_who_serves_something_else_is_refused(tmp_path, place):
    with listening(place, 1) as listener:

        def talk() -> None:
            line, _ = listener.accept()
            with line:
                line.sendall(wire.MAGIC)
                line.recv(100)

        threading.Thread(target=talk).start()
        with pytest.raises(SnapshotError, match="no vmm that takes part"):
            Machine.restore_from(place)
    with pytest.raises(HostError, match="nobody serves a snapshot"):
        Machine.restore_from(place)


def test_a_client_that_asks_for_what_there_is_not_harms_nobody_else(saved, tmp_path):
    path, _ = saved
    served = Served(path)
    for offset, size in ((0, 0), (1, 4096), (8 * MiB, 4096), (0, 1 << 40), (8 * MiB - 4096, 8192)):
        with pytest.raises(SnapshotError, match="no memory"):
            served.read(offset, size)
    here, there = socket.socketpair()
    with here, there:
        here.sendall(wire.PAGES_MAGIC + wire.HEAD.pack(wire.GET, 3, 0) + b"abc")
        with pytest.raises(SnapshotError):
            page_server.serve(served, Wire(there))
    served.close()


NOBODY = """
import mmap, os, sys
from vmm.engine.kvm_userfault import Userfault
from vmm import HostError
os.setgid(65534); os.setuid(65534)
try:
    Userfault([mmap.mmap(-1, 4096, mmap.MAP_PRIVATE)])
except HostError as error:
    sys.exit(f"{error}")
"""


def test_where_it_is_not_permitted_the_remedy_is_said():
    with open("/proc/sys/vm/unprivileged_userfaultfd", encoding="ascii") as file:
        if file.read().strip() == "1" or os.getuid() or _all_may_open():
            pytest.skip("this host lets everybody use userfaultfd, or the tests are not run by root")
    done = subprocess.run([sys.executable, "-c", NOBODY], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "userfaultfd is not permitted here" in done.stderr
    assert "sysctl -w vm.unprivileged_userfaultfd=1" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def _all_may_open() -> bool:
    return os.path.exists("/dev/userfaultfd") and bool(os.stat("/dev/userfaultfd").st_mode & 0o006)


def test_it_cannot_be_changed_into_another_machine(saved, place):
    with pytest.raises(ConfigError, match="vcpus"):
        Machine.restore_from(place, vcpus=2)
    assert mmap.PAGESIZE == 4096
