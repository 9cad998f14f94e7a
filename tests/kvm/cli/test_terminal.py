"""On a terminal: every key reaches the guest, Ctrl-A is ours, and the terminal is left as it was found."""

from __future__ import annotations

import os
import signal
import termios
import time
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")

RUN = 'stty -g >before; sh -c \'echo $$ >pid; exec "$@" 2>err\' sh "$@"; echo $? >code; stty -g >after; echo left'


class Session:
    """A shell on a terminal that runs `vmm` and notes the terminal's state before and after."""

    def __init__(self, vmm, *words: str) -> None:
        self.folder: Path = vmm.cwd
        self.child = pexpect.spawn(
            "/bin/sh", ["-c", RUN, "sh", *vmm.argv, "run", *words], cwd=str(vmm.cwd), env=vmm.env, timeout=5
        )
        self.child.delaybeforesend = None

    def says(self, text: bytes) -> None:
        self.child.expect_exact(text)

    def types(self, text: bytes) -> None:
        self.child.send(text)

    def is_the_guests_again(self) -> None:
        """Waits until keys go to the guest: what is typed before would be the prompt's, or be echoed."""
        end = time.monotonic() + 10
        while termios.tcgetattr(self.child.child_fd)[3] & termios.ISIG:
            assert time.monotonic() < end
            time.sleep(0.01)

    def kill(self, number: int) -> None:
        os.kill(int(self.text("pid")), number)

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def end(self) -> int:
        """The exit code, once vmm has ended and the terminal was found as it was."""
        self.child.expect_exact(b"left")
        self.child.close()
        assert self.text("before") == self.text("after")
        assert "Traceback" not in self.text("err")
        return int(self.text("code"))


@pytest.fixture
def session(vmm, code, image):
    """A guest that says "ready" and echoes."""
    opened = []

    def start(*words: str, then: bytes = code.echo) -> Session:
        opened.append(Session(vmm, *words, image(code.say(b"ready\n"), then)))
        opened[-1].says(b"ready")
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)


def test_keys_reach_the_guest_one_by_one_and_unchanged(session):
    terminal = session()
    for key in (b"a", b"\x03", b"\x1a", b"\x1c", b"\x11", b"\x13", b"\x7f", b"\x1b[A", b"\xc3\xa4", b"z"):
        terminal.types(key)
        terminal.says(key)
    terminal.types(b"\x04")
    assert terminal.end() == 0
    assert terminal.text("err") == ""


def test_ctrl_a_c_gives_a_prompt_and_the_guest_goes_on_behind_it(session):
    terminal = session()
    terminal.types(b"\x01c\x01c")
    terminal.says(b">>> ")
    assert "the machine is paused (paused by Ctrl-A c)" in terminal.text("err")
    terminal.types(b"machine.exits['io.out[0x3f8]'].count + 100\n")
    terminal.says(b"106")
    terminal.says(b">>> ")
    assert termios.tcgetattr(terminal.child.child_fd)[3] & termios.ISIG, "Ctrl-C is the prompt's"
    terminal.types(b"\x04")
    terminal.is_the_guests_again()
    terminal.types(b"b")
    terminal.says(b"b")
    terminal.types(b"\x04")
    assert terminal.end() == 0


def test_exit_in_that_prompt_ends_the_run(session):
    terminal = session()
    terminal.types(b"\x01c")
    terminal.says(b">>> ")
    terminal.types(b"exit()\n")
    assert terminal.end() != 0


def test_the_deadline_counts_the_time_the_guest_runs(session):
    terminal = session("--deadline", "1s")
    terminal.types(b"\x01c")
    terminal.says(b">>> ")
    time.sleep(1.2)
    terminal.types(b"\x04")
    terminal.is_the_guests_again()
    terminal.types(b"b")
    terminal.says(b"b")
    assert terminal.end() == 124


def test_return_reaches_the_guest_as_a_carriage_return(session):
    terminal = session()
    terminal.types(b"\r.")
    terminal.says(b"\r.")
    terminal.types(b"\x04")
    assert terminal.end() == 0


