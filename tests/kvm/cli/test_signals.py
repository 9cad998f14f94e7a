"""Signals from outside, with no terminal: the run ends at once, with its outcome and its code."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

SLEEP = b"\xf4\xeb\xfd"
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def started(vmm, path, *options):
    """A run whose guest has said that it is there."""
    process = vmm.start("run", *options, path)
    assert process.stdout.read(1) == b"!"
    return process


def ended(process, number):
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert time.monotonic() - begun < 1.5
    return process.returncode, out, err.decode()


@pytest.mark.parametrize(("number", "code_of_signal"), SIGNALS)
def test_a_signal_ends_a_spinning_guest_at_once(vmm, code, image, number, code_of_signal):
    process = started(vmm, image(code.say(b"!"), code.spin))
    assert ended(process, number) == (code_of_signal, b"", f"vmm: stopped by {number.name}\n")


@pytest.mark.parametrize(("number", "code_of_signal"), SIGNALS)
def test_a_signal_ends_a_sleeping_guest_at_once(vmm, code, image, number, code_of_signal):
    process = started(vmm, image(code.say(b"!"), b"\xfb", SLEEP))
    assert ended(process, number)[0] == code_of_signal


@pytest.mark.parametrize("irqchip", ["kernel", "none"])
def test_a_signal_ends_a_guest_with_any_controller(vmm, code, image, irqchip):
    process = started(vmm, image(code.say(b"!"), code.spin), "--irqchip", irqchip)
    assert ended(process, signal.SIGINT)[0] == 130


def test_a_signal_ends_a_guest_of_two_cpus(vmm, code, image):
    process = started(vmm, image(code.say(b"!"), code.spin), "--vcpus=2", "--mode=real")
    assert ended(process, signal.SIGINT)[0] == 130


def test_an_interrupted_run_prints_its_statistics(vmm, code, image):
    process = started(vmm, image(code.say(b"!"), code.spin), "--stats")
    exit_code, _, err = ended(process, signal.SIGINT)
    assert exit_code == 130
    assert err.startswith("vmm: stopped by SIGINT\n")
    assert "By reason" in err
    assert "com1" in err


def test_quiet_says_nothing_of_the_signal(vmm, code, image):
    process = started(vmm, image(code.say(b"!"), code.spin), "-q")
    assert ended(process, signal.SIGTERM) == (143, b"", "")


def test_a_signal_ignored_by_the_parent_stays_ignored(vmm, code, image):
    process = subprocess.Popen(
        ["nohup", *vmm.argv, "run", "-q", "-t", "400ms", image(code.spin)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=vmm.cwd, env=vmm.env,
    )  # fmt: skip
    time.sleep(0.2)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=5)
    assert process.returncode == 124


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.09])
def test_a_signal_at_any_moment_of_the_start_ends_it(vmm, code, image, delay):
    process = vmm.start("run", "-q", "-t", "4s", image(code.spin))
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=3)
    assert process.returncode in (143, -signal.SIGTERM)
    assert b"Traceback" not in err


def test_a_check_of_guests_can_be_interrupted(vmm):
    process = vmm.start("guests", "--check", "spin", "spin", "spin")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode in (0, 130)
    assert b"Traceback" not in err
