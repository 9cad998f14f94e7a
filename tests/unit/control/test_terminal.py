"""Keys: the escape, and a terminal that becomes raw and is given back."""

from __future__ import annotations

import os
import termios

from hypothesis import given
from hypothesis import strategies as st

from vmm.control.terminal import EscapeFilter, RawTerminal


def test_an_escape_takes_the_next_key_away_from_the_guest():
    assert EscapeFilter().split(b"ab\x01xcd\x01H") == (b"abcd", ["x", "h"])


def test_an_escape_twice_is_one_for_the_guest():
    assert EscapeFilter().split(b"\x01\x01\x01\x01") == (b"\x01\x01", [])


def test_an_escape_may_come_at_the_end_of_a_read():
    keys = EscapeFilter()
    assert keys.split(b"a\x01") == (b"a", [])
    assert keys.split(b"xb") == (b"b", ["x"])


@given(st.lists(st.binary(max_size=6).map(lambda data: data.replace(b"b", b"\x01")), max_size=5))
def test_it_does_not_matter_where_reads_end(pieces):
    whole, parts = EscapeFilter(), EscapeFilter()
    split = [parts.split(piece) for piece in pieces]
    expected = whole.split(b"".join(pieces))
    assert (b"".join(guest for guest, _ in split), [key for _, keys in split for key in keys]) == expected


def test_a_terminal_becomes_raw_and_is_given_back():
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    terminal = RawTerminal(theirs)
    terminal.enter()
    raw = termios.tcgetattr(theirs)
    assert not raw[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert not raw[0] & (termios.ICRNL | termios.IXON)
    assert raw[1] == before[1]
    terminal.leave()
    terminal.leave()
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_what_is_no_terminal_stays_as_it_is():
    with open(os.devnull) as file:
        terminal = RawTerminal(file.fileno())
        terminal.enter()
        terminal.leave()


def test_a_terminal_that_was_hung_up_is_no_trouble():
    ours, theirs = os.openpty()
    terminal = RawTerminal(theirs)
    terminal.enter()
    os.close(ours)
    terminal.leave()
    os.close(theirs)
