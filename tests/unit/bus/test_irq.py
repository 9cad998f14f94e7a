from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.irq import IrqWire, unconnected


def wired(count: int = 1):
    changes: list[tuple[int, bool]] = []
    wire = IrqWire(4, lambda gsi, level: changes.append((gsi, level)))
    return [wire.line() for _ in range(count)], changes


def test_the_sink_hears_changes_only():
    (line,), changes = wired()
    for level in (False, True, True, False, False):
        line.set(level)
    assert changes == [(4, True), (4, False)]


def test_a_shared_wire_is_up_while_anybody_holds_it():
    (first, second), changes = wired(2)
    first.set(True)
    second.set(True)
    first.set(False)
    assert changes == [(4, True)]
    second.set(False)
    assert changes == [(4, True), (4, False)]


def test_a_pulse_is_one_edge():
    (line,), changes = wired()
    line.pulse()
    assert changes == [(4, True), (4, False)]
    assert not line.asserted


def test_a_pulse_of_a_line_that_is_up_changes_nothing():
    (line,), changes = wired()
    line.set(True)
    line.pulse()
    assert line.asserted
    assert changes == [(4, True)]


def test_a_pulse_on_a_wire_that_another_holds_is_not_seen():
    (first, second), changes = wired(2)
    first.set(True)
    second.pulse()
    assert changes == [(4, True)]


def test_an_unconnected_line_keeps_its_level():
    line = unconnected()
    line.set(True)
    line.pulse()
    assert line.asserted


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40))
def test_the_level_is_the_or_of_all_lines(moves):
    lines, changes = wired(4)
    for at, level in moves:
        lines[at].set(level)
        assert (changes[-1][1] if changes else False) == any(line.asserted for line in lines)
    assert [level for _, level in changes] == [at % 2 == 0 for at in range(len(changes))]
