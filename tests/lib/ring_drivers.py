"""The driver's side of both rings, as the specification has it, for tests to hold the device's side against."""

from __future__ import annotations

from struct import pack, pack_into, unpack_from

from vmm.memory.guest_memory import GuestMemory

NEXT, WRITE, INDIRECT = 1, 2, 4


class SplitDriver:
    """A split ring of `size` at `place`; `has_events` after F_EVENT_INDEX."""

    def __init__(self, memory: GuestMemory, place: int, size: int, has_events: bool) -> None:
        self.memory, self.size, self.has_events = memory, size, has_events
        self.places = (place, place + 16 * size, place + 16 * size + 8 + (2 * size + 3) // 4 * 4)
        self.table = memory.view(self.places[0], 16 * size)
        self.available = memory.view(self.places[1], 6 + 2 * size)
        self.used = memory.view(self.places[2], 6 + 8 * size)
        self.free = list(range(size))
        self.chains: dict[int, list[int]] = {}
        self.offered = self.seen = 0

    def add(self, parts: list[tuple[int, int, bool]]) -> int | None:
        """Offers (gpa, size, device writes) of each buffer; the request's id, None without room."""
        if len(parts) > len(self.free):
            return None
        entries = [self.free.pop(0) for _ in parts]
        for at, (gpa, size, writes) in enumerate(parts):
            is_last = at + 1 == len(parts)
            flags = (WRITE if writes else 0) | (0 if is_last else NEXT)
            pack_into("<QIHH", self.table, 16 * entries[at], gpa, size, flags, 0 if is_last else entries[at + 1])
        self.chains[entries[0]] = entries
        pack_into("<H", self.available, 4 + 2 * (self.offered % self.size), entries[0])
        self.offered = self.offered + 1 & 0xFFFF
        pack_into("<H", self.available, 2, self.offered)
        return entries[0]

    def add_indirectly(self, table: int, parts: list[tuple[int, int, bool]]) -> int:
        """The same by way of a table at `table`, as one descriptor."""
        content = b"".join(
            pack("<QIHH", gpa, size, (WRITE if writes else 0) | (NEXT if at < len(parts) else 0), at)
            for at, (gpa, size, writes) in enumerate(parts, start=1)
        )
        self.memory.write(table, content)
        head = self.add([(table, len(content), False)])
        assert head is not None
        pack_into("<H", self.table, 16 * head + 12, INDIRECT)
        return head

    def must_ring(self, before: int) -> bool:
        """Whether the device asked to be told, of what was offered since `offered` was `before`."""
        if not self.has_events:
            return not unpack_from("<H", self.used, 0)[0] & 1
        (event,) = unpack_from("<H", self.used, 4 + 8 * self.size)
        return (self.offered - event - 1 & 0xFFFF) < (self.offered - before & 0xFFFF)

    def take(self) -> list[tuple[int, int]]:
        """(id, bytes written) of what came back, and asks for the next interrupt."""
        found = []
        while self.seen != unpack_from("<H", self.used, 2)[0]:
            head, written = unpack_from("<II", self.used, 4 + 8 * (self.seen % self.size))
            self.free += self.chains.pop(head)
            found.append((head, written))
            self.seen = self.seen + 1 & 0xFFFF
        pack_into("<H", self.available, 4 + 2 * self.size, self.seen)
        return found

    def close(self) -> None:
        for view in (self.table, self.available, self.used):
            view.release()


class PackedDriver:
    """The same over a packed ring."""

    def __init__(self, memory: GuestMemory, place: int, size: int, has_events: bool) -> None:
        self.memory, self.size, self.has_events = memory, size, has_events
        self.places = (place, place + 16 * size, place + 16 * size + 4)
        self.ring = memory.view(place, 16 * size)
        self.driver = memory.view(self.places[1], 4)
        self.device = memory.view(self.places[2], 4)
        self.free = size
        self.ids = list(range(size))
        self.chains: dict[int, int] = {}
        self.next, self.wrap = 0, True
        self.seen, self.seen_wrap = 0, True
        self.offered = 0
        """Descriptors so far."""
        self.wish()

    def add(self, parts: list[tuple[int, int, bool]]) -> int | None:
        if len(parts) > self.free:
            return None
        identity, first = self.ids.pop(0), None
        for at, (gpa, size, writes) in enumerate(parts):
            flags = (WRITE if writes else 0) | (0 if at + 1 == len(parts) else NEXT)
            flags |= 1 << 7 if self.wrap else 1 << 15
            pack_into("<QIH", self.ring, 16 * self.next, gpa, size, identity)
            if first is None:
                first = (self.next, flags)
            else:
                pack_into("<H", self.ring, 16 * self.next + 14, flags)
            self.next += 1
            if self.next == self.size:
                self.next, self.wrap = 0, not self.wrap
        pack_into("<H", self.ring, 16 * first[0] + 14, first[1])
        self.free -= len(parts)
        self.chains[identity] = len(parts)
        self.offered += len(parts)
        return identity

    def add_indirectly(self, table: int, parts: list[tuple[int, int, bool]]) -> int:
        content = b"".join(pack("<QIHH", gpa, size, 99, WRITE if writes else 0) for gpa, size, writes in parts)
        self.memory.write(table, content)
        at = 16 * self.next + 14
        identity = self.add([(table, len(content), False)])
        assert identity is not None
        pack_into("<H", self.ring, at, unpack_from("<H", self.ring, at)[0] | INDIRECT)
        return identity

    def must_ring(self, before: int) -> bool:
        event, flags = unpack_from("<HH", self.device, 0)
        if flags != 2:
            return flags == 0
        at = event & 0x7FFF
        if bool(event >> 15) is not self.wrap:
            at -= self.size
        return (self.next - at - 1 & 0xFFFF) < (self.offered - before & 0xFFFF)

    def take(self) -> list[tuple[int, int]]:
        found = []
        while True:
            written, identity, flags = unpack_from("<IHH", self.ring, 16 * self.seen + 8)
            if not bool(flags & 1 << 7) is bool(flags & 1 << 15) is self.seen_wrap:
                break
            count = self.chains.pop(identity)
            self.free += count
            self.ids.append(identity)
            self.seen += count
            if self.seen >= self.size:
                self.seen, self.seen_wrap = self.seen - self.size, not self.seen_wrap
            found.append((identity, written))
        self.wish()
        return found

    def wish(self) -> None:
        """Asks for the next interrupt."""
        if self.has_events:
            pack_into("<HH", self.driver, 0, self.seen | self.seen_wrap << 15, 2)

    def close(self) -> None:
        for view in (self.ring, self.driver, self.device):
            view.release()
