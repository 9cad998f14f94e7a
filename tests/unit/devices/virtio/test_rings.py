"""Both rings against a driver that keeps to the specification: nothing is lost, nothing comes twice, nobody sleeps."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ring_drivers import PackedDriver, SplitDriver

from vmm.devices.virtio.packed import PackedQueue
from vmm.devices.virtio.queue import SplitQueue
from vmm.devices.virtio.ring import F_EVENT_INDEX, F_INDIRECT
from vmm.errors import GuestError
from vmm.memory.guest_memory import GuestMemory
from vmm.units import KiB

LAYOUTS = {"split": (SplitDriver, SplitQueue), "packed": (PackedDriver, PackedQueue)}
DATA = 0x8000


class Pair:
    """A driver and a device at one ring; `rung` and `interrupts` count what each tells the other."""

    def __init__(self, layout: str, size: int, has_events: bool, more: int = 0) -> None:
        self.memory = GuestMemory()
        self.memory.add(0, 64 * KiB)
        driver, queue = LAYOUTS[layout]
        self.driver = driver(self.memory, 0x1000, size, has_events)
        self.interrupts = 0
        features = (F_EVENT_INDEX if has_events else 0) | more
        self.queue = queue(self.memory, 0, size, self.driver.places, features, self.interrupted)

    def interrupted(self) -> None:
        self.interrupts += 1

    def close(self) -> None:
        self.queue.release()
        self.memory.close()


steps = st.lists(
    st.tuples(st.sampled_from(["add", "add", "serve", "hold", "take"]), st.integers(1, 4), st.booleans()), max_size=80
)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=200)
@given(size=st.sampled_from([1, 2, 4, 8]), has_events=st.booleans(), steps=steps)
def test_every_request_comes_and_goes_once(layout, size, has_events, steps):
    pair = Pair(layout, size, has_events)
    driver, queue = pair.driver, pair.queue
    asleep, awake = True, True
    """Whether the device waits to be told, and the driver looks by itself."""
    out: dict[int, list[tuple[int, int, bool]]] = {}
    held = []
    queue.listen()
    for action, count, writes in steps:
        if action == "add":
            parts = [(DATA + 0x100 * at, 16 + at, writes or at > 0) for at in range(count)]
            before = driver.offered
            identity = driver.offer(*parts)
            if identity is not None:
                assert identity not in out
                out[identity] = parts
                if driver.must_ring(before):
                    asleep = False
                assert not asleep, "the device sleeps and was not told"
        elif action == "serve" and not asleep:
            queue.hush()
            while (chain := queue.pop()) is not None:
                parts = out[chain.head]
                assert [len(view) for view in chain.readable] == [size for _, size, writes in parts if not writes]
                assert chain.places == [(gpa, size) for gpa, size, writes in parts if writes]
                held.append(chain)
                if writes and len(held) > 1:
                    held.append(held.pop(0))  # out of order
            asleep = not queue.listen()
            assert asleep
        elif action == "hold" and held:
            before = pair.interrupts
            done = [held.pop() for _ in range(min(count, len(held)))]
            for chain in done:
                queue.push(chain, chain.writable_size)
            queue.flush()
            awake = awake or pair.interrupts > before
            assert awake, "the driver sleeps and was not told"
        elif action == "take":
            for identity, written in driver.taken_back():
                assert written == sum(size for _, size, writes in out.pop(identity) if writes)
            awake = False
            if driver.taken_back():
                awake = True
    for identity, _ in driver.taken_back():
        out.pop(identity)
    waiting = 0
    while queue.pop() is not None:
        waiting += 1
    assert len(out) == len(held) + waiting


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_state_goes_on_where_it_was(layout):
    pair = Pair(layout, 4, True)
    for round in range(7):
        pair.driver.offer((DATA, 16, False), (DATA, 16, True))
        chain = pair.queue.pop()
        pair.queue.push(chain, 1)
        pair.queue.flush()
        del chain
        assert [written for _, written in pair.driver.taken_back()] == [1], round
        state = pair.queue.save()
        pair.queue.release()
        pair.queue = LAYOUTS[layout][1](pair.memory, 0, 4, pair.driver.places, F_EVENT_INDEX, pair.interrupted)
        pair.queue.load(state)
    pair.close()


@pytest.mark.parametrize("layout", LAYOUTS)
@given(parts=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3), st.booleans()), min_size=1, max_size=20))
@example(parts=[(0, 1, False), (2, 2, False), (5, 1, True)])
@example(parts=[(0, 1, False), (2, 2, True), (5, 1, True)])
def test_an_indirect_table_is_its_buffers_in_order(layout, parts):
    pair = Pair(layout, 4, False, F_INDIRECT)
    parts = sorted([(DATA + 16 * at, 16 * size, writes) for at, size, writes in parts], key=lambda part: part[2])
    pair.driver.offer_indirectly(0x6000, *parts)
    for part in range(16):
        pair.memory.write(DATA + 16 * part, bytes([part] * 16))
    chain = pair.queue.pop()
    for views, way in ((chain.readable, False), (chain.writable, True)):
        wanted = b"".join(pair.memory.read(gpa, size) for gpa, size, writes in parts if writes is way)
        assert b"".join(views) == wanted
    assert [len(view) for view in chain.writable] == [size for _, size in chain.places]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_buffers_side_by_side_in_two_regions_are_two(layout):
    pair = Pair(layout, 4, False, F_INDIRECT)
    pair.memory.add(64 * KiB, 4 * KiB, name="more")
    pair.driver.offer_indirectly(0x6000, (0xFF00, 0x100, True), (0x1_0000, 0x100, True))
    chain = pair.queue.pop()
    assert chain.places == [(0xFF00, 0x100), (0x1_0000, 0x100)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_was_put_back_comes_again(layout):
    pair = Pair(layout, 2, False)
    for _ in range(3):
        pair.driver.offer((DATA, 16, True), (DATA + 16, 16, True))
        first = pair.queue.pop()
        pair.queue.unpop(first)
        again = pair.queue.pop()
        assert (again.head, again.places) == (first.head, first.places)
        assert pair.queue.pop() is None
        pair.queue.push(again, 0)
        pair.queue.flush()
        assert len(pair.driver.taken_back()) == 1
        del first, again
    pair.close()


def test_a_packed_state_that_cannot_be_is_refused():
    pair = Pair("packed", 4, False)
    for state in ([0, 0], [4, 1, 0, 1], [0, 1, 9, 1]):
        with pytest.raises(GuestError):
            pair.queue.load(state)
    pair.close()
