"""Keyboard controller and keyboard as a guest's driver and the host see them, after IBM's technical references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.bus.irq import IrqWire
from vmm.devices.i8042 import I8042
from vmm.errors import ConfigError, SnapshotError
from vmm.state import State

OBF, IBF, SYS, A2, UNLOCKED, AUXB, TIMEOUT = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40
INT, INT2, KEYBOARD_OFF, AUX_OFF, XLAT = 0x01, 0x02, 0x10, 0x20, 0x40
ACK, RESEND = 0xFA, 0xFE
A_DOWN, A_UP = b"\x1c", b"\xf0\x1c"


class Bench:
    """A controller on real wires, with a guest's eyes and hands."""

    def __init__(self, aux: bool = False) -> None:
        self.edges: list[tuple[int, bool]] = []
        self.resets: list[str] = []
        self.a20: list[bool] = []
        wires = [IrqWire(gsi, lambda gsi, level: self.edges.append((gsi, level))) for gsi in (1, 12)]
        irq12 = wires[1].line() if aux else None
        self.controller = I8042(wires[0].line(), irq12, self.resets.append, self.a20.append)
        self.wires = wires

    @property
    def status(self) -> int:
        return self.controller.command.read(0, 1)

    def command(self, *values: int) -> None:
        """A command and its data bytes."""
        self.controller.command.write(0, 1, values[0])
        for value in values[1:]:
            self.controller.data.write(0, 1, value)

    def send(self, *values: int) -> list[int]:
        """Bytes for the keyboard, and all that comes back."""
        for value in values:
            self.controller.data.write(0, 1, value)
        return self.drain()

    def drain(self) -> list[int]:
        got = []
        while self.status & OBF:
            got.append(self.controller.data.read(0, 1))
        return got

    def ask(self, *values: int) -> list[int]:
        self.command(*values)
        return self.drain()

    def raw(self) -> Bench:
        """Translation off."""
        self.command(0x60, INT | SYS)
        return self


@pytest.fixture
def bench() -> Bench:
    return Bench()


# The output buffer and the interrupt


def test_nothing_is_there_at_first(bench: Bench) -> None:
    assert bench.status == SYS | UNLOCKED
    assert bench.edges == []


def test_a_key_raises_irq1_until_its_byte_is_read(bench: Bench) -> None:
    assert bench.controller.key(A_DOWN)
    assert bench.status & (OBF | AUXB) == OBF
    assert bench.edges == [(1, True)]
    assert bench.controller.data.read(0, 1) == 0x1E
    assert bench.edges == [(1, True), (1, False)]
    assert not bench.status & OBF


def test_each_byte_that_waits_raises_an_edge_of_its_own(bench: Bench) -> None:
    bench.controller.key(A_DOWN)
    bench.controller.key(A_UP)
    bench.controller.data.read(0, 1)
    assert bench.edges == [(1, True), (1, False), (1, True)]
    assert bench.controller.data.read(0, 1) == 0x9E


def test_a_byte_stays_readable_after_it_was_taken(bench: Bench) -> None:
    bench.controller.key(A_DOWN)
    assert [bench.controller.data.read(0, 1) for _ in range(2)] == [0x1E, 0x1E]


def test_with_the_interrupt_off_the_byte_waits_silently_until_it_is_switched_on(bench: Bench) -> None:
    bench.command(0x60, XLAT | SYS)
    bench.controller.key(A_DOWN)
    assert bench.status & OBF
    assert bench.edges == []
    bench.command(0x60, XLAT | SYS | INT)
    assert bench.edges == [(1, True)]


def test_one_claim_over_both_ports_works_as_well_as_two(bench: Bench) -> None:
    bench.controller.write(4, 1, 0xAA)
    assert bench.controller.read(4, 1) & OBF
    assert bench.controller.read(0, 1) == 0x55
    assert bench.controller.read(1, 1) == 0xFF
    assert bench.controller.data.read(0, 2) == 0xFF55


def test_status_tells_a_command_from_data_by_what_was_written_last(bench: Bench) -> None:
    bench.command(0x60)
    assert bench.status & A2
    bench.controller.data.write(0, 1, XLAT)
    assert not bench.status & (A2 | IBF)


