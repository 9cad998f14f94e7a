"""A network over a tap beside QEMU's microvm: same kernel, same initramfs, same tap. Throughput, latency, exits, CPU.

Streams go between the guest and this process; latency is that of ICMP echo requests, which the guest's kernel answers.
Host CPU is the process's, without its guest's; with vhost the kernel's part is not in it. Ratios are of the same round.
scripts/bench net calls it on a KVM that boots Linux.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench import row
from linux_boot import MICROVM, Exits
from virtio_disk import MODULES, WORDS, cpu_of

from vmm.boot import cpio
from vmm.control.linux import source

HOST, GUEST, TAP = "10.9.0.1", "10.9.0.2", "bench0"
STREAM = 24 << 20
ECHOES = 150
MORE_EXITS = 0.05
"""That a request may take: a timer of the guest's, now and then."""
INIT = f"""#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod /modules/$module; done </modules/order
ip addr add {GUEST}/24 dev eth0
ip link set eth0 up
echo up
nc {HOST} 7001 </dev/null >/dev/null
dd if=/dev/zero bs=64k count={STREAM >> 16} 2>/dev/null | nc {HOST} 7002
sleep 60
"""


class Figures(NamedTuple):
    """Of one workload: of each MiB, or of each echo."""

    seconds: float
    exits: float
    cpu: float


def commands(kernel: str, initramfs: str) -> dict[str, list[str]]:
    """How each is started; "vmm" is the first, and what the others are held against."""
    ours = [sys.executable, "-m", "vmm", "run", kernel, "--initrd", initramfs, "-m", "256M", "--append", WORDS,
            "--net", f"tap={TAP}"]  # fmt: skip
    qemu = ["qemu-system-x86_64", "-M", MICROVM, "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", kernel, "-initrd",
            initramfs, "-append", WORDS, "-global", "virtio-mmio.force-legacy=false",
            "-device", "virtio-net-device,netdev=n"]  # fmt: skip
    tap = f"tap,id=n,ifname={TAP},script=no,downscript=no"
    return {
        "vmm": ours, "vmm, pci": [*ours, "--virtio", "pci"], "QEMU": [*qemu, "-netdev", tap],
        "QEMU, vhost": [*qemu, "-netdev", f"{tap},vhost=on"],
    }  # fmt: skip


def echo(count: int) -> list[float]:
    """Seconds until each of `count` echo requests was answered."""
    took = []
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(5)
        for number in range(count):
            message = struct.pack(">BBHHH", 8, 0, 0, 77, number)
            total = sum(struct.unpack(">4H", message))
            begin = time.perf_counter()
            raw.sendto(message[:2] + struct.pack(">H", ~(total + (total >> 16)) & 0xFFFF) + message[4:], (GUEST, 0))
            while raw.recv(200)[20:28:7] != bytes((0, number & 0xFF)):
                pass
            took.append(time.perf_counter() - begin)
    return took


def give(peer: socket.socket) -> None:
    """STREAM bytes, until the guest has them."""
    peer.sendall(bytes(STREAM))
    peer.shutdown(socket.SHUT_WR)
    peer.recv(1)


def take(peer: socket.socket) -> None:
    """All that the guest sends."""
    while peer.recv(1 << 20):
        pass


def run(command: list[str], exits: Exits) -> dict[str, Figures]:
    """The workloads, one after the other."""
    found = {}
    doors = [socket.create_server((HOST, port)) for port in (7001, 7002)]
    exits.begin()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for name, door, work in (("to the guest", doors[0], give), ("from the guest", doors[1], take)):
            door.settimeout(60)
            with door.accept()[0] as peer:
                peer.settimeout(60)
                before = time.perf_counter(), sum(exits.counts().values()), cpu_of(process.pid)
                work(peer)
                after = time.perf_counter(), sum(exits.counts().values()), cpu_of(process.pid)
            found[name] = Figures(*((end - start) / (STREAM >> 20) for start, end in zip(before, after, strict=True)))
        time.sleep(0.5)
        before_echo = sum(exits.counts().values()), cpu_of(process.pid)
        took = statistics.median(echo(ECHOES))
        found["an echo"] = Figures(
            took, (sum(exits.counts().values()) - before_echo[0]) / ECHOES,
            (cpu_of(process.pid) - before_echo[1]) / ECHOES,
        )  # fmt: skip
    finally:
        exits.end()
        process.kill()
        process.wait()
        for door in doors:
            door.close()
    return found


def main() -> int:
    """Prints the table; 1 when something is over its limit and --strict was given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit is broken")
    arguments = parser.parse_args()
    kernel, base = source.fetch("cloud", MODULES)
    exits, over = Exits(), 0
    for words in (f"tuntap add {TAP} mode tap", f"addr add {HOST}/24 dev {TAP}", f"link set {TAP} up"):
        subprocess.run(["ip", *words.split()], check=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            initramfs = os.path.join(folder, "initramfs")
            with open(initramfs, "wb") as file:
                file.write(Path(base).read_bytes())
                file.writelines(cpio.pack([cpio.file("init", INIT.encode(), 0o755)]))
            monitors = commands(kernel, initramfs)
            rounds = [{name: run(each, exits) for name, each in monitors.items()} for _ in range(arguments.rounds)]
    finally:
        subprocess.run(["ip", "link", "delete", TAP], check=False)
    print(f"{'a MiB, or an echo, takes':32}{'time':>10}{'exits':>8}{'host CPU':>10}")
    for workload in rounds[0]["vmm"]:
        for name in monitors:
            seen = [each[name][workload] for each in rounds]
            took, made, busy = (statistics.median(column) for column in zip(*seen, strict=True))
            print(f"  {workload + ', ' + name:30}{took * 1e6:8.0f}us{made:8.2f}{busy * 1e6:8.0f}us")
    for workload in rounds[0]["vmm"]:
        pairs = [(each["vmm"][workload], each["QEMU"][workload]) for each in rounds]
        took = statistics.median(ours.seconds / theirs.seconds for ours, theirs in pairs)
        made = max(ours.exits - theirs.exits for ours, theirs in pairs)
        row(workload, f"x{took:.2f}", "x1 of QEMU's time", took <= 1, "")
        row(f"{workload}, exits", f"{made:+.2f}", "not more than QEMU's", made <= MORE_EXITS, "")
        over += (took > 1) + (made > MORE_EXITS)
    return int(bool(over and arguments.strict))


if __name__ == "__main__":
    sys.exit(main())
