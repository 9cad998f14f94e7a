"""Runs under QEMU, with a script in QEMU's place that says and does what QEMU would."""

from __future__ import annotations

import os

import pytest

from vmm.control.kut import qemu
from vmm.errors import HostError


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Makes the program that `qemu.run` will find; gives back a runner."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def run(script: str, timeout: float = 10.0):
        program = tmp_path / qemu.PROGRAM
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return qemu.run("t", qemu.command("t.flat", 1, "", []), timeout)

    return run


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("echo PASS: a; exit 1", "pass"),
        ("echo FAIL: a; exit 3", "fail"),
        ("exit 77", "skip"),
        ("exit 0", "reset"),
        ("echo 'qemu-system-x86_64: no such device'; exit 1", "refused"),
        ("kill -ABRT $$", "refused"),
        ("echo 'KVM internal error. Suberror: 1' >&2; exec sleep 60", "internal-error"),
    ],
)
def test_the_exit_code_and_the_words_give_the_verdict(stand_in, script, verdict):
    assert stand_in(script).verdict == verdict


def test_a_run_that_does_not_end_is_killed(stand_in):
    run = stand_in("echo PASS: a; exec sleep 60", timeout=0.5)
    assert (run.verdict, [line.name for line in run.lines]) == ("timeout", ["a"])
    assert run.seconds < 10


def test_the_command_line_is_the_one_of_the_harness():
    line = qemu.command("a.flat", 2, "two words", ["-m", "4g"], "env")
    assert line[0] == "qemu-system-x86_64"
    text = " ".join(line)
    assert "-device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4" in text
    assert text.endswith("-machine accel=kvm -kernel a.flat -smp 2 -append two words -initrd env -m 4g")


def test_without_qemu_the_remedy_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match=r"no qemu-system-x86_64 .* apt install qemu-system-x86"):
        qemu.expect()
