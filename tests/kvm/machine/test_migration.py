"""A machine that moves while it runs, to another process or thread: whole, under load, refused, cut off, mirrored."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from vmm import ConfigError, HostError, Machine, SnapshotError
from vmm.machine.moving import standby as standby_module
from vmm.machine.moving import wire
from vmm.units import MiB

KILLS = int(os.environ.get("VMM_KILLS", "25"))
"""How often a process is killed at a random moment of a move, of each side."""
WRITER = """
    xor %ebx, %ebx
    xor %ebp, %ebp
1:  mov $0x200000, %edi
2:  incl %ebx
    mov %ebx, (%edi)
    add $4096, %edi
    cmp $0x400000, %edi
    jb 2b
    mov %ebx, 0x3000
    cmpl $0, 0x3010
    je 1b
    mov $0x11, %al
    out %al, $0xf4
"""
"""Writes a rising number to each of 512 pages, again and again, and the last of each round to 0x3000."""


@pytest.fixture
def place(tmp_path):
    return f"unix:{tmp_path / 'line'}"


def waits_at(address: str, timeout: float = 20.0) -> None:
    end = time.monotonic() + timeout
    while not os.path.exists(address.removeprefix("unix:")):
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.002)


class Receiver(threading.Thread):
    """Machine.receive() or stand_by() on a thread."""

    def __init__(self, receive, address: str, **options) -> None:
        super().__init__()
        self.work = lambda: receive(address, **options)
        self.machine: Machine | None = None
        self.error: Exception | None = None
        self.start()
        waits_at(address)

    def run(self) -> None:
        try:
            self.machine = self.work()
            if self.machine is not None:
                self.machine.start()
        except Exception as error:
            self.error = error

    def end(self) -> None:
        self.join(30)
        if self.machine is not None:
            self.machine.close()


@pytest.fixture
def receiver(place):
    made = []

    def make(receive=Machine.receive, **options) -> Receiver:
        made.append(Receiver(receive, place, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


def drain(line: socket.socket) -> None:
    with contextlib.suppress(ConnectionResetError):
        while line.recv(1 << 16):
            continue


def content(machine: Machine) -> bytes:
    return b"".join(machine.memory.read(each.span.start, each.span.size) for each in machine.memory.regions)


@pytest.mark.parametrize("irqchip", ["user", "kernel", "split"])
def test_it_goes_on_there_whole_and_ends_here(guest, receiver, place, soon, irqchip):
    machine = guest(WRITER, "protected", memory=16 * MiB, irqchip=irqchip)
    other = receiver()
    machine.start()
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > 0)
    moved = machine.migrate(place)
    assert moved.sent > 512 * 4096
    assert machine.wait().kind == "migrated"
    assert machine.state == "ended"
    other.join(20)
    there = other.machine
    seen = machine.memory.read_int(0x3000, 4)
    assert soon(lambda: there.memory.read_int(0x3000, 4) > seen)
    there.memory.write_int(0x3010, 4, 1)
    assert there.wait(20).value == 0x11
    pages = [there.memory.read_int(0x200000 + 4096 * at, 4) for at in range(512)]
    assert pages == list(range(pages[0], pages[0] + 512))


def test_memory_and_registers_are_the_same_byte_for_byte(guest, place, soon):
    machine = guest(WRITER, "protected", memory=16 * MiB)
    there = []
    thread = threading.Thread(target=lambda: there.append(Machine.receive(place)))
    thread.start()
    waits_at(place)
    machine.start()
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > 0)
    machine.migrate(place)
    thread.join(20)
    with there[0] as other:  # which has not run yet
        assert content(other) == content(machine)
        assert other.registers() == machine.registers()
        assert other.special_registers() == machine.special_registers()


def test_a_machine_that_does_not_run_moves_too(guest, receiver, place):
    machine = guest(WRITER, "protected", memory=16 * MiB)
    other = receiver()
    machine.migrate(place)
    assert machine.state == "ended"
    other.join(20)
    assert other.machine is not None


def test_over_the_network_too(guest, soon):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = []
    thread = threading.Thread(target=lambda: there.append(Machine.receive(f"tcp:127.0.0.1:{port}")))
    thread.start()
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.start()
    assert soon(lambda: not _refused(machine, port), 10)
    thread.join(20)
    there[0].close()


def _refused(machine: Machine, port: int) -> bool:
    try:
        machine.migrate(f"tcp:127.0.0.1:{port}")
    except HostError:
        return True
    return False


def test_nobody_there_and_no_address(guest, soon):
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.start()
    with pytest.raises(HostError, match="nobody takes a machine at unix:/nowhere"):
        machine.migrate("unix:/nowhere")
    with pytest.raises(ConfigError, match="neither unix:PATH"):
        machine.migrate("/nowhere")
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > 0)


@pytest.mark.parametrize("field", ["hda", "disks", "shares"])
def test_a_machine_with_files_is_refused_over_the_network_unless_they_are_named(tmp_path, guest, field):
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xeb\xfe".ljust(510, b"\0") + b"\x55\xaa" + bytes(99 * 512))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp:127.0.0.1:{free.getsockname()[1]}"
    errors = []

    def receive() -> None:
        try:
            Machine.receive(address)
        except SnapshotError as error:
            errors.append(str(error))

    thread = threading.Thread(target=receive)
    thread.start()
    fields = {"hda": f"{disk},overlay", "disks": (f"{disk},overlay",), "shares": (str(tmp_path),)}
    with guest("hlt", memory=16 * MiB, **{field: fields[field]}) as machine:
        while True:
            try:
                machine.migrate(address)
            except HostError:
                time.sleep(0.01)
            except SnapshotError as error:
                errors.append(str(error))
                break
        thread.join(20)
        assert machine.state == "created"
    assert len(errors) == 2
    assert all(f"files are named on the side that has them: {field}" in error for error in errors)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no vmm that takes part in a move"),
        (wire.MAGIC[:-3] + b"9\n ", "another version of vmm"),
        (wire.MAGIC + wire.HEAD.pack(b"NO  ", 4, 0) + b"oops", "a checksum is wrong"),
        (wire.MAGIC + wire.HEAD.pack(b"EVIL", 4, 0) + b"oops", "is damaged"),
        (wire.MAGIC + wire.HEAD.pack(b"TAKE", 0, 0), "says TAKE out of turn"),
        (wire.MAGIC, "closed the connection"),
    ],
)
def test_whatever_the_other_side_says_it_goes_on_here(guest, place, soon, says, words):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place.removeprefix("unix:"))
    listener.listen(1)

    def answer() -> None:
        line, _ = listener.accept()
        with line:
            line.sendall(says.ljust(len(wire.MAGIC), b" "))
            line.shutdown(socket.SHUT_WR)
            drain(line)

    thread = threading.Thread(target=answer)
    thread.start()
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.start()
    with pytest.raises(SnapshotError, match=words):
        machine.migrate(place)
    thread.join(20)
    listener.close()
    seen = machine.memory.read_int(0x3000, 4)
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > seen)


@pytest.mark.parametrize("says", [b"GET / HTTP/1.0\r\n\r\n".ljust(40), wire.MAGIC + b"\xff" * 99, b""])
def test_whoever_connects_the_receiver_is_told_in_words(receiver, place, says):
    other = receiver()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(place.removeprefix("unix:"))
        line.sendall(says)
        line.shutdown(socket.SHUT_WR)
        drain(line)
    other.join(20)
    assert isinstance(other.error, SnapshotError)


THERE = """
    machine = Machine.receive(sys.argv[1])
    machine.run()
