"""`vmm doctor` on the host at hand, whatever it is: its words agree with each other and with what is known of hosts."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from vmm.control.cli import HOST_CANNOT, main
from vmm.control.doctor import examination, trial
from vmm.control.doctor.examination import PROBES, Examination
from vmm.control.doctor.finding import WORKS
from vmm.control.doctor.verdict import verdict
from vmm.engine.kvm_trouble import HERE

UNKNOWN_TO_PVM = {
    "32-bit paging", "int3", "int n", "32-bit iret", "SSE", "x87", "popcnt", "BMI", "cmpxchg16b", "xsave",
    "hypercalls", "int n in ring 3", "syscall in ring 3", "CS selector in ring 3",
}  # fmt: skip
"""What is known not to work, or to differ, where KVM has no VMX or SVM."""


@pytest.fixture(scope="module")
def seen() -> Examination:
    return examination.examine()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(["doctor", *words])
    return code, capsys.readouterr().out


def test_the_verdict_comes_first_and_the_report_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys)
    lines = text.splitlines()
    assert code == 0
    assert lines[0].startswith("KVM works here (")
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_brief_is_the_verdict_alone(capsys: pytest.CaptureFixture[str], seen: Examination) -> None:
    assert said(capsys, "--brief") == (0, f"{verdict(seen)}\n")


def test_json_has_every_probe_and_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "--json")
    document: dict[str, Any] = json.loads(text)
    assert code == 0
    assert document["usable"] is True
    assert [probe["name"] for probe in document["probes"]] == [probe.name for probe in PROBES]
    assert all(document["speed"].values())
    assert document["kvm"]["api_version"] == 12
    assert document["missing"] == []


def test_every_finding_says_why_and_what_is_lost(seen: Examination) -> None:
    for finding in seen.findings:
        assert bool(finding.reason) == bool(finding.loss) == (finding.status != WORKS), finding.name


def test_tiny_guests_run_on_any_host(seen: Examination) -> None:
    working = {finding.name for finding in seen.findings if finding.status == WORKS}
    assert {"real mode", "32-bit mode", "64-bit mode", "64-bit ring 3", "MMIO", "string I/O"} <= working


def test_hardware_kvm_does_all_of_it(seen: Examination) -> None:
    if seen.kind not in ("vmx", "svm"):
        pytest.skip(f"this is {seen.kind or 'a host that does not tell'}")
    assert [finding.sentence for finding in seen.findings if finding.status != WORKS] == []


def test_pvm_lacks_what_it_is_known_to_lack(seen: Examination) -> None:
    if seen.kind != "pvm":
        pytest.skip(f"this is {seen.kind or 'a host that does not tell'}")
    assert {finding.name for finding in seen.findings if finding.status != WORKS} == UNKNOWN_TO_PVM


def test_a_probe_leaves_no_descriptor_behind() -> None:
    before = len(os.listdir("/proc/self/fd"))
    trial.examine(PROBES[0])
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_host_without_the_device_gets_trouble_and_remedy(tmp_path: Any) -> None:
    absent = examination.examine(HERE.replace(device=str(tmp_path / "kvm")))
    assert not absent.is_usable
    assert absent.trouble.endswith("does not exist")
    assert absent.remedy
    assert absent.findings == ()
    assert absent.speed is None
    assert HOST_CANNOT == 126


def test_words_that_it_does_not_know_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--jsno"]) == 125
    assert "did you mean --json?" in capsys.readouterr().err
