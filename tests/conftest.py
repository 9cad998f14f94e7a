"""What all tests share: the mark `requires_kvm`, which every test below tests/kvm, tests/guests and tests/linux
carries, and `requires_linux` of the last.

Where /dev/kvm cannot be opened such a test is skipped with the trouble and its remedy as the reason.
VMM_REQUIRE_KVM=1 makes a failure of each such skip.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

settings.register_profile("vmm", deadline=None)  # a loaded machine is no fault of the code
settings.load_profile("vmm")


@functools.cache
def kvm_trouble() -> str:
    """Why /dev/kvm cannot be opened here, and what to do about it; "" when it can."""
    from vmm.engine import kvm_trouble

    try:
        os.close(os.open(kvm_trouble.PATH, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return str(kvm_trouble.opening(error))
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(HERE / room) for room in ("kvm", "guests", "linux")):
            item.add_marker(pytest.mark.requires_kvm)
        if item.path.is_relative_to(HERE / "linux"):
            item.add_marker(pytest.mark.requires_linux)
            item.add_marker(pytest.mark.timeout(300))


@functools.cache
def linux_trouble() -> str:
    """Why stock Linux cannot be booted here; "" when it can."""
    from vmm.control.doctor.linux import obstacle

    return obstacle()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("requires_kvm") is None:
        return
    if kvm_trouble():
        if os.environ.get("VMM_REQUIRE_KVM") == "1":
            pytest.fail(f"VMM_REQUIRE_KVM=1, but {kvm_trouble()}", pytrace=False)
        pytest.skip(kvm_trouble())
    if item.get_closest_marker("requires_linux") is not None and linux_trouble():
        pytest.skip(f"{linux_trouble()}; scripts/test --lab runs it")
