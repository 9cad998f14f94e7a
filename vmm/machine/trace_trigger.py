"""Where a trace's trigger stands: the words of an ExitFilter as ranges that the run step compares each exit with.

Devices count by the claims they hold when it is set. Not modelled: claims that move later.
"""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..observe.exit_filter import ExitFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..bus.bus import Bus
    from ..engine.protocol import TraceTrigger

_WAYS = {"in": ("io", False), "out": ("io", True), "read": ("mmio", False), "write": ("mmio", True)}
_ALL = (1 << 64) - 1


def triggers(words: str, ports: Bus, mmio: Bus, field: str = "at") -> list[TraceTrigger]:
    """ConfigError, under `field`, for what is no filter, takes every exit, or names a device that is not there."""
    wanted = ExitFilter(words, field)
    buses = {"io": ports, "mmio": mmio}
    if not (wanted.devices or wanted.directions or wanted.places or wanted.rips):
        raise ConfigError.of(field, "every exit is meant, so the first one ends it")
    rips = wanted.rips or [(0, _ALL)]
    if not (wanted.devices or wanted.directions or wanted.places):
        return [("", 0, _ALL, False, *rip) for rip in rips] + [("", 0, _ALL, True, *rip) for rip in rips]
    places = wanted.places or [("io", 0, _ALL), ("mmio", 0, _ALL)]
    if wanted.devices:
        _check(wanted.devices, buses, field)
        held = list(_held(wanted.devices, buses))
        places = [
            (kind, max(first, start), min(last, end))
            for kind, first, last in places
            for other, start, end in held
            if kind == other and max(first, start) <= min(last, end)
        ]
    if not places:
        raise ConfigError.of(field, "the device holds no address of these ranges")
    ways = [_WAYS[direction] for direction in wanted.directions or _WAYS]
    return [
        (kind, first, last, is_write, *rip)
        for kind, first, last in places
        for way, is_write in ways
        if way == kind
        for rip in rips
    ]


def _held(devices: set[str], buses: dict[str, Bus]) -> Iterator[tuple[str, int, int]]:
    """(bus, first, last) of what these devices answer."""
    for kind, bus in buses.items():
        for claim in bus.claims():
            if claim.name_of is None:
                if claim.name in devices:
                    yield kind, claim.span.start, claim.span.end - 1
                continue
            for offset in range(claim.span.size):
                if claim.name_of(offset) in devices:
                    yield kind, claim.span.start + offset, claim.span.start + offset


def _check(devices: set[str], buses: dict[str, Bus], field: str) -> None:
    known: set[str] = set()
    for bus in buses.values():
        for claim in bus.claims():
            known.update((claim.name,) if claim.name_of is None else map(claim.name_of, range(claim.span.size)))
    for device in sorted(devices - known):
        raise ConfigError.of(field, f"no device {device!r}{nearest(device, sorted(known))}")
