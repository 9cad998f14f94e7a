"""The Prometheus page: valid text, labels that tell exits apart, names that cannot break out."""

from __future__ import annotations

import re

from vmm.observe.exits import ExitCount
from vmm.observe.prometheus import render
from vmm.observe.statistics import ExitStatistics

SAMPLE = re.compile(r'[a-z_]+(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)*\})? [0-9]+(\.[0-9]+)?')


def page(**fields):
    given = {
        "vcpu": 1, "reason": "io", "direction": "out", "address": 0x3F8, "size": 1, "count": 7, "elements": 9,
        "quiet": 3, "guest_ns": 1_500_000_000, "handler_ns": 20, "handler_max_ns": 20, "histogram": (),
        "device": "com1",
    }  # fmt: skip
    return render(ExitStatistics([ExitCount(**{**given, **fields})], wall_ns=2_000_000_001, idle_ns=5))


def test_each_line_is_a_sample_or_a_comment():
    lines = page().splitlines()
    assert all(line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line) for line in lines), lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) == 9


def test_exits_carry_their_labels_and_seconds_their_nine_digits():
    labels = '{vcpu="1",reason="io",location="io.out.1[0x3f8]",device="com1"}'
    lines = page().splitlines()
    assert f"vmm_exits_total{labels} 7" in lines
    assert f"vmm_exit_elements_total{labels} 9" in lines
    assert f"vmm_exits_quiet_total{labels} 3" in lines
    assert f"vmm_exit_guest_seconds_total{labels} 1.500000000" in lines
    assert "vmm_run_seconds_total 2.000000001" in lines
    assert "vmm_idle_seconds_total 0.000000005" in lines


def test_a_device_with_an_evil_name_stays_inside_its_label():
    line = next(line for line in page(device='a"b\\c\nd').splitlines() if line.startswith("vmm_exits_total"))
    assert r'device="a\"b\\c\nd"' in line
    assert SAMPLE.fullmatch(line)
