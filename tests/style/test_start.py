"""What the start of `vmm run` must not import: each of these modules costs milliseconds before the guest begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = ("vmm.machine.machine", "vmm.machine.board")
COSTLY = {
    *("argparse", "asyncio", "collections", "contextlib", "dataclasses", "enum", "functools", "importlib.metadata"),
    *("inspect", "json", "logging", "pathlib", "re", "threading", "typing"),
}
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
__import__(sys.argv[2])
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("module", START)
def test_a_start_imports_nothing_costly(module: str) -> None:
    if not (ROOT / module.replace(".", "/")).with_suffix(".py").exists():
        pytest.skip(f"{module} is not written yet")
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(ROOT), module], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert module in done.stdout.split()
    assert not set(done.stdout.split()) & COSTLY
