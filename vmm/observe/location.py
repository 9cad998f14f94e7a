"""The short way to name exits: `io.out.1[0x3f8]` is a reason, a direction, a size and an address.

Every part but the reason may be left out, and stands for all: `io`, `io[0x3f8]`, `mmio.read[0xfee00000-0xfee00fff]`.
The last address of a span counts. An exit belongs to the address at which its access starts.
"""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..records import Record
from .exits import REASONS, ExitCount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DIRECTIONS = {"io": ("in", "out"), "mmio": ("read", "write")}
"""The directions of the reasons that have one."""


class Location(Record):
    """Which exits are meant; a field left at its default stands for all."""

    reason: str = ""
    direction: str = ""
    size: int = 0
    addresses: range | None = None
    device: str = ""
    vcpu: int | None = None

    def holds(self, exit: ExitCount) -> bool:
        """Whether the exits counted in `exit` are meant."""
        return (
            (not self.reason or exit.reason == self.reason)
            and (not self.direction or exit.direction == self.direction)
            and (not self.size or exit.size == self.size)
            and (self.addresses is None or (exit.address is not None and exit.address in self.addresses))
            and (not self.device or exit.device == self.device)
            and (self.vcpu is None or exit.vcpu == self.vcpu)
        )


def location_text(reason: str, direction: str = "", size: int = 0, address: int | None = None) -> str:
    """The text that parse_location reads back."""
    parts = [reason, *([direction] if direction else []), *([str(size)] if size else [])]
    return ".".join(parts) + (f"[{address:#x}]" if address is not None else "")


def parse_location(text: str, known: Iterable[str] = ()) -> Location:
    """What `text` names. ConfigError if it is not written as above or its reason is neither KVM's nor in `known`."""
    head, bracket, span = text.strip().partition("[")
    reason, *parts = head.split(".")
    check_reason(reason, known, text)
    direction, size = "", 0
    for part in parts:
        if part.isdecimal() and part.isascii() and int(part) and not size:
            size = int(part)
        elif part and not part.isdecimal() and not direction and not size:
            direction = part
        else:
            raise _unreadable(text, f"{part!r} is neither a direction nor a size")
    check_direction(reason, direction, text)
    if not bracket:
        return Location(reason=reason, direction=direction, size=size)
    if not span.endswith("]"):
        raise _unreadable(text, "the bracket is not closed")
    return Location(reason=reason, direction=direction, size=size, addresses=_addresses(span[:-1], text))


def check_reason(reason: str, known: Iterable[str], where: str) -> None:
    """ConfigError for a reason that no exit can have: a question with a typing error would count 0 for ever."""
    if reason not in REASONS and reason not in (names := set(known)):
        raise ConfigError.of(where, f"{reason!r} is no exit reason{nearest(reason, [*REASONS, *names])}")


def check_direction(reason: str, direction: str, where: str) -> None:
    """ConfigError for a direction that exits of this reason ("" for any reason) do not have."""
    some = DIRECTIONS.get(reason, ()) if reason else ("in", "out", "read", "write")
    if direction and direction not in some:
        has = f"{reason or 'an exit'} has {' and '.join(some)}" if some else f"{reason} has no direction"
        raise ConfigError.of(where, f"{direction!r} is no direction here: {has}")


def _addresses(span: str, text: str) -> range:
    first, dash, last = span.partition("-")
    try:
        start, end = int(first, 0), int(last if dash else first, 0)
    except ValueError:
        raise _unreadable(text, f"{span!r} is neither an address nor a span of two") from None
    if not 0 <= start <= end:
        raise _unreadable(text, f"the span {span} runs backwards")
    return range(start, end + 1)


def _unreadable(text: str, fault: str) -> ConfigError:
    return ConfigError.of(text, f"{fault}; write io, io.out, io.out.1[0x3f8] or mmio.read[0xfee00000-0xfee00fff]")
