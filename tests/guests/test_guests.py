"""Every guest in guests/, booted as its expect.toml says and held against what it expects on this kind of host."""

from __future__ import annotations

import pytest

from vmm.control import guest_set
from vmm.control.guest_run import run_and_check


@pytest.mark.parametrize("name", guest_set.names())
def test_the_guest_does_as_its_expectation_says(name: str) -> None:
    failures = run_and_check(name)
    assert not failures, "\n".join(failures)