# Controller commands


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ((0x20,), [0x65]),
        ((0xA4,), [0xF1]),
        ((0xA9,), [0x01]),
        ((0xAA,), [0x55]),
        ((0xAB,), [0x00]),
        ((0xC0,), [0xB0]),
        ((0xD0,), [0xCF]),
        ((0xD2, 0x5A), [0x5A]),
        ((0xD3, 0xA5), [0xA5]),
        ((0xD4, 0xFF), [0xFE]),
        ((0xE0,), [0x03]),
        ((0xA5, 0x1E, 0x30, 0x00), []),
        ((0xB7,), []),
        ((0xFF,), []),
    ],
)
def test_commands_answer_as_documented(bench: Bench, command: tuple[int, ...], answer: list[int]) -> None:
    assert bench.ask(*command) == answer
    assert bench.send(0xEE) == [0xEE]  # and the next byte is the keyboard's
    assert bench.resets == []


def test_controller_ram_is_read_and_written(bench: Bench) -> None:
    bench.command(0x7F, 0x12)
    bench.command(0x61, 0x34)
    assert bench.ask(0x3F) + bench.ask(0x21) == [0x12, 0x34]


def test_the_enable_commands_show_in_the_configuration(bench: Bench) -> None:
    bench.command(0xAD)
    bench.command(0xA8)
    assert bench.ask(0x20) == [0x55]
    bench.command(0xAE)
    bench.command(0xA7)
    assert bench.ask(0x20) == [0x65]


def test_a_disabled_keyboard_keeps_its_keys_until_it_is_enabled(bench: Bench) -> None:
    bench.command(0xAD)
    bench.controller.key(A_DOWN)
    assert bench.drain() == []
    assert bench.ask(0xAB) == [0]
    bench.command(0xAE)
    assert bench.drain() == [0x1E]


def test_a_byte_for_the_keyboard_enables_it(bench: Bench) -> None:
    bench.command(0xAD)
    assert bench.send(0xEE) == [0xEE]
    assert bench.ask(0x20) == [0x65]


def test_an_answer_goes_before_keys_that_wait(bench: Bench) -> None:
    bench.controller.key(A_DOWN + A_UP)
    bench.command(0xAA)
    assert bench.drain() == [0x1E, 0x55, 0x9E]


def test_without_an_auxiliary_port_its_loop_back_is_not_marked(bench: Bench) -> None:
    bench.command(0xD3, 0x5A)
    assert bench.status & (OBF | AUXB) == OBF


def test_with_an_auxiliary_port_its_bytes_raise_irq12() -> None:
    bench = Bench(aux=True)
    assert bench.ask(0xA9) == [0]
    bench.command(0x60, INT | INT2 | XLAT)
    bench.edges.clear()
    bench.command(0xD3, 0x5A)
    assert bench.status & (OBF | AUXB) == OBF | AUXB
    assert bench.edges == [(12, True)]
    assert bench.drain() == [0x5A]
    bench.command(0xD4, 0xF2)
    assert bench.status & (OBF | AUXB | TIMEOUT) == OBF | AUXB | TIMEOUT
    bench.controller.close()
    assert [wire.holders for wire in bench.wires] == [0, 0]


# Reset and A20


@pytest.mark.parametrize("command", [(0xFE,), (0xF0,), (0xD1, 0xCE)])
def test_pulling_the_reset_pin_asks_for_a_reset(bench: Bench, command: tuple[int, ...]) -> None:
    bench.command(*command)
    assert len(bench.resets) == 1
    assert "keyboard controller" in bench.resets[0]


def test_a20_moves_by_output_port_and_by_command(bench: Bench) -> None:
    bench.command(0xD1, 0xDD)
    bench.command(0xD1, 0xDD)
    assert (bench.a20, bench.controller.a20, bench.ask(0xD0)) == ([False], False, [0xCD])
    bench.command(0xDF)
    bench.command(0xDD)
    bench.command(0xD1, 0xDF)
    assert bench.a20 == [False, True, False, True]
    bench.command(0xDD)
    bench.controller.reset()
    assert bench.controller.a20
    assert bench.a20[-1]


# The keyboard


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ((0xFF,), [ACK, 0xAA]),
        ((0xF2,), [ACK, 0xAB, 0x83]),
        ((0xEE,), [0xEE]),
        ((0xF4,), [ACK]),
        ((0xF6,), [ACK]),
        ((0xEF,), [RESEND]),
        ((0x12,), [RESEND]),
        ((0xF7,), [ACK]),
    ],
)
def test_keyboard_commands_answer_as_documented(bench: Bench, sent: tuple[int, ...], answer: list[int]) -> None:
    assert bench.raw().send(*sent) == answer


def test_the_identity_is_translated_too(bench: Bench) -> None:
    assert bench.send(0xF2) == [ACK, 0xAB, 0x41]


