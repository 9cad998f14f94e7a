"""What all tests share: the mark `requires_kvm` of vmm.testing, which every test below tests/kvm, tests/guests and
tests/linux carries; the last ask for a KVM on which stock Linux boots too.

VMM_REQUIRE_KVM=1 makes a failure of what would be skipped for want of a usable KVM.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

settings.register_profile("vmm", deadline=None)  # a loaded machine is no fault of the code
settings.load_profile("vmm")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(HERE / room) for room in ("kvm", "guests", "linux", "testing")):
            item.add_marker(pytest.mark.requires_kvm)
        if item.path.is_relative_to(HERE / "linux"):
            item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stock Linux boots on some hosts only: there is the lab for the others, so this is never a failure."""
    if item.path.is_relative_to(HERE / "linux"):
        from vmm import missing

        if reason := missing(linux=True):
            pytest.skip(f"{reason}; scripts/test --lab runs it")