"""


def test_when_the_other_side_is_killed_at_any_moment_one_side_has_it(guest, place, soon, nursery):
    """Killed destinations: the machine is here and runs, or it was taken."""
    children = nursery(THERE, place)
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.start()
    stayed = 0
    for _ in range(KILLS):
        child = children.make()
        waits_at(place)
        timer = threading.Timer(random.uniform(0, 0.03), os.kill, (child, signal.SIGKILL))
        timer.start()
        try:
            machine.migrate(place, downtime=0.02)
        except (SnapshotError, HostError):
            stayed += 1
            seen = machine.memory.read_int(0x3000, 4)
            assert soon(lambda: machine.memory.read_int(0x3000, 4) > seen)  # noqa: B023
        else:
            assert machine.wait().kind == "migrated"
            machine.close()
            machine = guest(WRITER, "protected", memory=16 * MiB)
            machine.start()
        timer.join()
        with contextlib.suppress(FileNotFoundError):  # it was killed before it could
            os.unlink(place.removeprefix("unix:"))
    assert stayed


HERE = """
    with Machine.restore(sys.argv[1]) as machine:
        machine.start()
        machine.migrate(sys.argv[2], downtime=0.02)
        machine.wait()
"""


def test_when_this_side_is_killed_at_any_moment_the_other_has_it_or_not(guest, receiver, place, tmp_path, nursery):
    """Killed sources, of a machine that is on file: what has arrived is whole."""
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.run(deadline=0.05)
    path = str(tmp_path / "a.snap")
    machine.snapshot(path)
    children = nursery(HERE, path, place)
    arrived = 0
    for _ in range(KILLS):
        other = receiver()
        child = children.make()
        time.sleep(random.uniform(0.01, 0.06))
        with contextlib.suppress(ProcessLookupError):  # it has moved and left
            os.kill(child, signal.SIGKILL)
        other.join(0.1)
        while other.is_alive() and os.path.exists(place.removeprefix("unix:")):  # killed before it was connected
            with socket.socket(socket.AF_UNIX) as line, contextlib.suppress(OSError):
                line.connect(place.removeprefix("unix:"))
        other.join(30)
        if other.machine is None:
            assert isinstance(other.error, SnapshotError), other.error
            continue
        arrived += 1
        other.machine.memory.write_int(0x3010, 4, 1)
        assert other.machine.wait(20).value == 0x11
        pages = [other.machine.memory.read_int(0x200000 + 4096 * at, 4) for at in range(512)]
        assert pages == list(range(pages[0], pages[0] + 512))
        other.end()
    assert arrived < KILLS


MIRRORED = """
import sys, threading
from vmm import Machine
with Machine.restore(sys.argv[1]) as machine:
    machine.start()
    threading.Thread(
        target=machine.mirror, args=(sys.argv[2], 0.02, lambda: print(machine.memory.read_int(0x3000, 4), flush=True))
    ).start()
    sys.stdin.read(1)
