"""A shell in a guest, at a terminal: its size, a long paste, job control, and a terminal left as it was."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shlex
import signal
import termios
import threading
import time
from pathlib import Path

import pexpect
import pytest

VMM = str(Path(__file__).parents[2] / ".venv/bin/vmm")
PROMPT = r"# (\x1b\[6n)?$"
"""Busybox asks the terminal where its cursor is."""
PATIENCE = 240
pytestmark = pytest.mark.timeout(300)


class Terminal(pexpect.spawn):
    """A terminal in which `vmm linux` runs between two looks at its modes."""

    def __init__(self) -> None:
        script = f"stty -g; {shlex.quote(VMM)} linux -q -t {PATIENCE}s; echo code=$?; stty -g"
        super().__init__("/bin/sh", ["-c", script], timeout=PATIENCE, dimensions=(31, 101), encoding="utf-8")
        self.delaybeforesend = None
        self.expect(r"([0-9a-f:]{20,})\r\n")
        self.modes = self.match.group(1)

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.child_fd)[3] & termios.ICANON

    def vmm(self) -> int:
        """The process id of the command."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[-1])

    def ends_intact(self, code: int) -> None:
        """The command has ended with `code`, and the terminal is as it was before."""
        self.expect(rf"code={code}\r\n([0-9a-f:]+)\r\n")
        assert self.match.group(1) == self.modes


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    if terminal.isalive():
        with contextlib.suppress(IndexError, OSError):
            os.kill(terminal.vmm(), signal.SIGTERM)
    terminal.close(force=True)


def test_a_shell_one_can_work_in(terminal):
    terminal.expect(PROMPT)

    # the terminal's size, now and later
    terminal.sendline("stty size")
    terminal.expect(r"31 101\r+\n")
    terminal.expect(PROMPT)
    terminal.setwinsize(40, 120)
    terminal.sendline("while [ \"$(stty size)\" != '40 120' ]; do :; done; echo re''sized")
    terminal.expect(r"resized\r+\n")
    terminal.expect(PROMPT)

    # job control
    terminal.sendline("sleep 1000")
    time.sleep(2)
    terminal.send("\x1a")
    terminal.expect("Stopped")
    terminal.expect(PROMPT)
    terminal.sendline("jobs | wc -l; fg")
    terminal.expect(r"1\r+\n")
    terminal.expect("sleep 1000")
    time.sleep(2)
    terminal.send("\x03")
    terminal.expect(PROMPT)
    terminal.sendline("echo status=$?")
    terminal.expect("status=130")
    terminal.expect(PROMPT)

    # a long paste
    text = base64.encodebytes(random.Random(1).randbytes(76 * 1024))[: 100 * 1024].decode()
    terminal.sendline(f"stty raw -echo; echo pas''te; head -c {len(text)}; stty sane; echo do''ne")
    terminal.expect(r"paste\r+\n")
    sender = threading.Thread(target=terminal.send, args=(text,))
    sender.start()
    terminal.expect("done")
    sender.join()
    assert terminal.before.replace("\r\n", "\n").lstrip("\r\n") == text
    terminal.expect(PROMPT)

    # a prompt on the paused machine, and back
    terminal.send("\x01c")
    terminal.expect(">>> ")
    terminal.sendline("machine.state")
    terminal.expect("'paused'")
    terminal.expect(">>> ")
    terminal.send("\x04")
    time.sleep(2)
    terminal.sendline("echo be''hind")
    terminal.expect(r"behind\r+\n")
    terminal.expect(PROMPT)

    # the way out
    terminal.send("\x01x")
    terminal.ends_intact(130)


def test_sigterm_leaves_the_terminal_as_it_was(terminal):
    end = time.monotonic() + PATIENCE
    while not terminal.is_raw():
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(terminal.vmm(), signal.SIGTERM)
    terminal.ends_intact(143)


def test_the_shells_exit_is_the_commands(terminal):
    terminal.expect(PROMPT)
    terminal.sendline("exit 7")
    terminal.ends_intact(7)
