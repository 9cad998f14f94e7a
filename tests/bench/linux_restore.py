"""A booted Linux brought back beside its boot: from the start of the process to the shell's answer, paired in rounds.

The shell waits for a line; both processes have one on their stdin from the start. The first restore of a snapshot notes
what the guest touches, and is measured too, apart. scripts/bench restore calls it on a KVM that boots Linux.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench import parser_of, row

from vmm import Machine
from vmm.boot import cpio
from vmm.control.linux import source

VMM = str(Path(__file__).resolve().parents[2] / ".venv/bin/vmm")
INIT = "#!/bin/sh\necho ready\nwhile read -r line; do echo answer to $line; done\n"
QUESTION, ANSWER = b"question\n", b"answer to question"
WORDS = "console=ttyS0 reboot=k panic=-1 quiet"
LIMIT = 0.10
PATIENCE = 120.0
SETTLED = 2.0
"""Seconds from the first line to the snapshot: a shell that has long been waiting."""
NOTED = 2.0
"""Seconds after which the first restore has noted what its guest touched."""


def seconds(command: list[str], linger: float = 0.0) -> float:
    """From its start to the answer, after which it lives for `linger` more; SystemExit when that did not come."""
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        process.stdin.write(QUESTION)
        process.stdin.flush()
        said = b""
        while ANSWER not in said:
            piece = os.read(process.stdout.fileno(), 1 << 16)
            said += piece
            if not piece:
                raise SystemExit(
                    f"bench: no answer from {' '.join(command[:3])}: {said[-300:].decode(errors='replace')}"
                )
        took = time.monotonic() - start
        watchdog.cancel()
        time.sleep(linger)
        process.kill()
    return took


def save(kernel: str, initramfs: str, path: str) -> None:
    """A snapshot of the shell that waits."""
    is_ready, said = threading.Event(), bytearray()

    def hear(data: bytes) -> None:
        said.extend(data)
        if b"ready" in said:
            is_ready.set()

    with Machine(image=kernel, modules=(initramfs,), command_line="+quiet", memory="256M") as machine:
        machine.listen("com1", hear)
        machine.start(PATIENCE)
        if not is_ready.wait(PATIENCE):
            raise SystemExit("bench: the guest did not get to its shell")
        time.sleep(SETTLED)
        machine.snapshot(path)


def main() -> int:
    """Prints two lines; 1 when the limit is broken and --strict was given."""
    arguments = parser_of(__doc__, 3).parse_args()
    kernel, base = source.fetch()
    with tempfile.TemporaryDirectory() as folder:
        initramfs, path = os.path.join(folder, "initramfs"), os.path.join(folder, "shell.snap")
        with open(initramfs, "wb") as file:
            file.write(Path(base).read_bytes())
            file.writelines(cpio.pack([cpio.file("init", INIT.encode(), 0o755)]))
        boot = [VMM, "run", kernel, "--initrd", initramfs, "-m", "256M", "--append", WORDS]
        restore = [VMM, "restore", path]
        save(kernel, initramfs, path)
        seconds(boot)  # fills caches
        first = seconds(restore, NOTED)
        assert any(name.endswith(".touched") for name in os.listdir(folder)), "the first restore has noted nothing"
        pairs = [(seconds(restore), seconds(boot)) for _ in range(arguments.rounds)]
    ratio = statistics.median(ours / whole for ours, whole in pairs)
    ours, whole = (statistics.median(each) for each in zip(*pairs, strict=True))
    good = ratio <= LIMIT
    row(
        "restore to the shell's answer",
        f"x{ratio:.3f}",
        f"x{LIMIT:.2f} of the boot",
        good,
        f"{ours:.2f} s, boot {whole:.2f} s",
    )
    print(f"the first restore, which notes what is touched: {first:.2f} s")
    return int(arguments.strict and not good)


if __name__ == "__main__":
    sys.exit(main())
