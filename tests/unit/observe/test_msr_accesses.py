from __future__ import annotations

import pytest

from vmm.observe.msr_accesses import MsrAccess, merged, render

EFER = MsrAccess(vcpu=0, msr=0xC0000080, name="IA32_EFER", direction="read", count=3, value=0xD01)
CAP = MsrAccess(vcpu=0, msr=0x10A, name="IA32_ARCH_CAPABILITIES", direction="read", count=1, refused=1)
OTHERS = MsrAccess(vcpu=1, msr=None, name="others", direction="read", count=1000, refused=990)


def test_vcpus_are_added_up() -> None:
    (one,) = merged([EFER, EFER.replace(vcpu=1, count=2, value=0x500)])
    assert (one.count, one.value) == (5, 0xD01)


def test_a_table_has_names_numbers_and_what_was_refused() -> None:
    assert "\n".join(render([EFER, CAP, OTHERS])) == (
        """\
MSRs                      number            count  refused  last value
  others                              read  1,000      990
  IA32_EFER               0xc0000080  read      3                0xd01
  IA32_ARCH_CAPABILITIES  0x10a       read      1        1"""
    )
    assert render([EFER, CAP, OTHERS], rows=1)[-1] == "  and 2 more, 4 accesses"
    assert render([]) == []


def test_it_survives_json() -> None:
    for one in (EFER, CAP, OTHERS):
        assert MsrAccess.from_json(one.as_json()) == one
    with pytest.raises(KeyError):
        MsrAccess.from_json({"vcpu": 0})
