"""What can be set of a machine that runs, by name: "memory", "balloon", "disk0.bandwidth", ... (docs/live.md).

Not here: how it is asked for (errands.py, cli/set.py).
"""

from __future__ import annotations

from ...errors import ConfigError, nearest
from ...machine.limit_options import WORDS, changed_limits
from ...units import SECOND, format_size, parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...machine.limit_options import Limits
    from ...machine.machine import Machine

REMEDIES = {
    "memory": "this machine's is fixed; start one with --memory-max SIZE",
    "balloon": "this machine has none; start one with --balloon",
}


def settings(machine: Machine) -> dict[str, dict[str, int]]:
    """What stands, in the order to show it: of each its "value" (bytes, requests, or nanoseconds of a "burst"); of
    memory also "actual", what the guest has made of it, and the "least" and "most" that can be asked for."""
    config, found = machine.config, {}
    if config.memory_max:
        device = machine.device("virtio-mem").device
        found["memory"] = {
            "value": config.memory + device.requested,
            "actual": config.memory + device.plugged,
            "least": config.memory,
            "most": config.memory + device.size,
        }
    if config.balloon:
        balloon = machine.balloon
        found["balloon"] = {"value": balloon.target, "actual": balloon.size, "least": 0, "most": config.memory}
    for name, chip in _limited(machine).items():
        limits = machine.limits(chip)
        found |= {f"{name}.{word}": {"value": getattr(limits, word)} for word in WORDS}
    return found


def change(machine: Machine, wanted: dict[str, Any]) -> None:
    """Sets what is in `wanted`, each value in a user's words ("512M", "100", "2s"): all of it, or nothing and a
    ConfigError that has every fault. What the guest has to do for it, it does when it can."""
    known, chips = settings(machine), _limited(machine)
    breaches: list[tuple[str, str]] = []
    sizes: dict[str, int] = {}
    limits: dict[str, Limits] = {}
    for name, text in wanted.items():
        device, _, word = name.partition(".")
        try:
            if name not in known:
                breaches.append((name, _unknown(machine, name, list(known))))
            elif not isinstance(text, str):
                breaches.append((name, "a value is a text, such as 512M"))
            elif word:
                standing = limits.get(device) or machine.limits(chips[device])
                limits[device] = changed_limits(standing, {word: text}, name)
            else:
                sizes[name] = _size(text, known[name])
        except ConfigError as error:
            breaches += error.breaches
        except ValueError as error:
            breaches.append((name, str(error)))
    if breaches:
        raise ConfigError(breaches)
    if "memory" in sizes:
        machine.memory.resize(sizes["memory"])
    if "balloon" in sizes:
        machine.balloon.target = sizes["balloon"]
    for device, each in limits.items():
        machine.limit(chips[device], each.bandwidth, each.operations, each.burst / SECOND)


def _size(text: str, known: dict[str, int]) -> int:
    size = parse_size(text, "m")  # as -m has it
    if not known["least"] <= size <= known["most"]:
        least, most = format_size(known["least"]), format_size(known["most"])
        raise ValueError(f"it can be {least} to {most}, not {format_size(size)}")
    return size


def _limited(machine: Machine) -> dict[str, str]:
    """The chips that take limits, by what a user calls them."""
    config, found = machine.config, {}
    for kind, chip, count in (("disk", "virtio-blk", len(config.disks)), ("net", "virtio-net", len(config.networks))):
        for index in range(count):
            if hasattr(machine.device(f"{chip}{index}").device, "limit"):
                found[f"{kind}{index}"] = f"{chip}{index}"
    return found


def _unknown(machine: Machine, name: str, known: list[str]) -> str:
    device, _, word = name.partition(".")
    if name in REMEDIES:
        return REMEDIES[name]
    if word in WORDS and device in {f"disk{index}" for index in range(len(machine.config.disks))}:
        return "this disk is worked by an engine of its own, which takes no limits"
    if not known:
        return "nothing of this machine can be set: it has no virtio devices that take it"
    hint = nearest(name, known)
    return f"there is no such setting{hint}" if hint else f"there is no such setting; there are {', '.join(known)}"
