"""A plain run takes its modules from one file; what it still imports on its own would be felt at every start."""

from __future__ import annotations

import os
import subprocess
import sys

from vmm import Machine, start
from vmm.control import guest_set
from vmm.start import writer


def everything(words: list[str], verb: str = "run") -> tuple[list[str], bytes]:
    """(what Python's own way imported from the command's start on, what the guest said)."""
    entry = "from vmm.start import command; command()"  # what the installed vmm does; -m imports more
    command = [sys.executable, "-X", "importtime", "-c", entry, verb, *words]
    environment = {**os.environ, "PYTHONPATH": writer.HERE}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=False)
    names = [line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if "import time:" in line]
    return names[names.index("vmm") :], done.stdout


def imported(words: list[str], verb: str = "run") -> tuple[list[str], bytes]:
    """The same, of ours alone."""
    names, said = everything(words, verb)
    return [name for name in names if name.split(".")[0] in ("vmm", "kvm_bindings")], said


def test_a_plain_run_imports_only_its_entry_by_pythons_way(image, code):
    writer.write(start.path())
    ours, said = imported([image(code.say(b"hello") + code.exit(0))])
    assert said == b"hello"
    assert ours == ["vmm", "vmm.start"], "name what is new in vmm/start/writer.py's ROOTS"


def test_a_linux_machine_comes_from_the_second_file(tmp_path):
    for kind in (start.PLAIN, start.LINUX):
        writer.write(start.path(kind), kind)
    initrd = tmp_path / "initrd"
    initrd.write_bytes(b"hello")
    ours, said = imported([guest_set.build("bzimage"), "--initrd", str(initrd), "--protocol", "linux32"])
    assert said.startswith(b"hello")
    assert ours == ["vmm", "vmm.start"], "name what is new in vmm/start/writer.py's ROOTS"


def test_a_saved_machine_comes_back_without_the_slow_modules(image, code, tmp_path):
    path = str(tmp_path / "a.snap")
    with Machine(image=image(code.exit(0)), mode="real") as machine:
        machine.snapshot(path)
    for kind in (start.PLAIN, start.SAVED):
        writer.write(start.path(kind), kind)
    ours, _ = imported([path], "restore")
    assert ours == ["vmm", "vmm.start"], "name what is new in vmm/start/writer.py's ROOTS"
    slow = {"re", "enum", "json", "base64", "zlib", "ctypes", "hashlib", "typing", "dataclasses", "threading",
            "contextlib", "collections", "functools", "struct"}  # fmt: skip
    assert not slow & set(everything([path], "restore")[0])
