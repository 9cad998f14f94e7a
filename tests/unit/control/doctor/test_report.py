"""What a reader sees of an examination, as text and as JSON: made-up hosts, from the best to the worst."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.control.doctor import needs, report, verdict
from vmm.control.doctor.document import as_json
from vmm.control.doctor.examination import PROBES, Examination
from vmm.control.doctor.finding import DIFFERS, FAILS, NOT_EMULATED, WORKS, Finding
from vmm.control.doctor.speed import Speed
from vmm.engine.kvm_facts import KvmFacts
from vmm.engine.kvm_trouble import RUNNER_RULE

FAST = Speed(
    port_exit_ring0=1300,
    port_exit_ring3=1400,
    instructions_ring0=3_000_000_000,
    instructions_ring3=3_000_000_000,
    first_exit=900_000,
    close=200_000,
    first_exit_irqchip=1_000_000,
    close_irqchip=300_000,
)
FACTS = KvmFacts(api_version=12, capabilities={}, vcpus_advised=8, vcpus_most=1024, memory_slots=32764)


def host(failing: tuple[str, ...] = (), status: str = FAILS, **fields: Any) -> Examination:
    """An Intel host on which the named probes fail and all others work."""
    findings = tuple(
        Finding(
            name=probe.name,
            area=probe.area,
            status=status if probe.name in failing else WORKS,
            reason=NOT_EMULATED if probe.name in failing else "",
            loss=probe.loss if probe.name in failing else "",
            for_linux=probe.for_linux,
        )
        for probe in PROBES
    )
    given: dict[str, Any] = {
        "kind": "vmx",
        "kernel": "6.12.1",
        "cpu": "A CPU",
        "is_virtual": False,
        "facts": FACTS,
        "speed": FAST,
    }
    return Examination(**{**given, "findings": findings, **fields})


def test_it_says_where_linux_guests_can_run() -> None:
    emulated = host(failing=("popcnt",), kind="pvm")
    assert "\nlinux     direct: vmm linux\n" in report.render(host())
    assert "\nlinux     lab: scripts/lab" in report.render(emulated)
    assert [as_json(seen)["linux"] for seen in (host(), emulated)] == ["direct", "lab"]


def test_it_says_whether_hidden_exits_can_be_seen() -> None:
    assert "\n--hidden  works: vmm run --hidden IMAGE\n" in report.render(host())
    blind = host(hidden="hidden exits cannot be seen here: tracefs is not mounted; as root: mount it")
    assert "\n--hidden  tracefs is not mounted; as root: mount it\n" in report.render(blind)
    assert [as_json(seen)["hidden"]["works"] for seen in (host(), blind)] == [True, False]
    assert as_json(host(speed=None))["hidden"] is None


def test_a_host_where_all_works_gets_a_verdict_and_no_advice() -> None:
    seen = host()
    assert report.brief(seen) == "KVM works here (VMX): tiny guests yes, stock Linux yes.\n"
    assert verdict.advice(seen) == []
    assert verdict.slow(seen) == []
    assert "means" not in report.render(seen)


def test_a_missing_instruction_that_linux_needs_is_named_with_the_way_out() -> None:
    seen = host(("popcnt", "int3"))
    assert verdict.verdict(seen).endswith("stock Linux no.")
    assert verdict.advice(seen)[0].startswith(
        "Stock Linux will not boot on this host: it needs int3 and popcnt in ring 0."
    )
    assert "-mgeneral-regs-only" in verdict.advice(seen)[1]


def test_what_linux_does_not_need_leaves_its_verdict_alone() -> None:
    assert verdict.stock_linux(host(("32-bit paging", "BMI")))
    assert verdict.tiny_guests(host(("32-bit paging",))) == "yes"


def test_a_mode_that_fails_makes_tiny_guests_run_in_part() -> None:
    assert verdict.tiny_guests(host(("real mode",))) == "in part"


def test_a_way_that_differs_counts_against_linux() -> None:
    seen = host(("syscall in ring 3",), status=DIFFERS)
    assert not verdict.stock_linux(seen)
    assert "differs   syscall in ring 3: " in report.render(seen)


def test_an_emulated_ring_0_is_called_slow() -> None:
    slow = verdict.slow(host(speed=FAST.replace(instructions_ring0=4_000_000, port_exit_ring0=8000)))
    assert slow == [
        "a port exit takes 8.00 us; VMX and SVM take 1 to 2 us",
        "ring-0 code is emulated: 4.0 million instructions a second",
    ]


def test_trouble_comes_with_its_remedy_in_both_forms() -> None:
    seen = host(findings=(), facts=None, speed=None, kind="", trouble="/dev/kvm does not exist", remedy="plug it in")
    assert report.brief(seen) == "KVM does not work here: /dev/kvm does not exist. Remedy: plug it in\n"
    assert report.render(seen).splitlines()[:2] == [
        "KVM does not work here: /dev/kvm does not exist.",
        "remedy    plug it in",
    ]


def test_a_long_command_is_broken_where_a_shell_allows_it() -> None:
    seen = host(findings=(), facts=None, speed=None, trouble="no permission to open /dev/kvm", remedy=RUNNER_RULE)
    lines = report.render(seen).splitlines()
    assert max(map(len, lines)) <= report.WIDTH
    command = " ".join(" ".join(lines[1 : lines.index("")]).split())
    assert command == f"remedy {RUNNER_RULE}"


@settings(max_examples=40)
@given(
    st.sets(st.sampled_from([probe.name for probe in PROBES])),
    st.sets(st.sampled_from(sorted(needs.NEEDS))),
    st.integers(0, 10**10),
)
def test_any_report_fits_a_screen(failing: set[str], absent: set[str], time: int) -> None:
    speed = FAST.replace(port_exit_ring0=time, first_exit=time, close_irqchip=time, instructions_ring0=time)
    seen = host(tuple(failing), missing={name: needs.NEEDS[name] for name in absent}, speed=speed)
    lines = report.render(seen).splitlines()
    assert len(lines) <= report.LINES
    assert max(map(len, lines)) <= report.WIDTH
    assert lines[0] == verdict.verdict(seen)


def test_json_keeps_everything_and_says_null_for_what_was_not_measured() -> None:
    seen = host(("popcnt",), speed=FAST.replace(port_exit_ring3=0))
    document = json.loads(json.dumps(as_json(seen)))
    assert (document["schema"], document["version"]) == ("vmm.doctor", 1)
    assert document["usable"]
    assert not document["stock_linux"]
    assert [probe["name"] for probe in document["probes"]] == [probe.name for probe in PROBES]
    assert document["speed"]["port_exit_ring0_ns"] == 1300
    assert document["speed"]["port_exit_ring3_ns"] is None


def test_a_missing_capability_is_listed_with_its_loss() -> None:
    everything = dict.fromkeys(needs.NEEDS, 1)
    assert needs.missing(everything) == {}
    lost = needs.missing({**everything, "KVM_CAP_BINARY_STATS_FD": 0})
    assert list(lost) == ["KVM_CAP_BINARY_STATS_FD"]
    assert "lacks     BINARY_STATS_FD: --stats has no kernel column" in report.render(host(missing=lost))
