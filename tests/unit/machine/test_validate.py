from __future__ import annotations

import pytest

from vmm.errors import ConfigError
from vmm.machine.config import MachineConfig
from vmm.machine.defaults import settled
from vmm.machine.validate import validate
from vmm.units import GiB, MiB

GOOD = MachineConfig(image=b"\xf4")


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"image": "path"}, {"mode": "long", "user": True}, {"unreal": True}, {"mode": "real", "unreal": True},
        {"memory": 4096}, {"memory": 64 * GiB}, {"vcpus": 64}, {"irqchip": "none"}, {"irqchip": "split"},
        {"console": "stdio"}, {"console": print}, {"load": 0, "entry": 0, "stack": 0}, {"entry": 1 << 52},
        {"uuid": "01234567-89ab-cdef-0123-456789ABCDEF"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_right_passes(changes):
    validate(GOOD.replace(**changes))


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"image": ""}, "image", "a path or bytes is needed"),
        ({"image": b""}, "image", "a path or bytes is needed"),
        ({"uuid": "0"}, "uuid", "8-4-4-4-12 hexadecimal digits"),
        ({"uuid": "01234567-89ab-cdef-0123-456789abcdeg"}, "uuid", "8-4-4-4-12 hexadecimal digits"),
        ({"uuid": "01234567 -89ab-cdef-0123-456789abcde"}, "uuid", "8-4-4-4-12 hexadecimal digits"),
        ({"boot": "cc"}, "boot", "each once"),
        ({"boot": "x"}, "boot", "letters of a"),
        ({"boot": 5}, "boot", "letters are needed, not 5"),
        ({"hda": 5}, "hda", '"PATH,overlay" or bytes, not 5'),
        ({"image": 5}, "image", "a path or bytes is needed"),
        ({"image": "", "hda": "disk", "irqchip": "none"}, "irqchip", "the BIOS needs interrupts"),
        ({"image": "", "hda": "disk", "memory": MiB // 2}, "memory", "a machine with a BIOS has 1 MiB at least"),
        ({"image": "", "hda": "disk", "vcpus": 2, "irqchip": "user"}, "vcpus", "the BIOS starts one"),
        ({"image": "", "hda": "disk", "mode": "real"}, "mode", "is for images"),
        ({"mode": "lnog"}, "mode", "'lnog' is not one of real, protected, paged, long, did you mean long?"),
        ({"irqchip": "slit"}, "irqchip", "'slit' is not one of auto, user, kernel, split, none, did you mean split?"),
        ({"console": "stdoi"}, "console", "did you mean stdio?"),
        ({"memory": 0}, "memory", "a guest needs some, not 0"),
        ({"memory": -4096}, "memory", "a guest needs some"),
        ({"memory": 4097}, "memory", "whole pages of 4 KiB are needed, 4097 bytes are 1 over"),
        ({"memory": 65 * GiB}, "memory", "65 GiB is more than the 64 GiB there can be"),
        ({"vcpus": 0}, "vcpus", "from 1 to 64, not 0"),
        ({"vcpus": 65}, "vcpus", "from 1 to 64, not 65"),
        ({"unreal": True, "mode": "long"}, "unreal", "needs real mode, not long"),
        ({"user": True}, "user", "ring 3 needs protected, paged or long mode"),
        ({"user": True, "mode": "real"}, "user", "ring 3"),
        ({"load": -1}, "load", "-0x1 is not a guest physical address"),
        ({"entry": 1 << 53}, "entry", "is not a guest physical address"),
        ({"stack": -5}, "stack", "is not a guest physical address"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_refused_by_its_field(changes, path, words):
    with pytest.raises(ConfigError) as caught:
        validate(GOOD.replace(**changes))
    assert [field for field, _ in caught.value.breaches] == [path]
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "changes", [{"memory": 1.5}, {"memory": "1M"}, {"memory": None}, {"vcpus": "2"}, {"vcpus": None}, {"load": "x"},
                {"mode": 5}, {"irqchip": None}, {"entry": 1.0}], ids=str,
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_a_config_error_too(changes):
    with pytest.raises(ConfigError) as caught:
        validate(GOOD.replace(**changes))
    assert [field for field, _ in caught.value.breaches] == list(changes)


def test_all_breaches_are_told_at_once():
    with pytest.raises(ConfigError) as caught:
        validate(MachineConfig(image=b"", memory=5, vcpus=0, irqchip="x", mode="y", load=-1))
    assert {path for path, _ in caught.value.breaches} == {"image", "memory", "vcpus", "irqchip", "mode", "load"}


def test_the_default_memory_is_modest_and_larger_for_linux():
    assert settled(GOOD, is_linux=False).memory == 16 * MiB
    assert settled(GOOD, is_linux=True).memory == 256 * MiB
    assert settled(GOOD.replace(memory=32 * MiB), is_linux=True).memory == 32 * MiB
