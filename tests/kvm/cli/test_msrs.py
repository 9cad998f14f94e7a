"""vmm run --msrs: the registers by name on stderr, in the statistics, in JSON."""

from __future__ import annotations

import json

READS = bytes.fromhex("66b980 0000c0 0f32 0f32 f4")  # mov ecx, 0xc0000080; rdmsr; rdmsr; hlt


def test_the_registers_are_named_on_stderr(vmm, tmp_path):
    (tmp_path / "image").write_bytes(READS)
    ran = vmm("run", "--mode", "real", "--msrs", str(tmp_path / "image"))
    assert (ran.code, ran.out) == (0, b"")
    title, row = ran.err.strip().splitlines()[-2:]
    assert title.split() == ["MSRs", "number", "count", "last", "value"]
    assert row.split() == ["IA32_EFER", "0xc0000080", "read", "2", "0x0"]
    assert ran.err.count("IA32_EFER") == 1
    assert vmm("run", "--mode", "real", "--msrs", "--stats", str(tmp_path / "image")).err.count("IA32_EFER") == 1


def test_a_guest_that_touches_none_is_said_to(vmm, tmp_path):
    (tmp_path / "image").write_bytes(b"\xf4")
    assert "No MSR accesses" in vmm("run", "--mode", "real", "--msrs", str(tmp_path / "image")).err


def test_they_are_in_the_json(vmm, tmp_path):
    (tmp_path / "image").write_bytes(READS)
    document = json.loads(vmm("run", "--mode", "real", "--msrs", "--json", str(tmp_path / "image")).out)
    (one,) = document["exits"]["msrs"]
    assert (one["name"], one["msr"], one["count"]) == ("IA32_EFER", "0xc0000080", 2)
    assert json.loads(vmm("run", "--mode", "real", "--json", str(tmp_path / "image")).out)["exits"]["msrs"] is None
