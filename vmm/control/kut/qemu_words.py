"""QEMU's options in a test's parameters, as fields of a MachineConfig: those that are understood, or why not.

QEMU takes a CPU feature that the host lacks for a wish and goes on without it; so does this. Source: QEMU's manual.
"""

from __future__ import annotations

from ...cpu import cpuid
from ...errors import ConfigError
from ...units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

DEFAULT_CPU = "qemu64"
"""The CPU that QEMU has when none is named."""
_MODELS = {"max": "max", "host": "host", "qemu64": "qemu64", "Opteron_G1": "qemu64"}
"""QEMU's CPU models and ours that show the same to these tests."""
_MEANS_NOTHING = ("host-phys-bits", "migratable")
"""CPU properties that are as wanted anyway."""
_IGNORED = ("-enable-kvm", "-nodefaults", "-no-reboot", "--no-reboot", "-nographic")
_IGNORED_WITH_VALUE = ("-global", "-vnc", "-display", "-serial", "-accel", "-monitor")
_DEVICES = ("pc-testdev", "isa-debug-exit")
_MACHINE = {"pit": ("off", "on"), "accel": ("kvm",)}
"""Properties of -machine and the values that change nothing a test here can tell."""
_IRQCHIPS = {"on": "kernel", "split": "split"}


class NotUnderstood(Exception):
    """A test asks for what this machine has not; the text says what."""


def fields(words: Sequence[str]) -> dict[str, Any]:
    """Fields of a MachineConfig. NotUnderstood names the first option that cannot be met."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _IGNORED:
            continue
        if not rest:
            raise NotUnderstood(f"{word} is not understood, or lacks its value")
        value = rest.pop(0)
        if word in ("-cpu", "--cpu"):
            found["cpu"] = cpu(value)
        elif word == "-m":
            found["memory"] = _memory(value)
        elif word == "-smp":
            found["vcpus"] = _count(value)
        elif word == "-append":
            found["command_line"] = value
        elif word == "-initrd":
            found["modules"] = tuple(modules(value))
        elif word in ("-machine", "-M"):
            found.update(_machine(value))
        elif word == "-device":
            if value.partition(",")[0] not in _DEVICES:
                raise NotUnderstood(f"there is no device {value.partition(',')[0]} here")
        elif word == "-overcommit":
            if value not in ("cpu-pm=on", "cpu-pm=off"):
                raise NotUnderstood(f"{word} {value} is not understood")
            found["cpu_pm"] = value == "cpu-pm=on"
        elif word not in _IGNORED_WITH_VALUE:
            raise NotUnderstood(f"{word} {value} is not understood")
    return found


def modules(text: str) -> list[str]:
    """The modules in QEMU's -initrd: "FILE ARGUMENTS" separated by commas; two commas stand for one."""
    return [part.replace("\0", ",").strip() for part in text.replace(",,", "\0").split(",")]


def cpu(text: str) -> str:
    """Our model for QEMU's -cpu. NotUnderstood names what has no counterpart."""
    name, *changes = text.split(",")
    if name not in _MODELS:
        raise NotUnderstood(f"there is no CPU model {name} here")
    items = [_MODELS[name]]
    for change in changes:
        key, equals, value = change.partition("=")
        if key in _MEANS_NOTHING:
            continue
        sign, feature = ({"on": "+", "off": "-"}.get(value, ""), key) if equals else (change[:1], change[1:])
        if key == "vendor":
            items.append(change)
        elif sign == "+":
            items.append("?" + feature)
        elif sign == "-":
            if not feature.startswith("vmx-"):  # what VMX can do is no CPUID bit: it stays as the host has it
                items.append("-" + feature)
        else:
            raise NotUnderstood(f"CPU property {change} is not understood")
    model = ",".join(items)
    try:
        cpuid.parse(model)
    except ConfigError as error:
        raise NotUnderstood(str(error)) from None
    return model


def _memory(text: str) -> int:
    try:
        return parse_size(text, "m")
    except ValueError as error:
        raise NotUnderstood(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal():
        raise NotUnderstood(f"-smp {text} is not understood")
    return int(text)


def _machine(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals and key in ("pc", "type=pc"):
            continue
        if key in ("kernel_irqchip", "kernel-irqchip") and value in _IRQCHIPS:
            found["irqchip"] = _IRQCHIPS[value]
        elif value not in _MACHINE.get(key, ()):
            raise NotUnderstood(f"machine {part} is not understood")
    return found
