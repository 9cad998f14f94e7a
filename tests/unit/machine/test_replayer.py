"""A recording drives the devices of this house as it did when it was made: PIT, RTC, COM1 in loopback and the PIC."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmm.errors import VmmError
from vmm.machine.replayer import Replayer
from vmm.observe.recording import Reader

RECORDING = Path(__file__).parent / "recordings/clocks-and-serial.rec"
CONTENT = RECORDING.read_bytes()
LINES = CONTENT.splitlines(keepends=True)


def replayed(content: bytes):
    replayer = Replayer(Reader(io.BytesIO(content), "file"))
    try:
        return replayer.run()
    finally:
        replayer.close()


def test_nothing_differs() -> None:
    assert replayed(CONTENT) == (len(LINES) - 2, None)


def test_an_answer_that_was_another_is_found_with_what_came_before() -> None:
    at = next(at for at, line in enumerate(LINES) if line.startswith(b'["in",113'))
    changed = LINES[at].replace(LINES[at].split(b",")[3], b"199", 1)
    count, found = replayed(b"".join([*LINES[:at], changed, *LINES[at + 1 :]]))
    assert (count, found.number, found.what, found.recorded) == (at, at, "answer", 199)
    assert found.before[-1].in_words().endswith("out   0x70 size 1 <- 0x0  rtc")


def test_a_line_that_was_never_moved_is_a_difference() -> None:
    at = next(at for at, line in enumerate(LINES) if b'"lines"' in line)
    count, found = replayed(b"".join([*LINES[:at], LINES[at].replace(b"[4,1]", b"[3,1]"), *LINES[at + 1 :]]))
    assert (found.what, found.recorded[0], found.given[0]) == ("lines", [3, 1], [4, 1])
    assert count == at


@given(st.integers(0, len(CONTENT) - 1), st.binary(max_size=12), st.integers(0, 12))
def test_whatever_stands_in_a_file_is_replayed_or_refused(at: int, put: bytes, cut: int) -> None:
    try:
        count, _ = replayed(CONTENT[:at] + put + CONTENT[at + cut :])
    except VmmError:
        return
    assert count <= len(CONTENT)


def test_a_file_cut_off_anywhere_replays_up_to_there() -> None:
    for size in range(len(LINES[0]), len(CONTENT), 37):
        count, found = replayed(CONTENT[:size])
        assert found is None
        assert count == CONTENT[:size].count(b"\n") - 1


def test_what_is_no_recording_says_so() -> None:
    with pytest.raises(VmmError, match="no recording"):
        Reader(io.BytesIO(b"[]\n"), "file")
