"""The kernel's own counters through the binary statistics fd."""

from __future__ import annotations

import pytest

from kvm_bindings import lib
from kvm_bindings.stats import Stats

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]


@pytest.fixture(autouse=True)
def _stats_exist(need):
    need("KVM_CAP_BINARY_STATS_FD")


def test_a_vcpu_counts_its_exits(guest):
    vcpu = guest.enter("e610 e610 f4")
    with Stats(vcpu.get_stats_fd()) as stats:
        before = stats.read()["exits"]
        while vcpu.run_once() != lib.KVM_EXIT_HLT:
            pass
        assert stats.read()["exits"] > before
        assert stats.id.endswith("/vcpu-0")


def test_counters_say_what_they_are(guest):
    with Stats(guest.enter("f4").get_stats_fd()) as stats:
        by_name = {stat.name: stat for stat in stats.stats}
        assert by_name["exits"].kind == "cumulative"
        histogram = by_name["halt_wait_hist"]
        assert (histogram.kind, histogram.unit) == ("log histogram", "seconds")
        assert histogram.base**histogram.exponent == 1e-9
        values = stats.read()
        assert len(values["halt_wait_hist"]) == histogram.size > 1
        assert all(isinstance(values[s.name], list) == (s.size != 1) for s in stats.stats)


def test_a_vm_has_counters_of_its_own(guest):
    with Stats(guest.vm.get_stats_fd()) as stats:
        assert "remote_tlb_flush" in stats.read()
    stats.close()
