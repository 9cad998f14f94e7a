"""The driver's side of both rings, as the specification has it, for tests to hold the device's side against."""

from __future__ import annotations

from struct import pack, unpack

from vmm.memory.guest_memory import GuestMemory

NEXT, WRITE, INDIRECT = 1, 2, 4


class SplitDriver:
    """A split ring of `size` at `place`; `has_events` after F_EVENT_INDEX."""

    def __init__(self, memory: GuestMemory, place: int, size: int, has_events: bool) -> None:
        self.memory, self.size, self.has_events = memory, size, has_events
        self.places = (place, place + 16 * size, place + 16 * size + 8 + (2 * size + 3) // 4 * 4)
        self.table, self.available, self.used = self.places
        self.free = list(range(size))
        self.chains: dict[int, list[int]] = {}
        self.offered = self.seen = 0

    def offer(self, *parts: tuple[int, int, bool]) -> int | None:
        """(gpa, size, device writes) of each buffer of a request; its id, None without room."""
        if len(parts) > len(self.free):
            return None
        entries = [self.free.pop(0) for _ in parts]
        for at, (gpa, size, writes) in enumerate(parts):
            is_last = at + 1 == len(parts)
            flags = (WRITE if writes else 0) | (0 if is_last else NEXT)
            entry = pack("<QIHH", gpa, size, flags, 0 if is_last else entries[at + 1])
            self.memory.write(self.table + 16 * entries[at], entry)
        self.chains[entries[0]] = entries
        self.memory.write_int(self.available + 4 + 2 * (self.offered % self.size), 2, entries[0])
        self.offered = self.offered + 1 & 0xFFFF
        self.memory.write_int(self.available + 2, 2, self.offered)
        return entries[0]

    def offer_indirectly(self, table: int, *parts: tuple[int, int, bool]) -> int:
        """The same by way of a table at `table`, as one descriptor."""
        content = b"".join(
            pack("<QIHH", gpa, size, (WRITE if writes else 0) | (NEXT if at < len(parts) else 0), at)
            for at, (gpa, size, writes) in enumerate(parts, start=1)
        )
        self.memory.write(table, content)
        head = self.offer((table, len(content), False))
        assert head is not None
        self.memory.write_int(self.table + 16 * head + 12, 2, INDIRECT)
        return head

    def must_ring(self, before: int) -> bool:
        """Whether the device asked to be told, of what was offered since `offered` was `before`."""
        if not self.has_events:
            return not self.memory.read_int(self.used, 2) & 1
        event = self.memory.read_int(self.used + 4 + 8 * self.size, 2)
        return (self.offered - event - 1 & 0xFFFF) < (self.offered - before & 0xFFFF)

    def taken_back(self) -> list[tuple[int, int]]:
        """(id, bytes written) of what came back since the last call, and asks for the next interrupt."""
        found = []
        while self.seen != self.memory.read_int(self.used + 2, 2):
            head, written = unpack("<II", self.memory.read(self.used + 4 + 8 * (self.seen % self.size), 8))
            self.free += self.chains.pop(head)
            found.append((head, written))
            self.seen = self.seen + 1 & 0xFFFF
        self.memory.write_int(self.available + 4 + 2 * self.size, 2, self.seen)
        return found


class PackedDriver:
    """The same over a packed ring."""

    def __init__(self, memory: GuestMemory, place: int, size: int, has_events: bool) -> None:
        self.memory, self.size, self.has_events = memory, size, has_events
        self.places = (place, place + 16 * size, place + 16 * size + 4)
        self.ring, self.driver, self.device = self.places
        self.free = size
        self.ids = list(range(size))
        self.chains: dict[int, int] = {}
        self.next, self.wrap = 0, True
        self.seen, self.seen_wrap = 0, True
        self.offered = 0
        """Descriptors so far."""
        self.wish()

    def offer(self, *parts: tuple[int, int, bool]) -> int | None:
        if len(parts) > self.free:
            return None
        identity, first = self.ids.pop(0), None
        for at, (gpa, size, writes) in enumerate(parts):
            flags = (WRITE if writes else 0) | (0 if at + 1 == len(parts) else NEXT)
            flags |= 1 << 7 if self.wrap else 1 << 15
            entry = self.ring + 16 * self.next
            self.memory.write(entry, pack("<QIH", gpa, size, identity))
            if first is None:
                first = (entry, flags)
            else:
                self.memory.write_int(entry + 14, 2, flags)
            self.next += 1
            if self.next == self.size:
                self.next, self.wrap = 0, not self.wrap
        self.memory.write_int(first[0] + 14, 2, first[1])
        self.free -= len(parts)
        self.chains[identity] = len(parts)
        self.offered += len(parts)
        return identity

    def offer_indirectly(self, table: int, *parts: tuple[int, int, bool]) -> int:
        content = b"".join(pack("<QIHH", gpa, size, 99, WRITE if writes else 0) for gpa, size, writes in parts)
        self.memory.write(table, content)
        at = self.ring + 16 * self.next + 14
        identity = self.offer((table, len(content), False))
        assert identity is not None
        self.memory.write_int(at, 2, self.memory.read_int(at, 2) | INDIRECT)
        return identity

    def must_ring(self, before: int) -> bool:
        event, flags = unpack("<HH", self.memory.read(self.device, 4))
        if flags != 2:
            return flags == 0
        at = event & 0x7FFF
        if bool(event >> 15) is not self.wrap:
            at -= self.size
        return (self.next - at - 1 & 0xFFFF) < (self.offered - before & 0xFFFF)

    def taken_back(self) -> list[tuple[int, int]]:
        found = []
        while True:
            written, identity, flags = unpack("<IHH", self.memory.read(self.ring + 16 * self.seen + 8, 8))
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
            self.memory.write(self.driver, pack("<HH", self.seen | self.seen_wrap << 15, 2))
