"""Debian's driver and disks in other products' formats, by qemu-storage-daemon."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from vmm.machine.disk_options import FORMATS
from vmm.units import MiB

MKE2FS = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(
    not (MKE2FS and shutil.which("qemu-storage-daemon") and shutil.which("qemu-img")),
    reason="needs mke2fs, qemu-storage-daemon and qemu-img: apt install e2fsprogs qemu-utils",
)

ENDINGS = ["vmdk", "vdi", "vhdx", "qcow2", "vhd", "img"]
FULL = os.environ.get("VMM_LINUX_MATRIX") == "full"
"""Each of them boots; else one, from which the others are mounted."""


@pytest.fixture(scope="module")
def root(tmp_path_factory, with_virtio) -> Path:
    """A root file system in an ext4 image: busybox and a script."""
    folder = tmp_path_factory.mktemp("root")
    tree, image = folder / "tree", folder / "root.img"
    for name in ("bin", "sbin", "dev", "proc", "sys", "other"):
        (tree / name).mkdir(parents=True)
    with open(with_virtio.initramfs, "rb") as archive:
        subprocess.run(["cpio", "-i", "--quiet", "-d", "bin/busybox"], cwd=tree, stdin=archive, check=False)
    os.symlink("busybox", tree / "bin/sh")
    (tree / "content").write_bytes(os.urandom(MiB))
    init = tree / "sbin/init"
    init.write_text(INIT)
    init.chmod(0o755)
    subprocess.run([MKE2FS, "-q", "-t", "ext4", "-d", tree, image, "16M"], check=True)
    return image


INIT = """#!/bin/sh
grep ' / ' /proc/mounts
busybox md5sum /content; echo again >/said
for disk in vdb vdc vdd vde vdf; do
  busybox mount -t ext4 /dev/$disk /other && busybox md5sum /other/content
  echo again >/other/said; busybox umount /other
done
busybox poweroff -f
"""


@pytest.mark.parametrize("first", range(len(ENDINGS)) if FULL else [0])
def test_the_same_root_file_system_in_every_format(boot, with_virtio, root, tmp_path, first):
    endings = ENDINGS[first:] + ENDINGS[:first]
    disks = [tmp_path / f"disk.{ending}" for ending in endings]
    for disk in disks:
        subprocess.run(["qemu-img", "convert", "-O", FORMATS.get(disk.suffix[1:], "raw"), root, disk], check=True)
    outcome, output = boot(with_virtio, None, words="quiet root=/dev/vda rw", disks=tuple(map(str, disks)))
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "/dev/vda / ext4 rw" in output.replace("/dev/root", "/dev/vda"), output
    content = hashlib.md5((root.parent / "tree/content").read_bytes()).hexdigest()
    assert output.count(content) == len(disks), output
    for disk in disks:
        subprocess.run(["qemu-img", "convert", "-O", "raw", disk, tmp_path / "back"], check=True)
        assert b"again\n" in (tmp_path / "back").read_bytes(), disk


@pytest.fixture
def small(tmp_path):
    """A file system of 16 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M", "small", place], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs, as root has in scripts/lab")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_host_and_a_killed_engine_are_errors_of_programs_and_the_guest_goes_on(
    boot, with_virtio, tmp_path, small
):
    raw, full, disk, words = small / "disk.img", small / "disk.qcow2", tmp_path / "disk.qcow2", []
    raw.touch()
    os.truncate(raw, 64 * MiB)
    for image in (full, disk):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"], check=True)

    def heard(said: bytes) -> None:
        console.append(said)
        if b"all flushed" in b"".join(console)[-40:]:
            os.kill(engine(disk), signal.SIGKILL)

    console: list[bytes] = []
    script = (
        "dd if=/dev/urandom of=/kept bs=64k count=32 2>/dev/null; md5sum /kept;"
        "for disk in vda vdb vdc; do dd if=/kept of=/dev/$disk bs=64k conv=fsync 2>/dev/null; done; echo all flushed;"
        "sleep 1; for disk in vda vdb vdc; do"
        "  dd if=/dev/zero of=/dev/$disk bs=1M count=20 seek=4 conv=fsync 2>/dev/null || echo $disk refused; done;"
        "echo 3 >/proc/sys/vm/drop_caches; for disk in vda vdb vdc; do dd if=/dev/$disk bs=64k count=32 | md5sum; done;"
        "poweroff -f"
    )
    outcome, _ = boot(with_virtio, script, disks=(str(raw), str(full), str(disk)), warn=words.append, console=heard)
    output = b"".join(console).decode(errors="replace")
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    for name in ("vda", "vdb", "vdc"):
        assert f"{name} refused" in output, output
    content = output.partition("  /kept")[0].split()[-1]
    assert output.count(content) == 3, output  # and of the third disk nothing can be read
    for start in (
        f"virtio-blk0: {raw}: cannot write",
        f"virtio-blk1: {full}: qemu-storage-daemon answers a request with an error: ",
        "virtio-blk2: qemu-storage-daemon has ended: signal 9; its disk answers with errors",
    ):
        assert any(start in word for word in words), words
    assert any("No space left" in word for word in words), words
    assert any("bytes are free in its file system" in word for word in words), words
    assert hashlib.md5(raw.read_bytes()[: 2 * MiB]).hexdigest() == content
    for image in (full, disk):
        subprocess.run(["qemu-img", "convert", "-O", "raw", image, tmp_path / "back"], check=True)
        assert hashlib.md5((tmp_path / "back").read_bytes()[: 2 * MiB]).hexdigest() == content


def engine(disk: Path) -> int:
    """The number of the qemu-storage-daemon that this process has started for a disk."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        words = stat.read_text().rpartition(")")[2].split()
        if int(words[1]) == os.getpid() and os.fsencode(disk) in (stat.parent / "cmdline").read_bytes():
            return int(stat.parent.name)
    raise AssertionError(f"no engine for {disk}")
