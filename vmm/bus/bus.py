"""An address space of devices: x86 I/O ports, or the guest physical addresses behind which there is no memory.

The bus owns what is not any one device's business: who claims which range, accesses wider than a device's registers,
accesses that straddle claims, the all-ones answer of an undriven read, and a device that fails in its handler.
An engine asks once for each location it meets (`bind`) and then calls what it got.
"""

from __future__ import annotations

from ..bits import mask
from ..errors import ConfigError
from ..ranges import Range, RangeMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Responder(Protocol):
        """The part of a device that the bus calls."""

        def read(self, offset: int, size: int, /) -> int: ...
        def write(self, offset: int, size: int, value: int, /) -> None: ...

    Read = Callable[[int, int], int]
    Write = Callable[[int, int, int], None]
    Bound = tuple[Callable[..., int | None], int, int]
    """(handler, offset, size): reads are handler(offset, size), writes handler(offset, size, value)."""


class Claim:
    """A range of a bus held by a device. `width` is the widest access the device takes in one piece, in bytes."""

    __slots__ = ("device", "name", "name_of", "part", "span", "width")

    def __init__(self, span: Range, device: Any, width: int, name: str) -> None:
        self.span = span
        self.device = device
        """A Responder; None while the chip `name` sits in its socket and nobody has met it."""
        self.width = width
        self.name = name
        self.part: Callable[[Any], Responder] | None = None
        """Gives the part of the chip that answers here; None where the chip itself does."""
        self.name_of: Callable[[int], str] | None = None
        """Gives single offsets a name of their own, for a device whose every address is a function of its own."""

    def held_by(self, chip: Any) -> Claim:
        """A copy with the device that `chip` has for it."""
        claim = Claim(self.span, chip if self.part is None else self.part(chip), self.width, self.name)
        claim.part, claim.name_of = self.part, self.name_of
        return claim

    def __repr__(self) -> str:
        return f"<{self.name} at {self.span}>"


