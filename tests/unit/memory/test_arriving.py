"""Pages that are on their way: each is put once, what was discarded stays so, and who waits is told."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vmm import HostError
from vmm.memory import arriving
from vmm.memory.arriving import Arriving
from vmm.memory.pages import PAGE

PAGES = 16


class Memory:
    """A place that refuses to put a page twice."""

    def __init__(self) -> None:
        self.pages: dict[int, bytes] = {}
        self.is_closed = False

    def copy(self, offset: int, content: memoryview) -> None:
        for at in range(0, len(content), PAGE):
            assert offset + at not in self.pages
            self.pages[offset + at] = bytes(content[at : at + PAGE])

    def zero(self, offset: int, size: int) -> None:
        self.copy(offset, memoryview(bytes(size)))

    def close(self) -> None:
        self.is_closed = True


def page_of(number: int) -> bytes:
    return bytes([number + 1]) * PAGE


STEPS = some.lists(
    some.tuples(
        some.sampled_from(["ask", "put", "touch", "discard"]), some.integers(0, PAGES - 1), some.integers(1, PAGES)
    )
)


@given(some.sets(some.integers(0, PAGES - 1)), STEPS)
def test_in_any_order_each_page_is_put_once_and_is_what_it_should_be(missing, steps):
    memory = Memory()
    pages = Arriving(memory, PAGES * PAGE, [(number * PAGE, PAGE) for number in missing], lambda: None)
    underway: list[tuple[int, int]] = []
    expected = {number: page_of(number) if number in missing else bytes(PAGE) for number in range(PAGES)}
    for what, first, most in steps:
        count = min(most, PAGES - first)
        if what == "ask" and (run := pages.ask(first * PAGE, count * PAGE)):
            assert {number // PAGE for number in range(run[0], run[0] + run[1], PAGE)} <= missing
            underway.append(run)
        elif what == "put" and underway:
            offset, size = underway.pop(first % len(underway))
            numbers = range(offset // PAGE, (offset + size) // PAGE)
            pages.put(offset, memoryview(b"".join(map(page_of, numbers))))
        elif what == "touch":
            pages.touched(first * PAGE)
        elif what == "discard" and all(at * PAGE in memory.pages for at in range(first, first + count)):
            for at in range(first, first + count):
                del memory.pages[at * PAGE]
                expected[at] = bytes(PAGE)
            pages.discarded(first * PAGE, count * PAGE)
    for offset, content in memory.pages.items():
        assert content == expected[offset // PAGE]
    assert pages.left == sum(number * PAGE not in memory.pages for number in missing)


def test_what_came_too_late_is_dropped():
    memory = Memory()
    pages = Arriving(memory, 2 * PAGE, [(0, 2 * PAGE)], lambda: None)
    assert pages.ask(0, PAGE) == (0, PAGE)
    pages.put(0, memoryview(page_of(0) + page_of(1)))  # the second was not asked for
    assert list(memory.pages) == [0]


def test_who_waits_is_told_of_pages_and_of_the_end():
    memory, rung = Memory(), threading.Event()
    pages = Arriving(memory, 4 * PAGE, [(PAGE, 2 * PAGE)], rung.set)
    waiting = threading.Thread(target=pages.need, args=(PAGE + 5, 10))
    waiting.start()
    assert rung.wait(10)
    assert pages.wishes.popleft() == (PAGE, PAGE)
    assert pages.ask(PAGE, PAGE) == (PAGE, PAGE)
    pages.put(PAGE, memoryview(page_of(1)))
    waiting.join(10)
    assert not waiting.is_alive()
    assert pages.lose("the line is cut") == [(0, PAGE), (2 * PAGE, 2 * PAGE)]
    pages.need(PAGE, PAGE)
    for offset in (0, 2 * PAGE):
        with pytest.raises(HostError, match="never came: the line is cut"):
            pages.need(offset, 1)
    with pytest.raises(HostError, match="not all"):
        pages.finish()
    assert list(memory.pages) == [PAGE]
    pages.end()
    assert memory.is_closed


def test_an_empty_page_is_there_once_it_was_touched_with_its_neighbours():
    memory = Memory()
    pages = Arriving(memory, 8 * PAGE, [(4 * PAGE, PAGE)], lambda: None)
    assert pages.touched(PAGE) == arriving.EMPTY
    assert sorted(memory.pages) == [PAGE, 2 * PAGE, 3 * PAGE]
    assert pages.touched(PAGE) == arriving.HERE
    assert pages.touched(4 * PAGE) == arriving.MISSING
