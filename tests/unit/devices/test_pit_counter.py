"""The closed form of an 8254 counter against a model that is clocked pulse by pulse, as the datasheet tells it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.devices.pit_counter import Counter


class Clocked:
    """An 8254 counter that does what the datasheet says at every CLK pulse."""

    def __init__(self) -> None:
        self.mode, self.bcd, self.access = 0, False, 3
        self.gate = False
        self.cr: int | None = None
        self.ce = 0
        self.held: int | None = 0
        self.out = self.null = True
        self.load = self.counting = self.armed = False
        self.low: int | None = None
        self.last_rise = -1

    def program(self, control: int) -> None:
        self.held = self.count  # counting stops; what can be read stands until a count is loaded
        self.mode = control >> 1 & 7
        if self.mode > 5:
            self.mode &= 3
        self.bcd, self.access = bool(control & 1), control >> 4
        self.cr, self.low, self.null = None, None, True
        self.load = self.counting = self.armed = False
        self.out = self.mode != 0

    def write(self, byte: int) -> None:
        if self.mode == 0:
            self.held = self.count
            self.out = self.counting = self.load = False
        if self.access == 3 and self.low is None:
            self.low = byte
            return
        value = byte if self.access == 1 else byte << 8 | (self.low or 0)
        self.low = None
        if self.bcd:
            value = sum((value >> 4 * digit & 15) * 10**digit for digit in range(4)) or 10000
        self.cr, self.null = value or 65536, True
        if self.mode in (0, 4) or (self.mode in (2, 3) and not self.counting):
            self.load = True

    def set_gate(self, gate: bool) -> None:
        rising, falling = gate and not self.gate, self.gate and not gate
        self.gate = gate
        if rising and self.cr is not None and self.mode in (1, 2, 3, 5):
            self.load = True
        if falling and self.mode in (2, 3):
            self.out = True

    def pulse(self, t: int) -> None:
        before = self.out
        if self.load:
            assert self.cr is not None
            self.load, self.null, self.counting, self.armed = False, False, True, True
            self.held, self.ce = None, self.cr & ~1 if self.mode == 3 else self.cr
            self.odd = self.cr & 1
            self.out = self.mode > 1
            self.halted = self.mode in (2, 3) and not self.gate
        elif self.counting and self.mode in (2, 3):
            self.halted = self.halted or not self.gate
            if not self.halted:
                self.cycle()
        elif self.counting and (self.gate or self.mode in (1, 5)):
            self.ce -= 1
            if self.mode < 2:
                self.out = self.out or self.ce == 0
            else:
                self.out = not (self.ce == 0 and self.armed)
                self.armed = self.armed and self.out
        if self.out and not before:
            self.last_rise = t

    def cycle(self) -> None:
        if self.mode == 2:
            if self.ce > 1:
                self.ce -= 1
                self.out = self.ce != 1
                return
        else:
            expired = self.ce == 0 if self.odd and self.out else self.ce == 2
            if not expired:
                self.ce -= 2
                return
        assert self.cr is not None
        self.out, self.null = self.mode == 2 or not self.out, False
        self.ce, self.odd = (self.cr & ~1 if self.mode == 3 else self.cr), self.cr & 1

    @property
    def count(self) -> int:
        if self.held is not None:
            return self.held
        if not self.bcd:
            return self.ce & 0xFFFF
        return int(f"{self.ce % 10000}", 16)


modes = st.integers(0, 7)
controls = st.builds(
    lambda access, mode, bcd: access << 4 | mode << 1 | bcd, st.sampled_from((1, 1, 2, 3)), modes, st.booleans()
)
byte = st.sampled_from((0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.one_of(st.integers(1, 14), st.integers(200, 700))),
        st.tuples(st.just("write"), byte),
        st.tuples(st.just("gate"), st.booleans()),
        st.tuples(st.just("program"), controls),
    ),
    max_size=25,
)


def check(counter: Counter, clocked: Clocked, t: int) -> None:
    counter.status = None
    counter.latch_status(t)
    assert counter.status is not None
    seen = (counter.count(t), counter.out(t), bool(counter.status >> 6 & 1))
    assert seen == (clocked.count, clocked.out, clocked.null), f"at pulse {t}"


@settings(max_examples=100, deadline=None)
@given(control=controls, gate=st.booleans(), steps=steps)
def test_count_output_and_null_flag_equal_those_of_a_clocked_chip_at_every_pulse(
    control: int, gate: bool, steps: list[tuple[str, int]]
) -> None:
    counter, clocked, t = Counter(False), Clocked(), 0
    always_open = gate and ("gate", False) not in steps  # rises are asked of a counter with a gate that never falls
    for action, value in [("gate", gate), ("program", control), ("write", 5), ("write", 0), *steps, ("wait", 30)]:
        if action == "wait":
            for _ in range(value):
                t += 1
                clocked.pulse(t)
                check(counter, clocked, t)
                assert not always_open or counter.last_rise(t) == clocked.last_rise
        elif action == "write":
            counter.write(t, value)
            clocked.write(value)
        elif action == "gate":
            counter.set_gate(t, bool(value))
            clocked.set_gate(bool(value))
        else:
            counter.program(t, value)
            clocked.program(value)
        check(counter, clocked, t)


def test_a_mode_0_count_that_is_stopped_before_its_load_stays_a_null_count() -> None:
    counter = Counter(True)
    counter.program(0, 0x30)
    for each in (5, 0, 7):
        counter.write(0, each)
    counter.latch_status(10)
    assert counter.read(10) == 0x40 | 0x30


def test_a_count_is_loaded_though_the_gate_falls_in_the_pulse_that_wrote_it() -> None:
    counter = Counter(True)
    counter.program(0, 0x10)
    counter.write(0, 5)
    counter.set_gate(0, False)
    assert counter.count(9) == 5


@settings(max_examples=60, deadline=None)
@given(control=controls, gate=st.booleans(), steps=steps)
def test_the_next_edge_is_the_first_pulse_at_which_a_line_would_have_to_change(
    control: int, gate: bool, steps: list[tuple[str, int]]
) -> None:
    counter, t = Counter(gate), 0
    counter.program(t, control)
    for action, value in [("write", 9), ("write", 1), *steps]:
        if action == "wait":
            t += value
        else:
            getattr(counter, "set_gate" if action == "gate" else action)(t, bool(value) if action == "gate" else value)
    counter.set_gate(t, True)
    t += 1
    out, rise, brief = counter.out(t), counter.last_rise(t), counter.brief()
    edge = Counter.loaded(counter.save(), "copy").next_edge(t)
    for later in range(t + 1, edge if edge is not None else t + 700):
        assert counter.last_rise(later) == rise
        assert brief or counter.out(later) == out
    if edge is not None and counter.period > 1:
        assert counter.last_rise(edge) == edge or counter.out(edge) != out or counter.period != counter.initial


@given(control=controls, steps=steps)
@settings(max_examples=40, deadline=None)
def test_a_loaded_counter_behaves_as_the_saved_one(control: int, steps: list[tuple[str, int]]) -> None:
    first, t = Counter(True), 0
    first.program(t, control)
    for action, value in [("write", 7), *steps]:
        if action == "wait":
            t += value
        else:
            getattr(first, "set_gate" if action == "gate" else action)(t, bool(value) if action == "gate" else value)
    second = Counter.loaded(first.save(), "copy")
    assert second.save() == first.save()
    for counter in (first, second):
        counter.write(t, 4)
        counter.set_gate(t + 1, False)
        counter.set_gate(t + 2, True)
    for later in range(t + 3, t + 40):
        assert first.count(later) == second.count(later)
        assert first.out(later) == second.out(later)
        assert first.read(later) == second.read(later)
