"""The documented exit codes, each from a guest that ends this way."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_a_guest_that_halts_for_good_gives_0(vmm, code, image):
    assert vmm("run", image(code.halt)) == (0, b"", "")


@pytest.mark.parametrize("value", [0, 1, 42, 120, 255])
def test_the_guests_own_value_is_the_exit_code(vmm, code, image, value):
    assert vmm("run", image(code.exit(value))).code == value


@pytest.mark.parametrize(("value", "expected"), [(0, 1), (0x10, 33), (0x80, 1), (0x7F, 255)])
def test_a_value_as_qemu_gives_it_is_doubled_and_odd(vmm, code, image, value, expected):
    assert vmm("run", "--exit-code=qemu", image(code.exit(value))).code == expected
    assert vmm("run", image(code.halt), "--exit-code", "qemu").code == 0


def test_a_triple_fault_gives_120_and_a_crash_report(vmm):
    ran = vmm("run", "--guest", "triple-fault", "-t", "5s")
    assert ran.code == 120
    assert "triple fault" in ran.err
    assert "Registers" in ran.err


def test_what_kvm_cannot_execute_gives_121(vmm, code, image):
    ran = vmm("run", "-m", "64k", "-t", "5s", image(code.crash))
    assert ran.code == 121
    assert "internal-error" in ran.err


def test_an_access_that_nobody_claims_gives_122_if_asked(vmm):
    ran = vmm("run", "--guest", "unclaimed", "--strict", "-t", "5s")
    assert ran.code == 122
    assert "no device claims out of" in ran.err
    assert "0x1234" in ran.err


def test_a_reset_gives_123(vmm):
    ran = vmm("run", "--guest", "reset", "-t", "5s")
    assert ran.code == 123
    assert ran.err.startswith("vmm: the guest asked for a reset")


@pytest.mark.parametrize("deadline", ["0", "50ms", "0.05"])
def test_a_deadline_gives_124(vmm, code, image, deadline):
    ran = vmm("run", "-t", deadline, image(code.spin))
    assert ran.code == 124
    assert "the deadline passed" in ran.err


def test_quiet_says_nothing_of_a_deadline(vmm, code, image):
    assert vmm("run", "-q", "-t", "50ms", image(code.spin)) == (124, b"", "")


def test_quiet_with_statistics_prints_the_statistics_alone(vmm, code, image):
    ran = vmm("run", "-q", "--stats", image(code.say(b"x"), code.halt))
    assert ran.code == 0
    assert ran.err.lstrip().startswith("2 exits in")


def test_python_m_vmm_is_the_same_command(vmm, code, image):
    done = subprocess.run(
        [sys.executable, "-m", "vmm", "run", image(code.exit(9))], env=vmm.env, cwd=vmm.cwd, check=False, timeout=20
    )
    assert done.returncode == 9


def test_guest_and_vmm_speak_on_different_streams(vmm, code, image):
    ran = vmm("run", "--stats", image(code.say(b"guest\n"), code.halt))
    assert (ran.code, ran.out) == (0, b"guest\n")
    assert "By reason" in ran.err
    assert "guest\n" not in ran.err


def test_bytes_of_the_guest_come_out_as_they_went_in(vmm, code, image):
    everything = bytes(range(256))
    assert vmm("run", image(code.say(everything), code.halt)).out == everything


def test_a_console_of_none_says_nothing(vmm, code, image):
    assert vmm("run", "--console", "none", image(code.say(b"guest"), code.exit(3))) == (3, b"", "")


def test_what_was_said_just_before_the_deadline_is_shown(vmm, code, image):
    assert b"early\n".startswith(vmm("run", "-q", "-t", "1ms", image(code.say(b"early\n"), code.spin)).out)
    assert vmm("run", "-q", "-t", "60ms", image(code.say(b"early\n"), code.spin)).out == b"early\n"
