"""hidden_count(): records of tracepoints as a kernel writes them, without a kernel."""

from __future__ import annotations

from struct import pack

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.hardware_exits import SVM, VMX, exit_name, sentence

EXIT, ENTRY, USER, WAKEUP, FAULT, MSR, CPUID, VIRQ = range(1, 9)
"""Tracepoint numbers, each the event's place in hidden.h + 1."""
FIELDS = {
    EXIT: [(8, 4), (12, 4), (16, 8)],
    USER: [(8, 4)],
    WAKEUP: [(8, 8)],
    FAULT: [(8, 8)],
    MSR: [(8, 4), (12, 4), (16, 8), (24, 1)],
    CPUID: [(8, 4), (12, 4)],
    VIRQ: [(8, 4), (12, 1)],
}
NPF = lib.SVM_EXIT_NPF


class Recording:
    """A `hidden` that is fed records."""

    def __init__(self) -> None:
        events = ffi.new("struct hidden_event[]", lib.HIDDEN_EVENTS)
        for number, event in enumerate(events, 1):
            event.id = number
            for field, place in zip(event.fields, FIELDS.get(number, ()), strict=False):
                field.offset, field.size = place
        self.hidden = ffi.gc(lib.hidden_new(events), lib.hidden_free)

    def feed(self, now: int, number: int, body: bytes = b"") -> None:
        record = pack("<HBBi", number, 0, 0, 1) + body
        lib.hidden_count(self.hidden, record, len(record), now)

    def exit(self, now: int, reason: int, rip: int = 0x1000) -> None:
        self.feed(now, EXIT, pack("<IIQ", reason, SVM, rip))

    def user(self, now: int, error: int = 0) -> None:
        self.feed(now, USER, pack("<i", error))

    def row(self, reason: int):
        rows = self.hidden.reasons[1 : self.hidden.reasons_used + 1]
        return next(row for row in rows if row.key == SVM << 32 | reason)


@pytest.fixture
def told() -> Recording:
    return Recording()


def test_time_is_the_guests_from_entry_to_exit_and_the_kernels_from_exit_to_entry(told) -> None:
    told.feed(100, ENTRY)
    told.exit(130, NPF)
    told.feed(190, ENTRY)
    told.exit(200, NPF)
    told.user(205)
    row = told.row(NPF)
    assert told.hidden.guest_ns == 30 + 10
    assert (row.count, row.to_user, row.kernel_ns, row.kernel_max_ns) == (2, 1, 60 + 5, 60)
    assert row.histogram[5] == row.histogram[2] == 1


def test_an_exit_that_a_signal_ends_was_answered(told) -> None:
    told.feed(1, ENTRY)
    told.exit(2, NPF)
    told.user(3, -4)
    assert (told.row(NPF).count, told.row(NPF).to_user) == (1, 0)


def test_the_fast_path_goes_back_without_an_entry(told) -> None:
    told.feed(10, ENTRY)
    told.exit(20, lib.SVM_EXIT_MSR)
    told.exit(50, lib.SVM_EXIT_HLT)
    told.feed(60, ENTRY)
    assert told.hidden.guest_ns == 10 + 30
    assert sum(told.row(lib.SVM_EXIT_MSR).histogram) == 1


def test_sleep_belongs_to_the_halt_that_began_it(told) -> None:
    told.feed(1, ENTRY)
    told.exit(2, lib.SVM_EXIT_HLT)
    told.feed(1000, WAKEUP, pack("<Q", 900))
    told.feed(1002, ENTRY)
    assert (told.row(lib.SVM_EXIT_HLT).asleep_ns, told.row(lib.SVM_EXIT_HLT).kernel_ns) == (900, 1000)


def test_places_are_kept_apart_by_reason(told) -> None:
    for now, (reason, rip) in enumerate([(NPF, 0x10), (NPF, 0x20), (NPF, 0x10), (lib.SVM_EXIT_MSR, 0x10)]):
        told.exit(now, reason, rip)
    places = {(place.rip, place.reason): place.count for place in told.hidden.places if place.count}
    assert sorted(places.values()) == [1, 1, 2]


def test_msrs_leaves_faults_and_vectors_are_counted(told) -> None:
    for value, refused in ((5, 0), (6, 1)):
        told.feed(1, MSR, pack("<IIQB", 1, 0x174, value, refused))
    told.feed(1, MSR, pack("<IIQB", 0, 0x174, 7, 0))
    told.feed(1, CPUID, pack("<II", 7, 1))
    told.feed(1, FAULT, pack("<Q", 0x1_0000_0006))
    for again in (0, 1):
        told.feed(1, VIRQ, pack("<IB", 0x20, again))
    first, second = told.hidden.msrs[1:3]
    assert (first.index, first.is_write, first.count, first.refused, first.value) == (0x174, 1, 2, 1, 6)
    assert (second.is_write, second.count) == (0, 1)
    assert (told.hidden.leaves[1].key, told.hidden.leaves[1].count) == (7 << 32 | 1, 1)
    assert told.hidden.faults[1].key == 0x1_0000_0006
    assert told.hidden.vectors[0x20] == 1, "an interrupt that is injected again is no other one"


def test_tables_that_are_full_lose_no_count(told) -> None:
    for number in range(1000):
        told.exit(number, number)
        told.feed(number, MSR, pack("<IIQB", 0, number, 0, 0))
        told.feed(number, CPUID, pack("<II", number, 0))
    assert sum(row.count for row in told.hidden.reasons) == 1000
    assert sum(row.count for row in told.hidden.msrs) == 1000
    assert sum(row.count for row in told.hidden.leaves) == 1000
    assert told.hidden.reasons[0].count == 1000 - (lib.HIDDEN_REASONS - 1)


@pytest.mark.parametrize("record", [b"", b"\x01", b"\x01\x00", b"\x63\x00" + bytes(40), bytes(40)])
def test_a_record_that_is_none_changes_nothing_beyond_its_count(told, record) -> None:
    lib.hidden_count(told.hidden, record, len(record), 5)
    assert told.hidden.reasons_used <= 1


def test_reasons_have_their_vendors_names() -> None:
    assert exit_name(SVM, lib.SVM_EXIT_CPUID) == exit_name(VMX, lib.EXIT_REASON_CPUID) == "cpuid"
    assert exit_name(SVM, lib.SVM_EXIT_EXCP_BASE + 14) == "excp_pf"
    assert exit_name(VMX, 1 << 31 | lib.EXIT_REASON_INVALID_STATE) == "invalid_state_at_entry"
    assert (exit_name(VMX, 999), exit_name(SVM, 0x999), exit_name(0, 1)) == ("vmx_999", "svm_0x999", "exit_0x1")
    assert "CPUID" in sentence("cpuid")
    assert sentence("excp_pf")
    assert sentence("svm_0x999") == ""
