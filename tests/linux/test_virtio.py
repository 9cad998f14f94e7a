"""Debian's drivers and our virtio devices."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from vmm.units import MiB

MKE2FS, DEBUGFS = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") for name in ("mke2fs", "debugfs"))
needs_e2fsprogs = pytest.mark.skipif(not (MKE2FS and DEBUGFS), reason="needs mke2fs and debugfs: apt install e2fsprogs")


@pytest.mark.parametrize("irqchip", ["kernel", "split"])
def test_random_bytes(boot, with_virtio, irqchip):
    script = (
        "cat /sys/class/misc/hw_random/rng_current; dd if=/dev/hwrng bs=4096 count=64 | wc -c;"
        "grep virtio /proc/interrupts; poweroff -f"
    )
    outcome, output = boot(with_virtio, script, rng=True, irqchip=irqchip)
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    lines = output.split()
    assert "virtio_rng.0" in lines
    assert str(4096 * 64) in lines
    assert "virtio0" in lines


@needs_e2fsprogs
def test_a_file_system_keeps_200_mib_and_both_sides_agree(boot, with_virtio, tmp_path):
    disk, source, found = (tmp_path / name for name in ("disk", "source", "found"))
    source.write_bytes(os.urandom(MiB) * 200)
    disk.touch()
    os.truncate(disk, 300 * MiB)
    subprocess.run([MKE2FS, "-q", "-t", "ext4", disk], check=True)
    script = (
        "cat /sys/block/vda/serial /sys/block/vdb/ro; mount -t ext4 /dev/vda /mnt && dd if=/dev/vdb of=/mnt/file bs=1M;"
        "sync; echo 3 >/proc/sys/vm/drop_caches; cmp /mnt/file /dev/vdb && echo the same; umount /mnt; poweroff -f"
    )
    outcome, output = boot(with_virtio, f"mkdir /mnt; {script}", disks=(f"{disk},serial=one", f"{source},ro"), vcpus=2)
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "one\r\n1\r\n" in output or "one\n1\n" in output, output
    assert "the same" in output, output
    subprocess.run([DEBUGFS, "-R", f"dump /file {found}", disk], check=True, stderr=subprocess.DEVNULL)
    assert found.read_bytes() == source.read_bytes()


def test_a_disk_that_fails_is_an_error_of_the_programs_and_the_guest_goes_on(boot, with_virtio, tmp_path):
    disk, words = tmp_path / "disk", []
    disk.write_bytes(bytes(MiB))
    script = (
        "dd if=/dev/zero of=/dev/vda bs=4096 count=4 conv=fsync && echo written;"
        "dd if=/dev/zero of=/dev/vdb bs=4096 count=1 conv=fsync || echo refused; poweroff -f"
    )
    outcome, output = boot(with_virtio, script, disks=(f"{disk},overlay", f"{disk},ro"), warn=words.append)
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "written" in output
    assert "refused" in output
