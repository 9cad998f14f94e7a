"""What stands behind /dev/kvm, read from folders that the test makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmm.engine import kvm_host


def modules(folder: Path, *names: str) -> str:
    for name in names:
        (folder / "module" / name).mkdir(parents=True)
    return str(folder / "module")


def cpuinfo(folder: Path, flags: str) -> str:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: A CPU @ 2 GHz: fast\nflags\t\t: {flags}\n\nflags\t\t: other\n")
    return str(path)


@pytest.mark.parametrize(("module", "kind"), [("kvm_intel", "vmx"), ("kvm_amd", "svm"), ("kvm_pvm", "pvm")])
def test_the_module_tells_the_kind(tmp_path: Path, module: str, kind: str) -> None:
    assert kvm_host.kind(modules(tmp_path, "kvm", module), cpuinfo(tmp_path, "fpu")) == kind


def test_no_module_is_no_kind(tmp_path: Path) -> None:
    assert kvm_host.kind(modules(tmp_path, "kvm"), cpuinfo(tmp_path, "svm")) == ""


def test_of_two_modules_built_in_the_cpu_decides(tmp_path: Path) -> None:
    assert kvm_host.kind(modules(tmp_path, "kvm_intel", "kvm_amd"), cpuinfo(tmp_path, "fpu svm")) == "svm"


def test_pvm_counts_before_a_module_that_has_no_cpu(tmp_path: Path) -> None:
    assert kvm_host.kind(modules(tmp_path, "kvm_pvm", "kvm_amd"), cpuinfo(tmp_path, "fpu hypervisor")) == "pvm"


def test_the_first_cpu_speaks_for_all(tmp_path: Path) -> None:
    path = cpuinfo(tmp_path, "fpu hypervisor")
    assert kvm_host.cpu_flags(path) == {"fpu", "hypervisor"}
    assert kvm_host.cpu_name(path) == "A CPU @ 2 GHz: fast"
    assert kvm_host.is_virtual(path)


def test_an_unreadable_cpuinfo_says_nothing(tmp_path: Path) -> None:
    assert kvm_host.cpu_flags(str(tmp_path / "none")) == set()
    assert kvm_host.cpu_name(str(tmp_path / "none")) == ""