def test_leds_and_typematic_take_an_option_byte(bench: Bench) -> None:
    assert bench.send(0xED) + bench.send(0x05) == [ACK, ACK]
    assert bench.send(0xF3) + bench.send(0x20) == [ACK, ACK]
    assert (bench.controller.keyboard.leds, bench.controller.keyboard.typematic) == (5, 0x20)
    assert bench.send(0xED) + bench.send(0xF4) == [ACK, ACK]  # a command instead of the option cancels
    assert bench.send(0x02) == [RESEND]
    assert bench.controller.keyboard.leds == 5


def test_the_keys_named_for_set_3_options_are_all_acknowledged(bench: Bench) -> None:
    assert bench.send(0xFC) + bench.send(0x1C) + bench.send(0x32) + bench.send(0xF4) == [ACK] * 4


def test_the_last_byte_is_sent_again_on_request(bench: Bench) -> None:
    bench.raw().controller.key(A_DOWN)
    assert bench.drain() == [0x1C]
    assert bench.send(0x00) == [RESEND]
    assert bench.send(0xFE) == [0x1C]


@pytest.mark.parametrize(
    ("scan_set", "keys", "codes"),
    [
        (1, "1c f01c e075 e0f075", "1e 9e e048 e0c8"),
        (2, "1c f01c e075 e0f075", "1c f01c e075 e0f075"),
        (3, "1c f01c e075 e0f075", "1c f01c 63 f063"),
        (3, "76 f076 e012 e07c e0f07c", "08 f008 57 f057"),
        (3, "e11477e1f014f077 14 e014", "62 f062 11 58"),
    ],
)
def test_scan_sets_are_chosen_and_told(bench: Bench, scan_set: int, keys: str, codes: str) -> None:
    bench.raw()
    assert bench.send(0xF0) + bench.send(scan_set) == [ACK, ACK]
    assert bench.send(0xF0) + bench.send(0) == [ACK, ACK, scan_set]
    assert bench.send(0xF0) + bench.send(4) == [ACK, RESEND]
    bench.controller.key(bytes.fromhex(keys))
    assert bytes(bench.drain()) == bytes.fromhex(codes)


@pytest.mark.parametrize(
    ("set_2", "set_1"),
    [("76", "01"), ("83", "41"), ("84", "54"), ("5a", "1c"), ("e0 f0 11", "e0 b8"), ("f0 83", "c1"), ("7e", "46")],
)
def test_translation_gives_set_1(bench: Bench, set_2: str, set_1: str) -> None:
    bench.controller.key(bytes.fromhex(set_2))
    assert bytes(bench.drain()) == bytes.fromhex(set_1)


def test_a_keyboard_switched_off_loses_keys(bench: Bench) -> None:
    assert bench.send(0xF5) == [ACK]
    assert not bench.controller.key(A_DOWN)
    assert bench.send(0xF4) == [ACK]
    assert bench.controller.key(A_DOWN)


def test_keys_beyond_the_buffer_leave_an_overrun_code(bench: Bench) -> None:
    bench.raw()
    kept = [bench.controller.key(A_DOWN) for _ in range(20)]
    assert kept == [True] * 17 + [False] * 3  # one byte is in the controller
    assert bench.drain() == [0x1C] * 17 + [0]


def test_a_key_is_lost_whole_or_not_at_all(bench: Bench) -> None:
    bench.raw().command(0xAD)
    for _ in range(6):
        bench.controller.key(A_DOWN + A_UP)
    bench.command(0xAE)
    assert bench.drain() == [0x1C, 0xF0, 0x1C] * 5 + [0]


def test_a_command_drops_what_was_not_read_of_an_earlier_reply(bench: Bench) -> None:
    assert bench.raw().send(0xF2, 0xF2, 0xEE) == [ACK, 0xEE]


# Text


def test_text_is_typed_with_shift_and_waits_for_a_slow_guest(bench: Bench) -> None:
    bench.controller.type_text("aA\n")
    assert bytes(bench.drain()).hex(" ") == "1e 9e 2a 1e 9e aa 1c 9c"
    text = "The quick brown fox. " * 20
    bench.controller.type_text(text)
    assert bench.controller.keyboard.waiting
    codes = bench.drain()
    assert sum(code < 0x80 and code != 0x2A for code in codes) == len(text)
    assert bench.controller.keyboard.waiting == 0


def test_control_characters_are_typed_with_ctrl(bench: Bench) -> None:
    bench.controller.type_text("\x03\t\x7f\x1b")
    assert bytes(bench.drain()).hex(" ") == "1d 2e ae 9d 0f 8f 0e 8e 01 81"


