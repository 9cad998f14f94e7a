"""A booted Linux with a file system on a virtio disk, saved while it writes, and gone on with from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time

import pytest

from vmm import Machine
from vmm.control.linux import payload as init
from vmm.control.linux import tree
from vmm.units import MiB

DEADLINE = 240.0
SCRIPT = """
i=0
while [ $i -lt 16 ]; do
  i=$((i+1)); dd if=/dev/hwrng of=/tmp/one bs=64 count=16 2>/dev/null
  dd if=/tmp/one of=/dev/vda bs=1024 seek=$i conv=fsync,notrunc 2>/dev/null
  echo 3 >/proc/sys/vm/drop_caches
  dd if=/dev/vda bs=1024 skip=$i count=1 2>/dev/null | cmp -s - /tmp/one || echo "round $i: another content"
  echo "round $i"
done
echo "complaints $(dmesg | grep -cE 'I/O error|Oops|BUG:')."
poweroff -f
"""


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
    archive = tree.ArchiveFile("script")
    try:
        archive.add_members(init.members(["sh", "-c", SCRIPT], init.NONE, None, ""))
        machine = Machine(
            image=with_virtio.image, modules=(with_virtio.initramfs, archive.path), command_line="+quiet", vcpus=2,
            disks=(f"{disk},overlay",), rng=True, virtio=virtio,
        )  # fmt: skip
    finally:
        archive.close()
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
        machine.snapshot(path)
        assert machine.wait(DEADLINE).kind == "power-off", said
    with Machine.restore(path) as restored:
        outcome = restored.run(deadline=DEADLINE)
        later = restored.console_output
    assert outcome.kind == "power-off", f"{outcome} {later!r}"
    for output in (bytes(said), later):
        assert b"round 16" in output
        assert b"another content" not in output
        assert b"complaints 0." in output
