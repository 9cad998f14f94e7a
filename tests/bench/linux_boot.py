"""A Linux boot beside QEMU's microvm and, where $VMM_KVMTOOL names its program, kvmtool: same kernel, initramfs, words.

Times from the start of the process to the initramfs's first line, exits to user space until then, and the private
memory of the process beyond the guest's. Medians of rounds in which each has its turn. Needs a KVM with Linux:
scripts/lab .venv/bin/python tests/bench/linux_boot.py. Exits are counted by the kernel's tracepoint, if it has one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vmm.boot import cpio
from vmm.control.linux import source

ROOT = Path(__file__).resolve().parents[2]
FIRST = b"first line of the initramfs"
INIT = f"#!/bin/sh\necho {FIRST.decode()}\nsleep 3\nport 244 0\npoweroff -f\n"
MEMORY = 256
WORDS = "console=ttyS0 reboot=k panic=-1"
EVENT = Path("/sys/kernel/tracing/events/kvm/kvm_userspace_exit")
MOST_OF_A_PROCESS = 64 << 20
"""A mapping that is larger is the guest's memory."""
LIMIT = 240.0


def commands(kernel: str, initramfs: str, words: str) -> dict[str, list[str]]:
    """How each monitor is told to boot."""
    found = {
        "vmm": [
            str(ROOT / ".venv/bin/vmm"), "run", kernel, "--initrd", initramfs, "-m", f"{MEMORY}M", "--append", words,
        ],
        "qemu": [
            "qemu-system-x86_64", "-M", "microvm", "-accel", "kvm", "-cpu", "host", "-m", str(MEMORY), "-nodefaults",
            "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio", "-device",
            "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel, "-initrd", initramfs, "-append", words,
        ],
    }  # fmt: skip
    kvmtool = os.environ.get("VMM_KVMTOOL")
    if kvmtool:
        found["kvmtool"] = [kvmtool, "run", "-k", kernel, "-i", initramfs, "-p", words, "-m", str(MEMORY), "-c", "1",
                            "--console", "serial"]  # fmt: skip
    return {name: command for name, command in found.items() if shutil.which(command[0])}


class Exits:
    """The kernel's count of exits to user space, by KVM's name of the reason."""

    def __init__(self) -> None:
        self.is_there = os.access(EVENT / "trigger", os.W_OK)

    def begin(self) -> None:
        if self.is_there:
            self.end()
            (EVENT / "trigger").write_text("hist:keys=reason\n")

    def end(self) -> None:
        if self.is_there and (EVENT / "trigger").read_text().startswith("hist"):
            (EVENT / "trigger").write_text("!hist:keys=reason\n")

    def counts(self) -> dict[int, int]:
        """So far, by KVM_EXIT_ number."""
        if not self.is_there:
            return {}
        lines = [line for line in (EVENT / "hist").read_text().splitlines() if line.startswith("{ reason:")]
        return {int(line.split()[2]): int(line.split("hitcount:")[1].split()[0]) for line in lines}


def private_memory(pid: int) -> int:
    """Bytes of a process that nobody shares, without the guest's memory."""
    total, is_guest = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if name == "Size:":
            is_guest = int(rest[0]) << 10 > MOST_OF_A_PROCESS
        elif name in ("Private_Clean:", "Private_Dirty:") and not is_guest:
            total += int(rest[0]) << 10
    return total


def boot(command: list[str], exits: Exits) -> tuple[float, dict[int, int], int]:
    """(seconds to the first line, exits until then, private memory then)."""
    exits.begin()
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = b""
    try:
        while FIRST not in said:
            piece = os.read(process.stdout.fileno(), 1 << 16)
            said += piece
            if not piece or time.monotonic() - start > LIMIT:
                raise SystemExit(f"bench: {command[0]} did not get there:\n{said[-2000:].decode(errors='replace')}")
        took = time.monotonic() - start
        return took, exits.counts(), private_memory(process.pid)
    finally:
        exits.end()
        process.kill()
        process.wait()


def main() -> None:
    """Prints a table for each way of booting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    kernel, base = source.fetch()
    exits = Exits()
    with tempfile.TemporaryDirectory() as folder:
        initramfs = os.path.join(folder, "initramfs")
        with open(initramfs, "wb") as file:
            file.write(Path(base).read_bytes())
            file.writelines(cpio.pack([cpio.file("init", INIT.encode(), 0o755)]))
        for title, words in (("quiet", f"{WORDS} quiet"), ("verbose", WORDS)):
            runs: dict[str, list[tuple[float, dict[int, int], int]]] = {}
            for turn in range(rounds + 1):
                for name, command in commands(kernel, initramfs, words).items():
                    seen = boot(command, exits)
                    if turn:  # the first round fills caches
                        runs.setdefault(name, []).append(seen)
                        sys.stderr.write(f"{title} {name}: {seen[0]:.2f} s\n")
            report(title, runs)


def report(title: str, runs: dict[str, list[tuple[float, dict[int, int], int]]]) -> None:
    """One line for each monitor."""
    print(f"{title:10}{'seconds':>9}{'port':>9}{'MMIO':>9}{'all exits':>11}{'private MiB':>13}")
    for name, seen in runs.items():
        seconds = statistics.median(took for took, _, _ in seen)
        ports, mmio = (statistics.median(counts.get(reason, 0) for _, counts, _ in seen) for reason in (2, 6))
        total = statistics.median(sum(counts.values()) for _, counts, _ in seen)
        memory = statistics.median(memory for _, _, memory in seen) / (1 << 20)
        print(f"  {name:8}{seconds:9.2f}{ports:9,.0f}{mmio:9,.0f}{total:11,.0f}{memory:13.1f}")
    if "qemu" in runs:
        ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in zip(runs["vmm"], runs["qemu"], strict=True))
        print(f"  vmm takes {ratio:.2f} of QEMU's time")


if __name__ == "__main__":
    main()
