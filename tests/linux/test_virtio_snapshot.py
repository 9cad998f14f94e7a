"""A booted Linux that writes to a disk, pings and has a socket, saved amidst all of it, and gone on with from there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time

import pytest
from network_namespace import network_namespace, why_not

from vmm import Machine
from vmm.control.linux import payload as init
from vmm.control.linux import tree
from vmm.units import MiB

pytestmark = pytest.mark.timeout(300)
DEADLINE = 240.0
SCRIPT = """
ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up
ping 10.9.0.1 >/dev/null &
{ vsock 53 </dev/zero >/dev/null; echo "the socket has ended"; } &
i=0
while [ $i -lt 16 ]; do
  i=$((i+1)); dd if=/dev/hwrng of=/tmp/one bs=64 count=16 2>/dev/null
  dd if=/tmp/one of=/dev/vda bs=1024 seek=$i conv=fsync,notrunc 2>/dev/null
  echo 3 >/proc/sys/vm/drop_caches
  dd if=/dev/vda bs=1024 skip=$i count=1 2>/dev/null | cmp -s - /tmp/one || echo "round $i: another content"
  echo "round $i"
done
ping -c 2 -W 9 10.9.0.1 >/dev/null && echo "the network is there"
echo "complaints $(dmesg | grep -cE 'I/O error|Oops|BUG:')."
poweroff -f
"""


class Reader(threading.Thread):
    """Takes what comes to a listener's first connection, in its own time, until it is told to stop."""

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(path)
        self._door.listen()
        self.size, self.is_over = 0, threading.Event()

    def run(self) -> None:
        with self._door, self._door.accept()[0] as peer:
            while not self.is_over.wait(0.1):
                self.size += len(peer.recv(1 << 14))


@pytest.mark.skipif(bool(why_not()), reason=why_not())
@pytest.mark.parametrize(("virtio", "ending"), [("mmio", "img"), ("pci", "qcow2")])
def test_a_disk_that_is_written_to_is_saved_with_it(with_virtio, tmp_path, virtio, ending):
    disk, path = tmp_path / f"disk.{ending}", str(tmp_path / "linux.snap")
    if ending == "img":
        disk.touch()
        os.truncate(disk, MiB)
    else:
        if not (shutil.which("qemu-storage-daemon") and shutil.which("qemu-img")):
            pytest.skip("needs qemu-storage-daemon and qemu-img: apt install qemu-utils")
        subprocess.run(["qemu-img", "create", "-q", "-f", ending, disk, "1M"], check=True)
    with network_namespace():
        for words in (
            "tuntap add tap0 mode tap",
            "addr add 10.9.0.1/24 dev tap0",
            "link set tap0 up",
            "link set lo up",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        reader = Reader(str(tmp_path / "v_53"))
        reader.start()
        outputs = saved_amidst(machine_of(with_virtio, f"{disk},overlay", virtio, str(tmp_path / "v")), path, reader)
    for output in outputs:
        assert b"round 16" in output
        assert b"another content" not in output
        assert b"the network is there" in output
        assert b"complaints 0." in output
    assert b"the socket has ended" in outputs[1]  # as its guest was told


def machine_of(kernel, disk: str, virtio: str, sockets: str) -> Machine:
    """The guest that runs SCRIPT."""
    archive = tree.ArchiveFile("script")
    try:
        archive.add_members(init.members(["sh", "-c", SCRIPT], init.NONE, None, ""))
        return Machine(
            image=kernel.image, modules=(kernel.initramfs, archive.path), command_line="+quiet", vcpus=2,
            disks=(disk,), rng=True, virtio=virtio, networks=("tap=tap0",), vsock=f"5,{sockets}",
        )  # fmt: skip
    finally:
        archive.close()


def saved_amidst(machine: Machine, path: str, reader: Reader) -> tuple[bytes, bytes]:
    """What the guest says that goes on, and what the one says that comes from the snapshot."""
    said, is_there = bytearray(), threading.Event()

    def hear(data: bytes) -> None:
        said.extend(data)
        if b"round 3" in said:
            is_there.set()

    with machine:
        machine.listen("com1", hear)
        machine.start(deadline=DEADLINE)
        assert is_there.wait(DEADLINE), said
        time.sleep(0.05)
        assert reader.size
        machine.snapshot(path)
        before = reader.size
        assert machine.wait(DEADLINE).kind == "power-off", said
        assert reader.size > before
    reader.is_over.set()
    with Machine.restore(path) as restored:
        outcome = restored.run(deadline=DEADLINE)
        later = restored.console_output
    assert outcome.kind == "power-off", f"{outcome} {later!r}"
    return bytes(said), later
