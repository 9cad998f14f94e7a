from __future__ import annotations

import pytest

from vmm.machine import outcome
from vmm.machine.outcome import EXIT_CODES, Outcome


@pytest.mark.parametrize(
    ("kind", "code"),
    [("halted", 0), ("panic", 118), ("shutdown", 120), ("internal-error", 121), ("entry-failure", 121), ("failed", 121),
     ("unclaimed", 122), ("reset", 123), ("deadline", 124), ("stopped", 130)],
)  # fmt: skip
def test_exit_codes_are_a_contract(kind, code):
    for style in ("raw", "qemu"):
        assert Outcome(kind=kind, words="").exit_code(style) == code


@pytest.mark.parametrize(
    ("value", "raw", "qemu"),
    [(0, 0, 1), (1, 1, 3), (0x10, 0x10, 0x21), (255, 255, 255), (256, 0, 1), (0xFFFF_FFFF, 255, 255)],
)
def test_a_debug_exit_gives_its_value_in_two_styles(value, raw, qemu):
    verdict = Outcome(kind="debug-exit", words="", value=value)
    assert (verdict.exit_code(), verdict.exit_code("qemu")) == (raw, qemu)


def test_a_signal_that_stopped_the_run_is_in_the_exit_code():
    assert Outcome(kind="stopped", words="", value=15).exit_code() == 143
    assert Outcome(kind="stopped", words="", value=2).exit_code() == 130


def test_no_code_stands_for_bad_input_or_a_bad_host():
    codes = [code for code, _ in EXIT_CODES.values() if code is not None]
    assert not {125, 126, 127} & set(codes)
    assert all(words for _, words in EXIT_CODES.values())


def test_which_ends_are_abnormal_and_which_can_go_on():
    kinds = {kind for kind in EXIT_CODES if Outcome(kind=kind, words="").is_abnormal}
    assert kinds == {"shutdown", "internal-error", "entry-failure", "failed", "unclaimed", "deadline"}
    assert set(outcome.RESUMABLE) == {"deadline", "stopped", "suspended", "breakpoint"}


def test_a_panic_quotes_the_kernel_if_it_can():
    assert outcome.panic().words == "the guest's kernel panicked"
    assert outcome.panic("Kernel panic: x").words == "the guest's kernel panicked: Kernel panic: x"


def test_an_outcome_reads_as_a_sentence():
    assert str(Outcome(kind="reset", words="the guest asked for a reset")) == "reset: the guest asked for a reset"
