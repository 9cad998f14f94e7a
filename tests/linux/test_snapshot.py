"""A booted Linux with open files, a running pipeline and two vCPUs: saved, and gone on with in another process."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from vmm import Machine
from vmm.control.linux import payload as init
from vmm.control.linux import tree

pytestmark = pytest.mark.timeout(300)
VMM = str(Path(__file__).parents[2] / ".venv/bin/vmm")
DEADLINE = 240.0
ENDS = ("debug-exit", "power-off")
"""QEMU's emulated CPU, as of 10.0, lets ring 3 at no port once its task register was loaded with the type that it has
(busy): the guest's last word by port 0xf4 is refused there after a restore, and it powers off without."""
LINES, ENDLESS, HALF, MORE = 60, 1_000_000, 30, 10
"""How many it counts, or until it is told that it is enough; after how many it is looked at; how many show that it goes
on."""
PIPELINE = """
exec 3>/tmp/log
(read word </dev/ttyS0; : >/tmp/enough) &
(j=0; while :; do j=$((j+1)); done) &
i=0
while [ $i -lt LINES ] && [ ! -e /tmp/enough ]; do
  i=$((i+1)); echo $i >&3; read up rest </proc/uptime; echo "$i $up"; sleep 0.02
done | while read said; do echo "line $said"; done | cat
echo "kept $(wc -l </tmp/log)"
echo "cpus $(grep -c ^processor /proc/cpuinfo)"
echo "complaints $(dmesg | grep -E 'lockup|marked unstable|self-detected stall|Oops|BUG:')."
"""
"""Counts through a pipe and into a file that stays open, with the other CPU busy."""


class Guest:
    """A machine that runs PIPELINE, stopped when HALF of its lines were said."""

    def __init__(self, kernel, lines: int = LINES) -> None:
        archive = tree.ArchiveFile("script")
        try:
            archive.add_members(init.members(["sh", "-c", PIPELINE.replace("LINES", str(lines))], init.NONE, None, ""))
            self.machine = Machine(
                image=kernel.image, modules=(kernel.initramfs, archive.path), command_line="+quiet", vcpus=2
            )
        finally:
            archive.close()
        self.is_there = threading.Event()
        self.said = b""
        self.machine.listen("com1", self._hear)

    def _hear(self, data: bytes) -> None:
        self.said += data
        if b"line %d " % HALF in self.said:
            self.is_there.set()

    def run_to_the_middle(self) -> None:
        self.machine.start(deadline=DEADLINE)
        while not self.is_there.wait(1.0):
            assert self.machine.outcome is None, (self.machine.outcome, self.said[-500:])


@pytest.fixture(scope="module")
def saved(kernels, tmp_path_factory):
    """(path of a snapshot of a machine that ran meanwhile and on, what was said before it, by it in the end)"""
    guest = Guest(kernels["cloud"])
    path = str(tmp_path_factory.mktemp("saved") / "linux.snap")
    with guest.machine as machine:
        began = time.monotonic()
        guest.run_to_the_middle()
        booted = time.monotonic() - began
        said = []
        machine.still(lambda: said.append(bytes(guest.said)) or machine.snapshot(path))
        assert machine.wait(DEADLINE).kind == "debug-exit"
        return path, said[0], machine.console_output, booted


def lines_of(said: bytes) -> list[tuple[int, float]]:
    return [(int(n), float(up)) for n, up in re.findall(rb"line (\d+) ([\d.]+)", said)]


def lines_said(said: bytes) -> int:
    """How many were whole."""
    return len(re.findall(rb"line \d+ [\d.]+\r?\n", said))


def assert_whole(said: bytes, lines: int = LINES) -> list[float]:
    """Nothing lost, repeated or reordered, no complaint of the kernel's; the times of the lines."""
    assert [n for n, _ in lines_of(said)] == list(range(1, lines + 1))
    assert b"kept %d" % lines in said
    assert b"cpus 2" in said
    assert b"complaints ." in said, said[-2000:]
    times = [up for _, up in lines_of(said)]
    assert times == sorted(times)
    return times


def test_the_saved_machine_itself_goes_on_as_if_nothing_had_been(saved):
    _, before, whole, _ = saved
    assert whole.startswith(before)
    assert_whole(whole)


def test_it_goes_on_in_a_new_process_where_it_stood(saved, tmp_path):
    path, before, whole, booted = saved
    time.sleep(3)
    began = time.monotonic()
    with subprocess.Popen([VMM, "restore", path, "-t", f"{DEADLINE}s", "-q"], stdout=subprocess.PIPE) as process:
        first = process.stdout.read(1)
        answered = time.monotonic() - began
        rest = first + process.stdout.read()
    assert process.returncode == 0
    times = assert_whole(before + rest)
    later = lines_said(before) + 3  # those that were in the pipe have their time from before
    passed = times[later] - assert_whole(whole)[later]
    assert passed < 2  # the three seconds did not pass for it; what its start took after its clocks were set did
    print(f"to the middle of its lines {booted:.2f} s, from the snapshot to the next byte {answered:.2f} s")


def test_a_restored_one_has_children_and_they_start_again(saved):
    """One behind the other: what the first wrote, a file among it, the second must not see. Time went on meanwhile."""
    path, before, whole, _ = saved
    since = time.time() - Path(path).stat().st_mtime
    with Machine.restore(path, clock="on") as master, master.fork() as first, master.fork() as second:
        said = []
        for child in (first, second, first):
            if child.outcome is not None:
                child.reset_to(master)
            at = len(child.console_output)
            assert child.run(DEADLINE).kind in ENDS
            said.append(child.console_output[at:])
        assert first.reset_to(master) > 0
    for rest in said:
        times = assert_whole(before + rest)
        later = lines_said(before) + 3  # those that were in the pipe have their time from before
        assert times[later] > assert_whole(whole)[later] - 1 + since


def test_it_moves_while_its_pipeline_runs(kernels, tmp_path):
    """On the other side it goes on for a while, and is told to end there."""
    guest, address, there = Guest(kernels["cloud"], ENDLESS), f"unix:{tmp_path / 'line'}", []
    waiting = threading.Thread(target=lambda: there.append(Machine.receive(address)))
    waiting.start()
    with guest.machine as machine:
        guest.run_to_the_middle()
        moved = machine.migrate(address)
        assert machine.wait(DEADLINE).kind == "migrated"
        before = machine.console_output
    waiting.join(DEADLINE)
    with there[0] as machine:
        machine.start(DEADLINE)
        while lines_said(machine.console_output) < MORE:
            assert machine.wait(0.1) is None, (machine.outcome, machine.console_output[-500:])
        machine.feed(b"enough\n")
        assert machine.wait(DEADLINE).kind in ENDS
        said = before + machine.console_output
    assert_whole(said, lines_of(said)[-1][0])
    print(f"{moved.sent >> 20} MiB in {moved.rounds} rounds, {moved.still_ns / 1e6:.0f} ms still")
