"""The file that a start reads: what is in it, and when it does not hold."""

from __future__ import annotations

import importlib
import marshal
import os
import subprocess
import sys

import pytest

from vmm import start
from vmm.start import writer

IMPORT = "import sys; from vmm import start; print(start.enter(sys.argv[1])); from vmm.machine.machine import Machine"
TOLD = IMPORT + "; print(Machine.__module__, Machine.run.__code__.co_filename, Machine.__doc__)"


def entered(file) -> list[str]:
    done = subprocess.run([sys.executable, "-c", TOLD, str(file)], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("start") / "cache" / "modules"
    writer.write(str(path))
    return path


def test_a_module_comes_behind_its_package_and_all_that_it_imports():
    order = writer.order()
    assert order[:2] == ["vmm", "vmm.control"]
    assert order.index("vmm.records") < order.index("vmm.machine.config") < order.index("vmm.machine.machine")
    assert order.index("vmm.cpu") < order.index("vmm.cpu.modes") < order.index("vmm.machine.start_state")
    assert len(order) == len(set(order))
    assert not [name for name in order if name.startswith(("vmm.observe", "vmm.control.doctor"))]


def test_a_linux_run_has_a_file_of_what_it_needs_beyond_a_plain_one():
    plain, linux = writer.order(), writer.order(start.LINUX)
    assert {"vmm.machine.schematic.linux", "vmm.boot.tables.dsdt"} < set(linux)
    assert all(hasattr(importlib.import_module(name), "__path__") for name in set(plain) & set(linux)), "packages alone"


def test_what_brings_a_machine_back_has_a_file():
    saved = writer.order(start.SAVED)
    assert {"vmm.machine.saved.restore", "vmm.engine.kvm_state_bytes"} < set(saved)
    assert not [name for name in saved if name.startswith(("vmm.observe.html", "vmm.machine.moving."))]


def test_the_file_of_linux_holds_where_the_plain_one_does_not(tmp_path):
    file = tmp_path / "modules-linux"
    writer.write(str(file), start.LINUX)
    told = IMPORT + "; from vmm.boot.linux import bzimage; print(Machine.__doc__ is None, bzimage.__doc__)"
    done = subprocess.run([sys.executable, "-c", told, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "None"], "the machine from its source, the loader from the file"


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["run", "image"], (start.PLAIN,)),
        (["run", "image", "--initrd", "file"], (start.PLAIN, start.LINUX)),
        (["run", "image", "-initrd=file"], (start.PLAIN, start.LINUX)),
        (["linux", "--", "true"], (start.PLAIN, start.LINUX)),
        (["restore", "a.snap"], (start.PLAIN, start.SAVED)),
        (["doctor"], ()),
        ([], ()),
    ],
)
def test_the_command_tells_which_files_are_read(words, files):
    assert start.wanted(words) == files


def test_the_modules_of_the_file_are_the_modules_of_the_sources(file):
    holds, module, source, doc = entered(file)
    assert (holds, module, doc) == ("True", "vmm.machine.machine", "None")
    assert os.path.samefile(source, os.path.join(writer.HERE, "vmm", "machine", "machine.py")), "for tracebacks"
    assert [path.name for path in file.parent.iterdir()] == ["modules"], "no scratch file is left"


def changed(file, tmp_path, change) -> list[str]:
    form, entries = marshal.loads(file.read_bytes())
    other = tmp_path / "modules"
    other.write_bytes(change(form, [list(entry) for entry in entries]))
    return entered(other)


def older(form, entries) -> bytes:
    entries[5][3] -= 1
    return marshal.dumps((form, entries))


def shorter(form, entries) -> bytes:
    entries[5][2] -= 1
    return marshal.dumps((form, entries))


def gone(form, entries) -> bytes:
    entries[5][1] += ".gone"
    return marshal.dumps((form, entries))


def of_another_form(form, entries) -> bytes:
    return marshal.dumps((form + 1, entries))


def cut_off(form, entries) -> bytes:
    return marshal.dumps((form, entries))[:-100]


@pytest.mark.parametrize(
    "change", [older, shorter, gone, of_another_form, cut_off, lambda *_: b"", lambda *_: b"x" * 9]
)
def test_a_file_that_does_not_hold_is_passed_over(file, tmp_path, change):
    holds, *_, doc = changed(file, tmp_path, change)
    assert (holds, doc) != ("True", "None")
    assert holds == "False"


def test_a_place_that_cannot_be_written_is_no_trouble(tmp_path):
    (tmp_path / "in-the-way").write_text("")
    writer.write(str(tmp_path / "in-the-way" / "modules"))
    assert (tmp_path / "in-the-way").read_text() == ""


def test_the_command_looks_beside_its_own_bytecode():
    assert start.path() == os.path.join(
        os.path.dirname(start.__file__), "__pycache__", f"modules.{sys.implementation.cache_tag}"
    )
