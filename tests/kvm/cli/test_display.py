"""`--display text` on a terminal: the guest's screen in the alternate screen, and the terminal afterwards as before."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import time

import pytest

pexpect = pytest.importorskip("pexpect")

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
RUN = 'stty -g >before; sh -c \'echo $$ >pid; exec "$@" 2>err\' sh "$@"; echo $? >code; stty -g >after; echo left'

PAINT = bytes.fromhex("b800b8 8ec0 31ff fc b84807 ab b8691e ab")
"""'H' in grey and 'i' in yellow on blue at the start of 0xb8000."""
LAST = bytes.fromhex("bf9e0f b8fe4f ab")
"""A white square on red in the last cell of the screen."""
CURSOR = bytes.fromhex("bad403 b80e07 ef b80fcf ef")
"""out dx, ax to the CRT controller: the cursor in cell 0x7cf, the last."""
COUNT = bytes.fromhex("26fe060000 b9ffff e2fe ebf4")
"""inc byte es:[0]; a pause; again."""
FLICKER = bytes.fromhex("31ff b9d007 268b05 40 ab e2f9 ebf2")
"""Adds one to every cell of the screen, again and again."""
KEYS = bytes.fromhex("e464 a801 74fa e460 a880 75f4 b41e ab 3c01 75ed fa f4")
"""Polls the keyboard and puts the scan codes of pressed keys on the screen in yellow on blue, up to Esc, then halts."""


class Session:
    """A shell on a terminal that runs `vmm` and notes the terminal's state before and after."""

    def __init__(self, vmm, *words: str, size: tuple[int, int] = (25, 80), term: str = "xterm") -> None:
        self.folder = vmm.cwd
        argv = ["-c", RUN, "sh", *vmm.argv, "run", "--display", "text", *words]
        env = {**vmm.env, "TERM": term}
        self.child = pexpect.spawn("/bin/sh", argv, cwd=str(vmm.cwd), env=env, timeout=10, dimensions=size)
        self.child.delaybeforesend = None

    def says(self, *texts: bytes) -> None:
        for text in texts:
            self.child.expect_exact(text)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def end(self) -> tuple[int, bytes]:
        """(exit code, what was said since the alternate screen was left). The terminal must be as it was."""
        self.says(LEAVE)
        self.says(b"left")
        said = self.child.before
        self.child.close()
        assert self.text("before") == self.text("after")
        assert "Traceback" not in self.text("err")
        return int(self.text("code")), said


@pytest.fixture
def session(vmm, image):
    opened = []

    def start(*code: bytes, words: tuple[str, ...] = (), **options) -> Session:
        opened.append(Session(vmm, *words, image(*code), **options))
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)


@pytest.fixture
def soon_gone():
    """soon_gone(pid) waits for the end of a process, for at most five seconds, and says if it came."""

    def wait(pid: int) -> bool:
        deadline = time.monotonic() + 5
        while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < deadline:
            time.sleep(0.02)
        return not os.path.exists(f"/proc/{pid}/exe")

    return wait


def test_the_screen_is_shown_with_colours_and_cursor_while_the_guest_runs(session, code):
    terminal = session(PAINT, LAST, CURSOR, code.spin)
    terminal.says(ENTER, b"\x1b[1;1H\x1b[0;37;40mH\x1b[0;93;44mi", "\x1b[0;97;41m■".encode(), b"\x1b[25;80H\x1b[?25h")
    terminal.child.send(b"\x01x")
    status, said = terminal.end()
    assert status == 130
    assert b"H\x1b[0;93;44mi" in said  # the last screen stays to be read
    assert terminal.text("err") == "vmm: stopped by Ctrl-A x\n"


def test_what_changes_is_repainted_and_nothing_else(session):
    terminal = session(PAINT, COUNT)
    terminal.says(ENTER, b"i")
    for _ in range(5):
        terminal.child.expect(rb"\x1b\[\?25l\x1b\[1;1H\x1b\[0;37;40m[^\x1b]+\x1b\[0m\x1b")
        assert terminal.child.before.count(b"\x1b[2J") == 0
    terminal.child.send(b"\x01x")
    assert terminal.end()[0] == 130


def test_a_guest_that_ends_at_once_leaves_its_screen_to_be_read(session, code):
    terminal = session(PAINT, LAST, code.exit(7))
    terminal.says(ENTER)
    status, said = terminal.end()
    assert (status, terminal.text("err")) == (7, "")
    assert said.count(b"\n") == 25
    assert "■".encode() in said