"""


@pytest.fixture
def mirrored(guest, receiver, place, tmp_path):
    """(the process of a machine that a standby follows, the standby), once it has all of it twice."""
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.run(deadline=0.05)
    path = str(tmp_path / "a.snap")
    machine.snapshot(path)
    standby = receiver(Machine.stand_by)
    with subprocess.Popen(
        [sys.executable, "-c", MIRRORED, path, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as here:
        here.stdout.readline()
        yield here, standby, int(here.stdout.readline())
        here.kill()


def test_a_standby_goes_on_when_the_process_dies(mirrored, soon):
    here, standby, seen = mirrored
    assert standby.machine is None
    here.kill()
    standby.join(20)
    assert standby.machine is not None, standby.error
    assert soon(lambda: standby.machine.memory.read_int(0x3000, 4) > seen)
    standby.machine.memory.write_int(0x3010, 4, 1)
    assert standby.machine.wait(20).value == 0x11
    pages = [standby.machine.memory.read_int(0x200000 + 4096 * at, 4) for at in range(512)]
    assert pages == list(range(pages[0], pages[0] + 512))


def test_a_standby_is_not_needed_when_the_run_ends_in_order(mirrored):
    here, standby, _ = mirrored
    here.stdin.write(b"x")
    here.stdin.flush()
    standby.join(20)
    assert (standby.machine, standby.error) == (None, None)
    here.stdout.read()
    assert here.wait(20) == 0


def test_a_process_that_lives_keeps_its_machine(guest, receiver, place, soon, monkeypatch):
    """The connection is cut, nobody has died: the machine goes on here, and the standby does not take it."""
    monkeypatch.setattr(standby_module, "LAST_BREATH", 0.3)
    machine = guest(WRITER, "protected", memory=16 * MiB)
    machine.start()
    standby = receiver(Machine.stand_by)
    whole, errors = threading.Event(), []

    def mirror() -> None:
        try:
            machine.mirror(place, 0.01, lambda: cut_after_the_second(machine, whole))
        except (SnapshotError, HostError) as error:
            errors.append(error)

    def cut_after_the_second(machine: Machine, whole: threading.Event) -> None:
        if whole.is_set():
            machine.mirrors[0]._line._line.shutdown(socket.SHUT_RDWR)
        whole.set()

    thread = threading.Thread(target=mirror)
    thread.start()
    thread.join(20)
    assert errors
    standby.join(20)
    assert standby.machine is None
    assert "is alive" in str(standby.error)
    seen = machine.memory.read_int(0x3000, 4)
    assert soon(lambda: machine.memory.read_int(0x3000, 4) > seen)
