"""Bytes of a pipe through a terminal in canonical mode: a real one takes what is typed, a program reads the bytes."""

from __future__ import annotations

import os
import pty
import termios
import threading

import pytest

from vmm.control.linux.piped_input import PipedInput

ALL = bytes(range(256))


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"one\ntwo\n", b"no newline", ALL * 20, b"x" * 10_000, b"\x04", b"\x16\x04\n\x04", b"y" * 1024,
     b"z" * 1024 + b"\n"],
    ids=["empty", "newline", "lines", "no-newline", "all", "long", "eof", "specials", "part", "part-newline"],
)  # fmt: skip
def test_a_program_behind_a_terminal_reads_what_the_pipe_gave(data) -> None:
    master, slave = pty.openpty()
    mode = termios.tcgetattr(slave)
    mode[0] = mode[1] = 0  # neither input nor output processing
    mode[3] = termios.ICANON | termios.IEXTEN
    specials = mode[6]
    for name in ("VERASE", "VKILL", "VWERASE", "VREPRINT", "VEOL", "VEOL2", "VSTART", "VSTOP"):
        specials[getattr(termios, name)] = b"\0"
    specials[termios.VEOF], specials[termios.VLNEXT] = b"\x04", b"\x16"
    termios.tcsetattr(slave, termios.TCSANOW, mode)
    got = bytearray()

    def read() -> None:
        while piece := os.read(slave, 4096):
            got.extend(piece)

    reader = threading.Thread(target=read)
    reader.start()
    stream = PipedInput()
    for at in range(0, len(data), 100):
        os.write(master, stream.take(data[at : at + 100]))
    os.write(master, stream.end())
    reader.join(10)
    os.close(slave)
    os.close(master)
    assert bytes(got) == data