def test_keys_reach_the_guests_keyboard_and_the_terminal_is_raw(session):
    terminal = session(PAINT, KEYS)
    terminal.says(ENTER, b"i")
    assert not termios.tcgetattr(terminal.child.child_fd)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    terminal.child.send(b"bnm")
    terminal.says(b"2\x1b[0m")
    terminal.child.send(b"\x1b[A")
    terminal.says(b"H\x1b[0m")
    terminal.child.send(b"\x1b")
    status, said = terminal.end()
    assert status == 0
    assert b"i012H" in said  # scan codes 0x30, 0x31, 0x32 and, of the cursor key, 0x48


def test_help_takes_the_screens_place_until_a_key_that_the_guest_does_not_see(session):
    terminal = session(PAINT, KEYS)
    terminal.says(ENTER, b"i")
    terminal.child.send(b"\x01h")
    terminal.says(b"Ctrl-A x       quit", b"any key")
    terminal.child.send(b"b")
    terminal.says(b"\x1b[2J", b"i")
    terminal.child.send(b"n")
    terminal.says(b"1\x1b[0m")
    terminal.child.send(b"\x1b")
    status, said = terminal.end()
    assert status == 0
    assert b"i1" in said
    assert terminal.text("err") == ""


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_leaves_the_terminal_in_order(session, code, number, expected):
    terminal = session(PAINT, code.spin)
    terminal.says(ENTER, b"i")
    os.kill(int(terminal.text("pid")), number)
    status, said = terminal.end()
    assert (status, terminal.text("err")) == (expected, f"vmm: stopped by {signal.Signals(number).name}\n")
    assert b"H" in said


@pytest.mark.parametrize(("options", "expected"), [(("-t", "300ms"), 124), (("-t", "0"), 124), (("--strict",), 122)])
def test_every_end_leaves_the_terminal_in_order(session, code, options, expected):
    guest = code.spin if expected == 124 else bytes.fromhex("ba3412 ee ebfd")
    terminal = session(PAINT, guest, words=options)
    terminal.says(ENTER)
    assert terminal.end()[0] == expected


def test_a_small_terminal_shows_the_part_with_the_cursor(session, code):
    terminal = session(PAINT, LAST, CURSOR, code.spin, size=(10, 40))
    terminal.says(ENTER, "■".encode(), b"\x1b[10;40H\x1b[?25h")
    terminal.child.send(b"\x01x")
    assert terminal.end()[0] == 130


def test_another_size_repaints(session, code):
    terminal = session(PAINT, LAST, code.spin)
    terminal.says(ENTER, b"H", "■".encode())
    fcntl.ioctl(terminal.child.child_fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    terminal.says(b"\x1b[2J", b"H", "■".encode())
    terminal.child.send(b"\x01x")
    assert terminal.end()[0] == 130


def test_a_terminal_that_cannot_place_a_cursor_gets_the_last_screen_alone(session, code):
    terminal = session(PAINT, code.exit(2), term="dumb")
    terminal.says(b"Hi\r\nleft")
    assert b"\x1b" not in terminal.child.before
    assert terminal.text("code") == "2\n"


def test_the_serial_port_cannot_share_the_terminal(session, code):
    terminal = session(PAINT, code.halt, words=("--console", "stdio"))
    terminal.says(b"left")
    assert (terminal.text("code"), terminal.text("err").count("\n")) == ("125\n", 1)
    assert "cannot show the screen and --console stdio" in terminal.text("err")


def test_a_terminal_that_is_closed_ends_the_run(session, code, soon_gone):
    terminal = session(PAINT, code.spin)
    terminal.says(ENTER, b"i")
    pid = int(terminal.text("pid"))
    terminal.child.ptyproc.fileobj.close()
    assert soon_gone(pid)
    assert "Traceback" not in terminal.text("err")


def test_a_terminal_that_takes_nothing_more_does_not_hold_up_the_end(session, soon_gone):
    terminal = session(PAINT, FLICKER)
    terminal.says(ENTER)
    time.sleep(1.0)  # nobody reads: the terminal is full
    pid = int(terminal.text("pid"))
    os.kill(pid, signal.SIGTERM)
    assert soon_gone(pid)
    assert terminal.text("err") == "vmm: stopped by SIGTERM\n"
