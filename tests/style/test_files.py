"""What every file keeps to: a docstring, a length, a name that says something, tests where one looks for them."""

from __future__ import annotations

import ast
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 500
LONGEST_SCRIPT = 60
EMPTY_NAMES = ("utils", "util", "helpers", "helper", "common", "manager", "base", "misc")


def files(*folders: str, suffixes: tuple[str, ...]) -> list[Path]:
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*")))
    return [path for path in found if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts]


def scripts() -> list[Path]:
    return [*files("scripts", suffixes=("",)), *files(".ci", suffixes=("",))]


def none(paths: list[Path]) -> None:
    assert not paths, "\n".join(str(path.relative_to(ROOT)) for path in paths)


def test_every_module_says_what_it_is() -> None:
    python = [path for path in files("vmm", "kvm_bindings", suffixes=(".py",)) if path.stat().st_size]
    none([path for path in python if not ast.get_docstring(ast.parse(path.read_text()))])


def test_no_file_is_longer_than_500_lines() -> None:
    written = files("vmm", "kvm_bindings", "tests", "guests", "firmware", suffixes=(".py", ".c", ".S"))
    written = [path for path in written if not path.name.startswith("_kvm.")]
    none([path for path in written if len(path.read_text().splitlines()) > LONGEST])


def test_no_script_is_longer_than_60_lines() -> None:
    none([path for path in scripts() if len(path.read_text().splitlines()) > LONGEST_SCRIPT])


def test_a_script_that_names_its_interpreter_can_be_run() -> None:
    none([path for path in scripts() if path.read_text()[:2] == "#!" and not os.access(path, os.X_OK)])


def test_file_names_are_nouns_for_the_thing() -> None:
    named = files("vmm", "kvm_bindings", "tests", "scripts", suffixes=(".py", ".c", ".h", ""))
    none([path for path in named if path.stem.removeprefix("test_") in EMPTY_NAMES])


def test_unit_tests_lie_where_their_subject_lies() -> None:
    """tests/unit/devices/test_serial*.py is about vmm/devices/serial.py; tests/unit/kvm_bindings about kvm_bindings."""
    strays = []
    for path in files("tests/unit", suffixes=(".py",)):
        folder = path.parent.relative_to(ROOT / "tests/unit")
        subject = ROOT / folder if folder.parts[:1] == ("kvm_bindings",) else ROOT / "vmm" / folder
        modules = [module.stem for module in subject.glob("*") if module.is_dir() or module.suffix in (".py", ".c")]
        if path.name != "conftest.py" and not any(path.stem.startswith(f"test_{module}") for module in modules):
            strays.append(path)
    none(strays)
