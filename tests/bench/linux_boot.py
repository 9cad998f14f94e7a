"""A Linux boot beside QEMU's microvm and, where $VMM_KVMTOOL names its program, kvmtool: same kernel, initramfs, words.

Times from the start of the process to the initramfs's first line, exits to user space until then, and the private
memory of the process beyond the guest's, as medians of rounds in which each has its turn; ratios are of the same round.
Exits of all three are counted by the kernel's tracepoint kvm_userspace_exit, without which they are not judged.
scripts/bench linux calls it on a KVM that boots Linux.
"""

from __future__ import annotations

import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench import parser_of, row

from vmm.boot import cpio
from vmm.control.linux import source

ROOT = Path(__file__).resolve().parents[2]
FIRST = b"first line of the initramfs"
INIT = f"#!/bin/sh\necho {FIRST.decode()}\nsleep 3\nport 244 0\npoweroff -f\n"
MEMORY = 256
WORDS = "console=ttyS0 reboot=k panic=-1"
MICROVM = "microvm,rtc=on,pit=off,pic=off,ioapic2=off,kernel-irqchip=on"
"""Its fewest exits and its shortest time. Without its clock chip a kernel polls for one: two seconds, 40,000 exits."""
EVENT = Path("/sys/kernel/tracing/events/kvm/kvm_userspace_exit")
IO, MMIO = 2, 6
"""KVM_EXIT_ numbers."""
MOST_OF_A_PROCESS = 64 << 20
"""A mapping that is larger is the guest's memory."""
MOST_PRIVATE = 20.0
"""MiB; the limit of the project."""
PATIENCE = 60.0
"""Seconds for one boot."""


class Boot(NamedTuple):
    """What one boot took."""

    seconds: float
    exits: dict[int, int]
    private: float


def commands(kernel: str, initramfs: str, words: str) -> dict[str, list[str]]:
    """How each monitor is told to boot. kvmtool adds words of its own: noapic noacpi earlyprintk=serial and more."""
    found = {
        "vmm": [
            str(ROOT / ".venv/bin/vmm"), "run", kernel, "--initrd", initramfs, "-m", f"{MEMORY}M", "--append", words,
        ],
        "QEMU": [
            "qemu-system-x86_64", "-M", MICROVM, "-accel", "kvm", "-cpu", "host", "-m", str(MEMORY), "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", kernel, "-initrd",
            initramfs, "-append", words,
        ],
        "kvmtool": [
            os.environ.get("VMM_KVMTOOL", "lkvm"), "run", "-k", kernel, "-i", initramfs, "-p", words, "-m", str(MEMORY),
            "-c", "1", "--console", "serial",
        ],
    }  # fmt: skip
    return {name: command for name, command in found.items() if shutil.which(command[0])}


class Exits:
    """The kernel's count of exits to user space, of whoever runs guests here."""

    def __init__(self) -> None:
        self.is_there = os.access(EVENT / "trigger", os.W_OK)

    def begin(self) -> None:
        """From zero."""
        self.end()
        if self.is_there:
            (EVENT / "trigger").write_text("hist:keys=reason\n")

    def end(self) -> None:
        """Counts no more."""
        if self.is_there and (EVENT / "trigger").read_text().startswith("hist"):
            (EVENT / "trigger").write_text("!hist:keys=reason\n")

    def counts(self) -> dict[int, int]:
        """So far, by KVM_EXIT_ number."""
        if not self.is_there:
            return {}
        lines = [line for line in (EVENT / "hist").read_text().splitlines() if line.startswith("{ reason:")]
        return {int(line.split()[2]): int(line.split("hitcount:")[1].split()[0]) for line in lines}


def private_memory(pid: int) -> float:
    """MiB of a process that it shares with nobody, without the guest's memory."""
    total, is_guest = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if name == "Size:":
            is_guest = int(rest[0]) << 10 > MOST_OF_A_PROCESS
        elif name in ("Private_Clean:", "Private_Dirty:") and not is_guest:
            total += int(rest[0])
    return total / 1024


