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


def test_an_engine_that_is_killed_is_an_error_of_the_programs_and_the_guest_goes_on(boot, with_virtio, tmp_path):
    disk, words = tmp_path / "disk.qcow2", []
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"], check=True)

    def heard(said: bytes) -> None:
        console.append(said)
        if b"flushed" in b"".join(console)[-20:]:
            (engine,) = engines()
            os.kill(engine, signal.SIGKILL)

    console: list[bytes] = []
    script = (
        "printf kept | dd of=/dev/vda conv=fsync 2>/dev/null && echo flushed; sleep 1;"
        "dd if=/dev/zero of=/dev/vda bs=1M count=4 seek=8 conv=fsync || echo refused; poweroff -f"
    )
    outcome, _ = boot(with_virtio, script, disks=(str(disk),), warn=words.append, console=heard)
    output = b"".join(console).decode(errors="replace")
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert "refused" in output, output
    assert any("qemu-storage-daemon has ended: signal 9; its disk answers with errors" in word for word in words), words
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk, tmp_path / "back"], check=True)
    assert (tmp_path / "back").read_bytes()[:4] == b"kept"


def engines() -> list[int]:
    """Numbers of qemu-storage-daemons that this process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        words = stat.read_text().rpartition(")")[2].split()
        if int(words[1]) == os.getpid() and b"qemu-storage-daemon" in (stat.parent / "cmdline").read_bytes():
            found.append(int(stat.parent.name))
    return found