class Bus:
    """One address space. `kind` is "io" or "mmio"; `limit` is the first number that does not exist on it.

    It starts with the claims of `like`. `chips` gives the chip of a name, and makes it if need be, when a claim without
    a device is first met.
    """

    observer: Callable[[str, int, int, int, str], None] | None = None
    """Called after each access with (direction, address, size, value, device name); set before the first bind."""
    on_unclaimed: Callable[[str, int, int, int], None] | None = None
    """Called with (direction, address, size, value) for an access that nobody claims."""
    on_failure: Callable[[str, Exception], None] | None = None
    """Called with (device name, error) when a handler raises; the access then reads as all ones."""
    guard: Callable[[Callable[..., int | None]], Callable[..., int | None]] | None = None
    """Wraps every handler, for machines whose devices are reached by several threads."""
    has_plugs = False
    """Whether anybody has claimed for a device of their own, not for a chip in a socket."""

    def __init__(
        self, kind: str, limit: int, chips: Callable[[str], Any] | None = None, like: Bus | None = None
    ) -> None:
        self.kind = kind
        self.limit = limit
        self._claims: RangeMap[Claim] = RangeMap() if like is None else like._claims.copy()
        self._chips = chips
        self._watchers: list[Callable[[], None]] = []

    @property
    def directions(self) -> tuple[str, str]:
        """The words for a read and a write here."""
        return ("in", "out") if self.kind == "io" else ("read", "write")

    def claim(self, start: int, size: int, device: Responder | None, *, width: int = 1, name: str = "") -> Claim:
        """Gives [start, start + size) to `device`. ConfigError when part of it is held already or does not exist."""
        name = name or getattr(device, "name", type(device).__name__)
        if size <= 0 or start < 0 or start + size > self.limit:
            fault = f"{name} asks for {size} from {start:#x}, the space ends at {self.limit:#x}"
            raise ConfigError.of(f"{self.kind} {start:#x}", fault)
        claim = Claim(Range(start, size), device, width, name)
        self.has_plugs = self.has_plugs or device is not None
        standing = self._claims.add(claim.span, claim)
        if standing is not None:
            fault = f"{name} asks for {claim.span}, but {standing[1].name} holds {standing[0]}"
            raise ConfigError.of(f"{self.kind} {start:#x}", fault)
        if self._watchers:
            self.changed()
        return claim

    def release(self, claim: Claim) -> None:
        """Takes a claim back. KeyError when it does not stand."""
        self._claims.remove(claim.span)
        self.changed()

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called whenever bindings handed out before may be wrong."""
        self._watchers.append(changed)

    def changed(self) -> None:
        """Tells the watchers."""
        for watcher in self._watchers:
            watcher()

    def close(self) -> None:
        """Lets go of all devices and watchers: what hung in circles through the bus is freed at once."""
        self._claims = RangeMap()
        self._watchers.clear()
        self._chips = None
        self.observer = self.on_unclaimed = self.on_failure = self.guard = None

    def find(self, address: int) -> Claim | None:
        """Who holds `address`."""
        entry = self._claims.find(address)
        return entry[1] if entry else None

    def name_at(self, address: int) -> str:
        """The holder's name, or its own name for just this address, or "" where nobody is."""
        claim = self.find(address)
        if claim is None:
            return ""
        return claim.name if claim.name_of is None else claim.name_of(address - claim.span.start)

    def claims(self) -> list[Claim]:
        """All claims by address."""
        return [claim for _, claim in self._claims]

    def bind(self, address: int, size: int, is_write: bool) -> Bound:
        """What to call for accesses of `size` bytes at `address`; good until the next `changed`."""
        claim = self._ready(address)
        if claim is not None and claim.span.covers(address, size) and size <= claim.width and not size & (size - 1):
            device = claim.device
            bound: Bound = (device.write if is_write else device.read, address - claim.span.start, size)
        elif claim is None and not any(self.find(address + at) for at in range(1, size)):
            bound = self._nobody(address, size, is_write)
        else:
            bound = self._in_pieces(address, size, is_write)
        return self._wrapped(bound, address, is_write)

    def _ready(self, address: int) -> Claim | None:
        """As find(), with the device made if nobody has met it yet."""
        claim = self.find(address)
        if claim is not None and claim.device is None and self._chips is not None:
            claim = claim.held_by(self._chips(claim.name))
            self._claims.replace(claim.span, claim)
        return claim

    def read(self, address: int, size: int) -> int:
        """One access, for callers off the hot path."""
        handler, offset, size = self.bind(address, size, False)
        return self._answer(handler, offset, size, address)

    def write(self, address: int, size: int, value: int) -> None:
        """One access, for callers off the hot path."""
        handler, offset, size = self.bind(address, size, True)
        handler(offset, size, value & mask(size))

    def failed(self, address: int, error: Exception) -> None:
        """A handler for `address` raised: reports it under the device's name. Engines call this and go on."""
        if self.on_failure is not None:
            self.on_failure(self.name_at(address) or f"{self.kind} {address:#x}", error)

    def _answer(self, handler: Callable[..., int | None], offset: int, size: int, address: int) -> int:
        """What a device says to a read, cut to size; all ones, and a report, when it fails or says no number."""
        try:
            value: Any = handler(offset, size)
            if not 0 <= value <= mask(8):
                raise OverflowError(f"{value:#x} has no place in 64 bits")
            return int(value & mask(size))
        except Exception as error:
            self.failed(address, error)
            return mask(size)

    def _nobody(self, address: int, size: int, is_write: bool) -> Bound:
        ones = mask(size)

        def read(_offset: int, _size: int) -> int:
            if self.on_unclaimed is not None:
                self.on_unclaimed(self.directions[0], address, size, 0)
            return ones

        def write(_offset: int, _size: int, value: int) -> None:
            if self.on_unclaimed is not None:
                self.on_unclaimed(self.directions[1], address, size, value)

        return (write if is_write else read), 0, size

    def _in_pieces(self, address: int, size: int, is_write: bool) -> Bound:
        """An access wider than the device or across claims: as an ISA bridge does it, lowest address first."""
        pieces: list[tuple[int, Bound]] = []
        at = 0
        while at < size:
            claim = self._ready(address + at)
            width = 1
            if claim is not None:
                width = min(claim.width, 8)
                while width > 1 and (at + width > size or not claim.span.covers(address + at, width)):
                    width >>= 1
                offset = address + at - claim.span.start
                pieces.append((at, (claim.device.write if is_write else claim.device.read, offset, width)))
            else:
                pieces.append((at, self._nobody(address + at, 1, is_write)))
            at += width

        def read(_offset: int, _size: int) -> int:
            value = 0
            for at, (handler, offset, width) in pieces:
                value |= self._answer(handler, offset, width, address + at) << 8 * at
            return value

        def write(_offset: int, _size: int, value: int) -> None:
            for at, (handler, offset, width) in pieces:
                try:
                    handler(offset, width, value >> 8 * at & mask(width))
                except Exception as error:
                    self.failed(address + at, error)

        return (write if is_write else read), 0, size

    def _wrapped(self, bound: Bound, address: int, is_write: bool) -> Bound:
        handler, offset, size = bound
        observer = self.observer
        if observer is not None:
            inner, device = handler, self.name_at(address)
            direction = self.directions[is_write]

            def read(offset: int, size: int) -> int:
                value = self._answer(inner, offset, size, address)
                observer(direction, address, size, value, device)
                return value

            def write(offset: int, size: int, value: int) -> None:
                try:
                    inner(offset, size, value)
                except Exception as error:
                    self.failed(address, error)
                observer(direction, address, size, value, device)

            handler = write if is_write else read
        if self.guard is not None:
            handler = self.guard(handler)
        return handler, offset, size
