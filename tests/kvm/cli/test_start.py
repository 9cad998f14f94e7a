"""A plain run takes its modules from one file; what it still imports on its own would be felt at every start."""

from __future__ import annotations

import os
import subprocess
import sys

from vmm import start
from vmm.start import writer


def test_a_plain_run_imports_only_its_entry_by_pythons_way(image, code):
    writer.write(start.path())
    words = [sys.executable, "-X", "importtime", "-m", "vmm", "run", image(code.say(b"hello") + code.exit(0))]
    environment = {**os.environ, "PYTHONPATH": writer.HERE}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=environment, check=True)
    assert done.stdout == b"hello"
    imported = [line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if "import time:" in line]
    ours = [name for name in imported if name.split(".")[0] in ("vmm", "kvm_bindings")]
    assert ours == ["vmm", "vmm.start", "kvm_bindings._kvm"], "name what is new in vmm/start/writer.py's ROOTS"
