"""Guests written as assembly inside the tests, and machines that are closed when the test ends."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time

import pytest

from vmm import Machine

OF_THE_CPU = {
    "bios", "capture", "collected_output", "crash_report", "deadlines", "dirty_log", "exactness", "fork", "fuzz",
    "hidden", "linux_entries", "messages", "msrs", "outcomes", "registers", "snapshot", "split_irqchip", "string_io",
    "suspend", "timer_interrupts", "trace", "vcpus",
}  # fmt: skip
"""Modules whose subject is what KVM and the CPU do: those that scripts/test tries on hardware KVM for every change, the
others once a night."""
ORIGINS = {"real": 0x1000, "protected": 0x10_0000, "paged": 0x10_0000, "long": 0x10_0000}
"""Where flat images go when nobody names an address."""


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "machine" and item.path.stem.removeprefix("test_") in OF_THE_CPU:
            item.add_marker("of_the_cpu")


@pytest.fixture(scope="session")
def patience() -> float:
    """How much slower than a bare machine this one may be: what time limits of tests are multiplied with."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        return 10.0 if "TCG" in file.read() else 1.0


@pytest.fixture(scope="session")
def assemble(tmp_path_factory):
    """assemble(text, mode) gives the bytes of AT&T assembly linked to where a flat image of that mode is loaded."""
    if not (shutil.which("as") and shutil.which("ld")):
        pytest.skip("binutils are needed to assemble the guests")
    made: dict[tuple[str, str], bytes] = {}
    place = tmp_path_factory.mktemp("guests")

    def build(text: str, mode: str = "real") -> bytes:
        if (text, mode) not in made:
            source, linked = place / f"{len(made)}.o", place / f"{len(made)}.bin"
            bits, emulation = {"real": (16, "elf_i386"), "long": (64, "elf_x86_64")}.get(mode, (32, "elf_i386"))
            subprocess.run(
                ["as", "--64" if bits == 64 else "--32", "-o", source, "-"],
                input=f".code{bits}\n.globl _start\n_start:\n{text}\n".encode(),
                check=True,
            )
            subprocess.run(
                ["ld", "-m", emulation, "-N", f"-Ttext={ORIGINS[mode]:#x}", "--oformat=binary", "-o", linked, source],
                check=True,
            )
            made[text, mode] = linked.read_bytes()
        return made[text, mode]

    return build


@pytest.fixture
def guest(assemble):
    """guest(text, mode, **fields) makes a Machine from assembly; all are closed at the end."""
    machines: list[Machine] = []

    def make(text: str, mode: str = "real", **fields) -> Machine:
        machines.append(
            Machine(image=assemble(text, mode), mode=mode, **{"memory": 1 << 21, "format": "flat", **fields})
        )
        return machines[-1]

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture
def soon(patience):
    """soon(condition) waits until it holds, for at most two seconds (more on a slow machine), and says if it does."""

    def wait(condition, seconds: float = 2.0) -> bool:
        end = time.monotonic() + seconds * patience
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.001)
        return True

    return wait


@pytest.fixture
def later():
    """later(seconds, function) calls it on another thread; the test ends after all calls have."""
    threads: list[threading.Thread] = []

    def call(seconds: float, function) -> threading.Thread:
        def work() -> None:
            time.sleep(seconds)
            function()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return threads[-1]

    yield call
    for thread in threads:
        thread.join()


class Recorder:
    """A device that keeps what is written and answers with bytes that tell where they come from."""

    def __init__(self) -> None:
        self.accesses: list[tuple] = []

    def read(self, offset: int, size: int) -> int:
        self.accesses.append(("read", offset, size))
        return sum((0x10 + offset + at) << 8 * at for at in range(size))

    def write(self, offset: int, size: int, value: int) -> None:
        self.accesses.append(("write", offset, size, value))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


class Nursery:
    """A process that has imported vmm and makes children that do some work: they start in no time, to be killed."""

    def __init__(self, work: str, *arguments: str) -> None:
        program = f"""
import os, signal, sys
from vmm import Machine
def work():{work}
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in sys.stdin:
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(1)
    print(child, flush=True)
"""
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._lines: list[str] = []

    def make(self) -> int:
        """The process id of a new child."""
        self._lines.clear()
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        while True:
            line = self._process.stdout.readline().strip()
            if line.isdecimal():
                return int(line)
            self._lines.append(line)

    def line(self) -> str:
        """What the youngest child says next."""
        return self._lines.pop(0) if self._lines else self._process.stdout.readline().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def nursery():
    made: list[Nursery] = []

    def make(work: str, *arguments: str) -> Nursery:
        made.append(Nursery(work, *arguments))
        return made[-1]

    yield make
    for each in made:
        each.end()
