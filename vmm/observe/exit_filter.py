"""Which exits somebody wants to see: by device, port, guest physical address, direction and RIP.

Words: device=com1,port=0x3f8-0x3ff,mmio=0xfed00000-0xfed00fff,direction=out,rip=0x100000-0x10ffff. A key given twice
allows either; of different keys all must hold, save that port and mmio are two spellings of one: the place.
"""

from __future__ import annotations

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Hook = Callable[[str, int, int, int, str], None]

KEYS = ("device", "port", "mmio", "direction", "rip")
DIRECTIONS = ("in", "out", "read", "write")


class ExitFilter:
    """Immutable; an empty one takes every exit."""

    def __init__(self, words: str = "", field: str = "filter") -> None:
        """ConfigError, under `field`, for what is no filter."""
        self.devices: set[str] = set()
        self.directions: set[str] = set()
        self.places: list[tuple[str, int, int]] = []
        """(reason, first, last)."""
        self.rips: list[tuple[int, int]] = []
        for word in filter(None, words.split(",")):
            key, is_pair, value = word.partition("=")
            if not is_pair or key not in KEYS or not value:
                raise ConfigError.of(field, f"{word!r} is not KEY=VALUE with a key of {', '.join(KEYS)}")
            if key == "device":
                self.devices.add(value)
            elif key == "direction":
                if value not in DIRECTIONS:
                    raise ConfigError.of(field, f"{value!r} is no direction: {', '.join(DIRECTIONS)}")
                self.directions.add(value)
            elif key == "rip":
                self.rips.append(_range(value, field))
            else:
                self.places.append(("io" if key == "port" else "mmio", *_range(value, field)))

    def takes(self, reason: str, direction: str, address: int | None, device: str, rip: int | None = None) -> bool:
        """Whether this exit is wanted. `rip` None is not known and not asked for."""
        if self.devices and device not in self.devices:
            return False
        if self.directions and direction not in self.directions:
            return False
        if self.places and not any(
            reason == kind and address is not None and first <= address <= last for kind, first, last in self.places
        ):
            return False
        return not self.rips or rip is None or any(first <= rip <= last for first, last in self.rips)


def _range(text: str, field: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        numbers = int(first, 0), int(last or first, 0)
    except ValueError:
        raise ConfigError.of(field, f"{text!r} is neither a number nor FIRST-LAST") from None
    if not 0 <= numbers[0] <= numbers[1]:
        raise ConfigError.of(field, f"{text!r} holds nothing")
    return numbers


def filtered(words: str, hook: Hook | None) -> Hook:
    """A hook of machine.on_exit that passes on what the filter takes. ConfigError for a filter that asks for RIPs."""
    wanted = ExitFilter(words)
    if wanted.rips or not callable(hook):
        raise ConfigError.of("filter", "on_exit(filter, hook) needs a hook, which is not told of RIPs")
    told = hook

    def chosen(direction: str, address: int, size: int, value: int, device: str) -> None:
        if wanted.takes("io" if direction in ("in", "out") else "mmio", direction, address, device):
            told(direction, address, size, value, device)

    return chosen