def test_the_terminal_is_raw_while_the_guest_runs(session):
    terminal = session()
    mode = termios.tcgetattr(terminal.child.child_fd)
    assert not mode[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert mode[1] & termios.OPOST
    terminal.types(b"\x04")
    assert terminal.end() == 0


def test_ctrl_a_x_quits(session):
    terminal = session()
    terminal.types(b"\x01x")
    assert terminal.end() == 130
    assert terminal.text("err") == "vmm: stopped by Ctrl-A x\n"


def test_ctrl_a_x_quits_in_two_reads_and_from_a_guest_that_never_exits(session, code):
    terminal = session(then=code.spin)
    terminal.types(b"\x01")
    time.sleep(0.05)
    terminal.types(b"X")
    assert terminal.end() == 130


def test_ctrl_a_x_quits_though_the_guest_never_took_what_was_pasted(session, code):
    terminal = session(then=code.spin)
    for _ in range(40):
        terminal.types(b"p" * 4000)
    terminal.types(b"\x01x")
    assert terminal.end() == 130


def test_ctrl_a_h_explains_itself_beside_the_guests_output(session):
    terminal = session()
    terminal.types(b"\x01h.")
    terminal.says(b".")
    terminal.types(b"\x01x")
    assert terminal.end() == 130
    assert "Ctrl-A x       quit" in terminal.text("err")
    assert "Ctrl-A" not in terminal.child.before.decode()


def test_ctrl_a_s_prints_the_exits_so_far(session):
    terminal = session()
    terminal.types(b"\x01s.")
    terminal.says(b".")
    terminal.types(b"\x04")
    assert terminal.end() == 0
    assert "By reason" in terminal.text("err")
    assert "com1" in terminal.text("err")


def test_ctrl_a_twice_is_one_for_the_guest(session):
    terminal = session()
    terminal.types(b"\x01\x01")
    terminal.says(b"\x01")
    terminal.types(b"\x04")
    assert terminal.end() == 0


def test_a_crash_of_the_guest_leaves_the_terminal_in_order(session, code):
    terminal = session("-m", "64k", then=code.crash)
    assert terminal.end() == 121
    assert "Registers" in terminal.text("err")


def test_a_deadline_leaves_the_terminal_in_order(session, code):
    terminal = session("-t", "200ms", then=code.spin)
    assert terminal.end() == 124


SIGNALS = [
    (signal.SIGTERM, 143),
    (signal.SIGINT, 130),
    (signal.SIGHUP, 129),
]


@pytest.mark.parametrize(("number", "expected"), SIGNALS)
@pytest.mark.parametrize("guest", ["spin", "echo"])
def test_a_signal_from_outside_leaves_the_terminal_in_order(session, code, number, expected, guest):
    terminal = session(then=getattr(code, guest))
    terminal.kill(number)
    assert terminal.end() == expected
    assert terminal.text("err") == f"vmm: stopped by {signal.Signals(number).name}\n"


def test_a_terminal_that_is_closed_ends_the_run(session, code):
    terminal = session(then=code.spin)
    pid = int(terminal.text("pid"))
    terminal.child.ptyproc.fileobj.close()
    deadline = time.monotonic() + 3
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}/exe")
    assert "Traceback" not in terminal.text("err")


def test_json_on_a_terminal_leaves_the_keyboard_alone(session, vmm, code, image):
    terminal = Session(vmm, "--json", image(code.spin))
    time.sleep(0.3)
    terminal.types(b"\x03")
    terminal.says(b'"words": "stopped by SIGINT"')
    terminal.child.close(force=True)


def test_what_was_typed_ahead_is_not_lost(vmm, code, image):
    terminal = Session(vmm, image(code.echo))
    terminal.types(b"early\r")
    terminal.says(b"early")  # the terminal's own echo
    terminal.says(b"early")
    terminal.types(b"\x04")
    assert terminal.end() == 0
