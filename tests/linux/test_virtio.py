"""Debian's drivers and our virtio devices."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess

import pytest

from vmm.units import MiB

MKE2FS, DEBUGFS = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") for name in ("mke2fs", "debugfs"))
needs_e2fsprogs = pytest.mark.skipif(not (MKE2FS and DEBUGFS), reason="needs mke2fs and debugfs: apt install e2fsprogs")


@pytest.mark.parametrize(
    ("irqchip", "virtio"), [("kernel", "mmio"), ("split", "mmio"), ("kernel", "pci"), ("split", "pci")]
)
def test_random_bytes(boot, with_virtio, irqchip, virtio):
    script = (
        "cat /sys/class/misc/hw_random/rng_current; dd if=/dev/hwrng bs=64 count=64 | wc -c;"
        "grep virtio0 /proc/interrupts; poweroff -f"
    )
    outcome, output = boot(with_virtio, script, rng=True, irqchip=irqchip, virtio=virtio)
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "virtio_rng.0" in output.split()
    assert str(64 * 64) in output.split()
    assert ("MSI" if virtio == "pci" else "IO-APIC") in output


@needs_e2fsprogs
@pytest.mark.parametrize(("virtio", "size"), [("mmio", 200), ("pci", 20)])
def test_a_file_system_keeps_what_was_synced_and_both_sides_agree(boot, with_virtio, tmp_path, virtio, size):
    disk, source, found = (tmp_path / name for name in ("disk", "source", "found"))
    source.write_bytes(os.urandom(MiB) * size)
    disk.touch()
    os.truncate(disk, (size + 60) * MiB)
    subprocess.run([MKE2FS, "-q", "-t", "ext4", disk], check=True)
    script = (
        "echo serial $(cat /sys/block/vda/serial) read-only $(cat /sys/block/vdb/ro);"
        "mkdir /mnt; mount -t ext4 /dev/vda /mnt && dd if=/dev/vdb of=/mnt/file bs=1M;"
        "sync; echo 3 >/proc/sys/vm/drop_caches; md5sum /mnt/file; umount /mnt; poweroff -f"
    )
    outcome, output = boot(with_virtio, script, vcpus=2, virtio=virtio,
                           disks=(f"{disk},serial=one,queues=2", f"{source},ro"))  # fmt: skip
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "serial one read-only 1" in output, output
    assert hashlib.md5(source.read_bytes()).hexdigest() in output, output
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
