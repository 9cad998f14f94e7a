"""QEMU's options as fields of ours."""

from __future__ import annotations

import pytest

from vmm.control.kut import qemu_words
from vmm.control.kut.qemu_words import NotUnderstood
from vmm.units import GiB, MiB


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("qemu64", "qemu64"),
        ("max", "max"),
        ("max,host-phys-bits", "max"),
        ("host,migratable=no", "host"),
        ("qemu64,+x2apic,+tsc-deadline", "qemu64,?x2apic,?tsc-deadline"),
        ("qemu64,-pcid,invpcid=on,x2apic=off", "qemu64,-pcid,?invpcid,-x2apic"),
        ("max,vendor=GenuineIntel", "max,vendor=GenuineIntel"),
        ("max,+vmx,-vmx-mbec", "max,?vmx"),
        ("Opteron_G1,vendor=AuthenticAMD", "qemu64,vendor=AuthenticAMD"),
    ],
)
def test_a_cpu_has_a_model_of_ours(text, model):
    assert qemu_words.cpu(text) == model


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["-cpu", "IvyBridge"], "no CPU model IvyBridge"),
        (["-cpu", "max,phys-bits=36"], "CPU property phys-bits=36"),
        (["-cpu", "host,hv_passthrough"], "CPU property hv_passthrough"),
        (["-cpu", "max,+nonsense"], "no CPU feature is called 'nonsense'"),
        (["-device", "edu"], "there is no device edu here"),
        (["-M", "q35,kernel-irqchip=split"], "machine q35 is not understood"),
        (["-machine", "vmport=on"], "machine vmport=on is not understood"),
        (["-overcommit", "mem-lock=on"], "-overcommit mem-lock=on is not understood"),
        (["-m", "lots"], "'lots' is not a size"),
        (["-smp", "2,cores=2"], "-smp 2,cores=2 is not understood"),
        (["-frobnicate", "x"], "-frobnicate x is not understood"),
        (["-frobnicate"], "-frobnicate is not understood, or lacks its value"),
    ],
)
def test_what_cannot_be_met_is_said_in_words(words, fault):
    with pytest.raises(NotUnderstood, match=fault):
        qemu_words.fields(words)


def test_options_become_fields_and_some_mean_nothing():
    words = "-enable-kvm -nodefaults -machine accel=kvm,pit=off -m 4g -smp 3 -append words -initrd a,,b,c -cpu max"
    assert qemu_words.fields([*words.split(), "-device", "pc-testdev", "-vnc", "none"]) == {
        "memory": 4 * GiB,
        "vcpus": 3,
        "command_line": "words",
        "modules": ("a,b", "c"),
        "cpu": "max",
    }
    assert qemu_words.fields(["-overcommit", "cpu-pm=on"]) == {"cpu_pm": True}
    assert qemu_words.fields(["-m", "2048"]) == {"memory": 2048 * MiB}
    assert qemu_words.fields(["-machine", "pc,kernel_irqchip=split"]) == {"irqchip": "split"}


def test_modules_are_separated_by_commas_and_two_stand_for_one():
    assert qemu_words.modules("a.bin x=1,b,,c.bin y") == ["a.bin x=1", "b,c.bin y"]