SET_1_ROWS = (  # the rows of a US keyboard by set 1 code, as every PC manual prints them
    (0x02, "1234567890-=", "!@#$%^&*()_+"),
    (0x10, "qwertyuiop[]", "QWERTYUIOP{}"),
    (0x1E, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (0x2B, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (0x39, " ", ""),
)


def test_every_printable_character_reaches_the_guest_as_the_right_key(bench: Bench) -> None:
    seen = set()
    for first, plain, shifted in SET_1_ROWS:
        for text, shift in ((plain, False), (shifted, True)):
            for code, char in enumerate(text, first):
                bench.controller.type_text(char)
                tap = [code, code | 0x80]
                assert bench.drain() == ([0x2A, *tap, 0xAA] if shift else tap)
                seen.add(char)
    assert seen == set(map(chr, range(0x20, 0x7F)))


def test_text_without_keys_is_refused_and_nothing_is_typed(bench: Bench) -> None:
    with pytest.raises(ConfigError, match=r"text: a US keyboard cannot type '\\xe9'"):
        bench.controller.type_text("caf\u00e9")
    assert bench.drain() == []


# Lifecycle


def test_reset_empties_everything_and_lowers_the_line(bench: Bench) -> None:
    bench.controller.type_text("x" * 50)
    bench.command(0x60, 0)
    bench.command(0xD1)
    bench.controller.reset()
    assert bench.wires[0].holders == 0
    assert bench.status == SYS | UNLOCKED
    assert bench.ask(0x20) == [0x65]
    assert bench.controller.keyboard.waiting == 0


def test_a_restored_controller_goes_on_where_the_saved_one_stood(bench: Bench) -> None:
    bench.controller.type_text("Hello")
    bench.controller.data.read(0, 1)
    bench.send(0xED)
    bench.controller.key(A_UP)
    bench.command(0xDD)
    bench.command(0xAA)
    bench.command(0xD1)
    state = bench.controller.save()
    other = Bench()
    other.controller.load(state)
    assert other.controller.save() == state
    assert other.a20 == [False]
    for each in (bench, other):
        each.controller.data.write(0, 1, 0xDF)
    assert other.wires[0].holders == bench.wires[0].holders == 1
    assert other.drain() == bench.drain()
    assert other.controller.a20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ram", b"\0" * 31),
        ("status", 0x02),
        ("status", True),
        ("output", 256),
        ("output_port", 0),
        ("break", 1),
        ("waiting", 0x20),
        ("answer", 0x1000),
        ("answer", -1),
        ("keyboard", {}),
        ("keyboard", None),
    ],
)
def test_a_state_that_no_controller_can_be_in_is_refused(bench: Bench, name: str, value: object) -> None:
    before = bench.controller.save()
    with pytest.raises(SnapshotError, match=r"vmm\.i8042"):
        bench.controller.load(State("vmm.i8042", 1, {**before.fields, name: value}))
    assert bench.controller.save() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("buffer", b"a" * 18), ("replies", "a"), ("scan_set", 0), ("scan_set", 4), ("command", 0xEE), ("scanning", 1)],
)
def test_a_state_that_no_keyboard_can_be_in_is_refused(bench: Bench, name: str, value: object) -> None:
    before = bench.controller.save()
    keyboard = {**before.fields["keyboard"], name: value}
    with pytest.raises(SnapshotError, match=r"vmm\.i8042: keyboard"):
        bench.controller.load(State("vmm.i8042", 1, {**before.fields, "ram": b"\0" * 32, "keyboard": keyboard}))
    assert bench.controller.save() == before


ACCESS = st.tuples(st.sampled_from(["read", "write", "key"]), st.sampled_from([0, 4, 4, 1]), st.integers(0, 255))


@given(st.lists(ACCESS, max_size=80), st.booleans())
@settings(max_examples=100)
def test_no_guest_can_upset_it(accesses: list[tuple[str, int, int]], aux: bool) -> None:
    bench = Bench(aux)
    for what, offset, value in accesses:
        if what == "write":
            bench.controller.write(offset, 1, value)
        elif what == "read":
            assert 0 <= bench.controller.read(offset, 1) <= 0xFF
        else:
            bench.controller.key(bytes((value,)))
    state = bench.controller.save()
    other = Bench(aux)
    other.controller.load(state)
    assert other.controller.save() == state
    assert [wire.holders for wire in other.wires] == [wire.holders for wire in bench.wires]
    bench.command(0xAE)
    assert len(bench.drain()) <= 22
