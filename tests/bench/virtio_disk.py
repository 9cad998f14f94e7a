"""Block I/O beside QEMU's microvm: same kernel, same initramfs, same file. Throughput, exits and host CPU per request.

Times are the shortest of all rounds: what else the host does comes and goes, and makes none shorter. Port and MMIO
exits are counted by the tracepoint kvm_userspace_exit; what ends KVM_RUN by a signal is not, for it comes with time and
not with requests. CPU time is the process's without that of the guest.
scripts/bench virtio calls it on a KVM that boots Linux.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import NamedTuple

from bench import parser_of, row
from linux_boot import IO, MICROVM, MMIO, Exits

from vmm.boot import cpio
from vmm.control.linux import source

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODULES = tuple((HERE.parent / "linux/virtio-modules").read_text().split())
WORDS = "console=ttyS0 reboot=k panic=-1 quiet"
SIZE = 64 << 20
WORKLOADS = {
    "sequential read": ("read", "sequential", 128 << 10, 256, 1),
    "sequential write": ("write", "sequential", 128 << 10, 256, 1),
    "random read": ("read", "random", 4096, 500, 1),
    "random write": ("write", "random", 4096, 500, 1),
    "random read, 8 at once": ("read", "random", 4096, 1000, 8),
}
"""(direction, order, bytes of a block, how many, how many at once)."""
TIMES = 3
"""Each is done so often in a boot: the shortest counts, for what else the host does comes and goes."""


class Figures(NamedTuple):
    """Of one workload, for each request."""

    seconds: float
    exits: float
    cpu: float


def init() -> str:
    """The guest's first program: each workload between two lines, far enough apart for the host to look."""
    lines = ["#!/bin/sh", "mount -t proc proc /proc", "mount -t devtmpfs dev /dev"]
    lines += ["while read -r module; do insmod /modules/$module; done </modules/order"]
    for name, (direction, order, block, count, depth) in WORKLOADS.items():
        lines += [f"echo begin {name}; sleep 0.3", f"for i in $(seq {TIMES}); do"]
        lines += [f'echo "took $(io /dev/vda {direction} {order} {block} {count} {depth})"', "done"]
        lines += ["sleep 0.3", "echo end"]
    return "\n".join([*lines, "echo all done", "sleep 9", "poweroff -f"]) + "\n"


def commands(kernel: str, initramfs: str, disk: str) -> dict[str, list[str]]:
    """How each is started; "vmm" is the first, and what the others are held against."""
    ours = [sys.executable, "-m", "vmm", "run", kernel, "--initrd", initramfs, "-m", "256M", "--append", WORDS,
            "--disk", disk]  # fmt: skip
    qemu = ["qemu-system-x86_64", "-M", MICROVM, "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", kernel, "-initrd",
            initramfs, "-append", WORDS, "-drive", f"file={disk},if=none,id=d,format=raw",
            "-global", "virtio-mmio.force-legacy=false", "-device", "virtio-blk-device,drive=d"]  # fmt: skip
    return {"vmm": ours, "vmm, pci": [*ours, "--virtio", "pci"], "QEMU": qemu}


def cpu_of(pid: int) -> float:
    """Seconds that the process has had, without those in which its guest ran."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12]) - int(fields[40])) / os.sysconf("SC_CLK_TCK")


def accesses(exits: Exits) -> int:
    """Port and MMIO exits so far."""
    counts = exits.counts()
    return counts.get(IO, 0) + counts.get(MMIO, 0)


def run(command: list[str], exits: Exits) -> dict[str, Figures]:
    """The workloads that came to their end."""
    exits.begin()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    found: dict[str, Figures] = {}
    name, before, busy, took = "", 0, 0.0, 0
    try:
        for line in process.stdout:
            words = line.decode(errors="replace").strip()
            if words.startswith("begin "):
                name, before, busy, took = words[6:], accesses(exits), cpu_of(process.pid), 0
            elif words.startswith("took ") and words[5:].isdigit():
                took = min(took or int(words[5:]), int(words[5:]))
            elif words == "end" and took:
                count = WORKLOADS[name][3]
                spent, made = cpu_of(process.pid) - busy, accesses(exits) - before
                found[name] = Figures(took / 1e9 / count, made / count / TIMES, spent / count / TIMES)
            elif words == "all done":
                break
    finally:
        exits.end()
        process.kill()
        process.wait()
    return found


def main() -> int:
    """Prints the table; 1 when something is over its limit and --strict was given."""
    parser = parser_of(__doc__, 2)
    parser.add_argument("--only", default="", metavar="WORDS", help="workloads whose names have these words")
    arguments = parser.parse_args()
    for name in [name for name in WORKLOADS if arguments.only not in name]:
        del WORKLOADS[name]
    kernel, base = source.fetch("cloud", MODULES)
    exits, over = Exits(), 0
    with tempfile.TemporaryDirectory() as folder:
        program, initramfs, disk = (os.path.join(folder, name) for name in ("io", "initramfs", "disk"))
        subprocess.run(["gcc", "-O2", "-static", "-Wall", "-Werror", "-o", program, HERE / "io.c"], check=True)
        with open(initramfs, "wb") as file:
            file.write(Path(base).read_bytes())
            members = [
                cpio.file("init", init().encode(), 0o755),
                cpio.file("bin/io", Path(program).read_bytes(), 0o755),
            ]
            file.writelines(cpio.pack(members))
        Path(disk).write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
        monitors = commands(kernel, initramfs, disk)
        rounds = [{name: run(command, exits) for name, command in monitors.items()} for _ in range(arguments.rounds)]
    print(f"{'a request takes':32}{'MiB/s':>9}{'time':>10}{'exits':>8}{'host CPU':>10}")
    for workload, (_, _, block, _, _) in WORKLOADS.items():
        for name in monitors:
            seen = [each[name][workload] for each in rounds if workload in each[name]]
            if seen:
                took = min(each.seconds for each in seen)
                made, busy = (statistics.median(column) for column in list(zip(*seen, strict=True))[1:])
                rate = block / took / (1 << 20)
                print(f"  {workload + ', ' + name:30}{rate:9.1f}{took * 1e6:8.0f}us{made:8.2f}{busy * 1e6:8.0f}us")
    for workload, name in product(WORKLOADS, ("vmm", "vmm, pci")):
        pairs = [(each[name][workload], each["QEMU"][workload]) for each in rounds
                 if workload in each[name] and workload in each["QEMU"]]  # fmt: skip
        if pairs:
            ratios = sorted(ours.seconds / theirs.seconds for ours, theirs in pairs)
            time = min(ours.seconds for ours, _ in pairs) / min(theirs.seconds for _, theirs in pairs)
            spread = f"of one round x{ratios[0]:.2f} to x{ratios[-1]:.2f}"
            made = max(ours.exits - theirs.exits for ours, theirs in pairs)
            label = workload + name.removeprefix("vmm")
            row(label, f"x{time:.2f}", "x1 of QEMU's time", time <= 1, spread)
            row(f"{label}, exits", f"{made:+.2f}", "not more than QEMU's", made <= 0.05, "")
            over += (time > 1) + (made > 0.05)
    return int(bool(over and arguments.strict))


if __name__ == "__main__":
    sys.exit(main())