def boot(command: list[str], exits: Exits) -> Boot | None:
    """One boot up to the first line; None, with its last words on stderr, when that did not come."""
    exits.begin()
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None  # a silent pipe for stdin: kvmtool takes the end of a file for keys without end
    said, output = b"", process.stdout.fileno()
    try:
        while FIRST not in said:
            left = start + PATIENCE - time.monotonic()
            is_ready = left > 0 and select.select([output], [], [], left)[0]
            piece = os.read(output, 1 << 16) if is_ready else b""
            said += piece
            if not piece:
                words = said[-300:].decode(errors="replace")
                sys.stderr.write(f"bench: {command[0]} did not get to the first line:\n{words}\n")
                return None
        took = time.monotonic() - start
        return Boot(took, exits.counts(), private_memory(process.pid))
    finally:
        exits.end()
        process.kill()
        process.wait()


def main() -> int:
    """Prints a table for each way of booting; 1 when one is over its limit and --strict was given."""
    arguments = parser_of(__doc__, 3).parse_args()
    kernel, base = source.fetch()
    exits, over = Exits(), 0
    with tempfile.TemporaryDirectory() as folder:
        initramfs = os.path.join(folder, "initramfs")
        with open(initramfs, "wb") as file:
            file.write(Path(base).read_bytes())
            file.writelines(cpio.pack([cpio.file("init", INIT.encode(), 0o755)]))
        for title, words in (("quiet", f"{WORDS} quiet"), ("verbose", WORDS)):
            monitors = commands(kernel, initramfs, words)
            rounds: list[dict[str, Boot]] = []
            for _ in range(arguments.rounds + 1):
                seen = {name: boot(command, exits) for name, command in monitors.items()}
                rounds.append({name: one for name, one in seen.items() if one is not None})
            report(title, list(monitors), rounds[1:])  # the first round fills caches
            over += judge(title, rounds[1:])
    return int(bool(over and arguments.strict))


def report(title: str, names: list[str], rounds: list[dict[str, Boot]]) -> None:
    """One line for each monitor: the medians of the boots that got there."""
    print(f"{title:10}{'boots':>6}{'seconds':>18}{'port':>9}{'MMIO':>9}{'all exits':>11}{'private MiB':>13}")
    for name in names:
        seen = [each[name] for each in rounds if name in each]
        if seen:
            seconds = [one.seconds for one in seen]
            spread = f"{statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})"
            ports, mmio = (statistics.median(one.exits.get(reason, 0) for one in seen) for reason in (IO, MMIO))
            total = statistics.median(sum(one.exits.values()) for one in seen)
            memory = statistics.median(one.private for one in seen)
            print(f"  {name:8}{len(seen):6}{spread:>18}{ports:9,.0f}{mmio:9,.0f}{total:11,.0f}{memory:13.1f}")
        else:
            print(f"  {name:8}{0:6}")


def judge(title: str, rounds: list[dict[str, Boot]]) -> int:
    """Beside the limits: how many are broken. Only rounds count in which somebody else got there, too."""
    pairs = [(each["vmm"], [one for name, one in each.items() if name != "vmm"]) for each in rounds if "vmm" in each]
    pairs = [(ours, theirs) for ours, theirs in pairs if theirs]
    if not pairs:
        row(f"Linux, {title}", "-", "one of each", False, "no round in which vmm and another got to the first line")
        return 1
    time_ratio = statistics.median(ours.seconds / min(one.seconds for one in theirs) for ours, theirs in pairs)
    memory = statistics.median(ours.private for ours, _ in pairs)
    row(f"{title}, to the first line", f"x{time_ratio:.2f}", "x1 of the faster", time_ratio <= 1, "")
    over = int(time_ratio > 1)
    if all(ours.exits for ours, _ in pairs):
        exits_ratio = statistics.median(
            sum(ours.exits.values()) / min(sum(one.exits.values()) for one in theirs) for ours, theirs in pairs
        )
        row(f"{title}, exits to user space", f"x{exits_ratio:.2f}", "x1 of the fewer", exits_ratio <= 1, "")
        over += exits_ratio > 1
    row(f"{title}, private memory", f"{memory:.1f} MiB", f"{MOST_PRIVATE:.0f} MiB", memory <= MOST_PRIVATE, "")
    return over + (memory > MOST_PRIVATE)


if __name__ == "__main__":
    sys.exit(main())
