"""Whether Linux boots here, by the kind of KVM alone where that says it."""

from __future__ import annotations

import pytest

from vmm.control.doctor import linux


@pytest.mark.parametrize("kind", ["vmx", "svm"])
def test_hardware_boots_it(kind) -> None:
    assert linux.obstacle(kind) == ""


def test_pvm_is_named() -> None:
    assert linux.obstacle("pvm") == "stock Linux does not boot on this host's KVM, which emulates ring 0 (PVM)"
