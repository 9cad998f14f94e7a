"""A booted Linux, two vCPUs and a pipeline that runs: its children, and one whose memory a page server has.

Eight children; a hundred with VMM_LINUX_MATRIX=full.
"""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest
from served import Server

from vmm import Machine
from vmm.boot import cpio

pytestmark = pytest.mark.timeout(300)
CHILDREN = 100 if os.environ.get("VMM_LINUX_MATRIX") == "full" else 8
AT_ONCE = 4
DEADLINE = 240.0
INIT = """#!/bin/sh
mkdir -p /proc /dev; mount -t proc none /proc; mount -t devtmpfs none /dev
exec 3>/tmp/log
(i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done) | while read n; do echo $n >>/tmp/counted; done &
until [ -s /tmp/counted ]; do sleep 0.1; done
echo ready
while read -r line; do
  echo "$line" >&3; cp /tmp/counted /tmp/seen; cp /tmp/counted "/tmp/$line"
  [ "$(wc -l </tmp/seen)" -eq "$(tail -n 1 /tmp/seen)" ] && whole=whole || whole=broken
  echo "answer: $(tr '\\n' ' ' </tmp/log)| $(ls /tmp | grep -c told) | $whole | $(grep -c ^processor /proc/cpuinfo)."
done
"""
"""Notes what it is told in a file that stays open and in one of that name; the pipeline's count must have no gap."""


class Told:
    """A machine with such a guest, and what that answers."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._said, self._news = b"", threading.Condition()
        machine.listen("com1", self._hear)

    def _hear(self, data: bytes) -> None:
        with self._news:
            self._said += data
            self._news.notify()

    def wait_for(self, words: bytes) -> bytes:
        """The last line that begins so, once it is whole; what was said before is forgotten."""
        end = time.monotonic() + DEADLINE
        with self._news:
            while not (found := re.findall(rb"^%s.*?$" % re.escape(words), self._said, re.MULTILINE)) or not (
                self._said.rpartition(words)[2].count(b"\n")
            ):
                assert self._news.wait(end - time.monotonic()), self._said[-500:]
                assert self.machine.outcome is None, (self.machine.outcome, self._said[-500:])
            self._said = b""
        return found[-1].strip()

    def tell(self, *names: str) -> None:
        for name in names:
            self.machine.feed(f"{name}\n".encode())

    def expect(self, *names: str) -> None:
        """That it was told these names, all in all, and nothing else."""
        answer = self.wait_for(b"answer: ").decode()
        assert answer == f"answer: {' '.join(names)} | {len(names)} | whole | 2."


@pytest.fixture(scope="module")
def shell(kernels, tmp_path_factory):
    """(a machine that stands still with a shell that waits, the path of its snapshot)"""
    kernel, folder = kernels["cloud"], tmp_path_factory.mktemp("shell")
    initramfs = folder / "initramfs"
    with open(initramfs, "wb") as file:
        file.write(Path(kernel.initramfs).read_bytes())
        file.writelines(cpio.pack([cpio.file("init", INIT.encode(), 0o755)]))
    with Machine(
        image=kernel.image, modules=(str(initramfs),), command_line="+quiet", vcpus=2, memory="256M"
    ) as machine:
        told = Told(machine)
        machine.start()
        told.wait_for(b"ready")
        machine.stop()
        machine.wait()
        machine.snapshot(str(folder / "shell.snap"))
        yield machine, str(folder / "shell.snap")


def test_each_child_goes_its_own_way_and_sees_nobody_elses_writes(shell):
    master, _ = shell
    began = time.monotonic()
    for first in range(0, CHILDREN, AT_ONCE):
        names = [f"told-{number}" for number in range(first, min(first + AT_ONCE, CHILDREN))]
        children = [Told(master.fork(identity=True)) for _ in names]
        try:
            for child, name in zip(children, names, strict=True):
                child.machine.start()
                child.tell(name)
            for child, name in zip(children, names, strict=True):
                child.expect(name)
            for child, name in zip(children, names, strict=True):
                child.tell(f"{name}-again")
                child.expect(name, f"{name}-again")
            memories = []
            for child in children:
                child.machine.stop()
                assert child.machine.wait(DEADLINE).kind == "stopped"
                memories.append(hash(child.machine.memory.read(40 << 20, 8 << 20)))  # what the kernel counts is there
            assert len(set(memories)) == len(memories)
        finally:
            for child in children:
                child.machine.close()
    print(f"{CHILDREN} children, {AT_ONCE} at a time, in {time.monotonic() - began:.1f} s")
    with master.fork() as last:
        told = Told(last)
        last.start()
        told.tell("told-last")
        told.expect("told-last")


def test_it_runs_on_while_its_memory_comes_from_a_page_server(shell, tmp_path):
    _, path = shell
    place = f"unix:{tmp_path / 'pages'}"
    Server(path, place)
    began = time.monotonic()
    with Machine.restore_from(place) as machine:
        told = Told(machine)
        machine.start()
        told.tell("told-there")
        told.expect("told-there")
        print(f"restored over a socket, answered after {time.monotonic() - began:.2f} s")
        assert machine.memory.mappings  # all of it came
        told.tell("told-again")
        told.expect("told-there", "told-again")
