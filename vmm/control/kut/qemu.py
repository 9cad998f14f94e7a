"""One kvm-unit-test under QEMU with the same /dev/kvm, for comparison: its command line, its run, its verdict."""

from __future__ import annotations

import os
import time
from shutil import which
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from tempfile import TemporaryFile

from ...errors import HostError
from . import output, result
from .result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

PROGRAM = "qemu-system-x86_64"
_STOPPED = ("KVM internal error", "emulation failure", "KVM: entry failed")
"""What QEMU says, and then waits for ever, when KVM could not go on."""
_LOOK = 0.05


def expect() -> str:
    """The path of QEMU. HostError when it is not installed."""
    path = which(PROGRAM)
    if path is None:
        raise HostError(f"there is no {PROGRAM} to compare with", "apt install qemu-system-x86")
    return path


def command(file: str, smp: int, append: str, words: Sequence[str], initrd: str = "") -> list[str]:
    """QEMU's command line for a test."""
    line = [PROGRAM, "--no-reboot", "-nodefaults", "-global", "kvm-pit.lost_tick_policy=discard"]
    line += ["-device", "pc-testdev", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4"]
    line += ["-display", "none", "-serial", "stdio", "-machine", "accel=kvm", "-kernel", file, "-smp", str(smp)]
    line += ["-append", append] if append else []
    return [*line, *(["-initrd", initrd] if initrd else []), *words]


def run(name: str, line: Sequence[str], timeout: float | None) -> Result:
    """Runs a command line of command()'s and judges it. QEMU is killed when `timeout` seconds have passed."""
    started = time.monotonic()
    with TemporaryFile() as said:
        process = Popen(line, stdin=DEVNULL, stdout=said, stderr=STDOUT)
        try:
            code = _wait(process, said, None if timeout is None else started + timeout)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        text = _text(said)
    verdict = _verdict(code, text)
    reports = output.report(text)
    return Result(
        name=name,
        verdict=verdict,
        words=_words(verdict, text),
        lines=reports,
        seconds=time.monotonic() - started,
        console=text,
    )


def _wait(process: Popen[bytes], said: BinaryIO, end: float | None) -> int | None:
    """QEMU's exit code; None when time was up, or it stands still with words of _STOPPED."""
    while end is None or time.monotonic() < end:
        try:
            return process.wait(_LOOK)
        except TimeoutExpired:
            if any(words in _text(said) for words in _STOPPED):
                return None
    return None


def _text(said: BinaryIO) -> str:
    size = os.fstat(said.fileno()).st_size
    return os.pread(said.fileno(), size, 0).decode("utf-8", "replace")


def _verdict(code: int | None, text: str) -> str:
    if any(words in text for words in _STOPPED):
        return result.INTERNAL_ERROR
    if code is None:
        return result.TIMEOUT
    if code == 0:
        return result.RESET
    if code < 0 or not code & 1 or (code == 1 and text.startswith(PROGRAM) and text.count("\n") <= 1):
        return result.REFUSED
    return result.STATUSES.get(code, result.FAIL)


def _words(verdict: str, text: str) -> str:
    if verdict == result.REFUSED:
        return text.strip().splitlines()[-1] if text.strip() else "QEMU ended without a word"
    if verdict == result.INTERNAL_ERROR:
        return next(line.strip() for line in text.splitlines() if any(words in line for words in _STOPPED))
    return output.reason(text) if verdict != result.PASS else ""
