"""vmm run --hidden: a table, or one sentence that says why not and what to do."""

from __future__ import annotations

import json

import pytest

from vmm.engine.kvm_hidden import EVENTS, NEEDED
from vmm.engine.kvm_hidden_trouble import tracepoints
from vmm.errors import HostError


def trouble() -> str:
    """Why this host shows none, or ""."""
    try:
        tracepoints([name for name, _ in EVENTS], NEEDED)
    except HostError as error:
        return str(error)
    return ""


def test_where_it_cannot_be_one_line_says_why_and_nothing_runs(vmm):
    if not trouble():
        pytest.skip("this host shows them")
    ran = vmm("run", "--hidden", "--guest", "known-exits")
    assert (ran.code, ran.out) == (126, b"")
    assert ran.err == f"vmm: {trouble()}\n"


def test_the_tables_are_on_stderr_and_in_the_json(vmm):
    if trouble():
        pytest.skip(trouble())
    ran = vmm("run", "--hidden", "--guest", "known-exits")
    if ran.code == 126:
        pytest.skip(ran.err)
    assert (ran.code, ran.out) == (5, b".......")
    assert "IA32_MCG_STATUS" in ran.err
    assert "CPUID leaves: 0x0 100" in ran.err
    ran = vmm("run", "--hidden", "--json", "--quiet", "--guest", "known-exits")
    document = json.loads(ran.out)
    assert document["exits"]["hidden"]["cpuid"] == [{"vcpu": 0, "leaf": "0x0", "subleaf": "0x0", "count": 100}]


def test_the_profile_names_the_functions(vmm):
    if trouble():
        pytest.skip(trouble())
    ran = vmm("profile", "--hidden", "--guest", "known-exits")
    if ran.code == 126 or "told of none" in ran.err:
        pytest.skip("no VMX or SVM here makes exits; scripts/test --lab has")
    assert "ask_cpuid" in ran.err.partition("Hidden exits by function")[2]
