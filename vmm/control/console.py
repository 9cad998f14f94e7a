"""The console of a running machine: keys and pipes into COM1, escapes for us, signals, a terminal left as it was."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # not `signal`, whose enums cost milliseconds
import _thread
import os
import time

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol, Self

    from ..machine.machine import Machine
    from .terminal import RawTerminal

    class Typist(Protocol):
        """Makes keys of what a pipe gives."""

        def take(self, data: bytes) -> bytes:
            """For some bytes."""

        def end(self) -> bytes:
            """For the end of the pipe."""


STDIN = 0
CHUNK = 4096
TYPED_AHEAD = 1 << 20
"""Keys that wait for a guest which does not take any; what is typed beyond is dropped."""
TYPABLE = (*range(0x01, 0x1C), *range(0x20, 0x80))
"""Bytes that a US keyboard has a key for; others from a terminal go to COM1 alone."""
BROKEN_PIPE = 13
"""SIGPIPE: the value of the outcome when the reader of our standard output has left."""

_SIGNALS = {_signal.SIGINT: "SIGINT", _signal.SIGTERM: "SIGTERM", _signal.SIGHUP: "SIGHUP"}
_HELP = """
Ctrl-A x       quit
Ctrl-A c       a Python prompt on the machine, which waits meanwhile
Ctrl-A s       exits so far
Ctrl-A p       press the power button
Ctrl-A d       press Ctrl-Alt-Del
Ctrl-A Ctrl-A  a Ctrl-A for the guest
Ctrl-A h       this help
"""


def _is_null(fd: int) -> bool:
    """Whether it is the null device, which has nothing to say."""
    try:
        return os.fstat(fd).st_rdev == os.makedev(1, 3)
    except OSError:
        return False


class Console:
    """Attaches standard input, standard output and the signals to a machine for the time of a `with`.

    SIGINT, SIGTERM and SIGHUP end the run with an outcome, unless the process was started with them ignored.
    `interactive` takes keys and pipes. `say` prints our own words. `deadline` is the run's, in seconds: from then on
    a slow reader of our output is not waited for. `keys` is given what was typed in place of COM1. A `typist` makes
    keys of what a pipe gives, from go_on() on.
    """

    def __init__(
        self,
        machine: Machine,
        interactive: bool,
        say: Callable[[str], object],
        deadline: float | None = None,
        typist: Typist | None = None,
        keys: Callable[[bytes], None] | None = None,
    ) -> None:
        self._machine = machine
        self._typist = typist
        self._may_read = _thread.allocate_lock()
        """Held while a `typist` waits for go_on()."""
        self._say = say
        self._keys = keys
        self._deadline = None if deadline is None else time.monotonic() + deadline
        self._outputs: list[Any] = [machine.standard_output] if machine.standard_output is not None else []
        self.failure: OSError | None = None
        """Why standard output takes no more, if that ended the run."""
        self.wants_prompt = False
        """Whether Ctrl-A c ended the run, which may go on."""
        self._takes_input = interactive and not _is_null(STDIN)
        self._terminal: RawTerminal | None = None
        if self._takes_input and os.isatty(STDIN):
            from .terminal import RawTerminal

            self._terminal = RawTerminal(STDIN)
        self._handlers: list[tuple[int, Any]] = []
        self._pending = bytearray()
        self._taken = _thread.allocate_lock()
        """Held while COM1 has not taken all of `_pending`, or nothing was given to it."""
        self._ended = _thread.allocate_lock()
        self._stop_fds: tuple[int, int] | None = None
        self._closing = False

    def __enter__(self) -> Self:
        for output in self._outputs:
            output.on_failure = self._output_failed
            output.is_wanted = self._output_is_wanted
            output.open()
        self._take_signals()
        if self._takes_input:
            self._stop_fds = os.pipe()
            self._taken.acquire()
            self._ended.acquire()
            if self._typist is not None:
                self._may_read.acquire()
            _thread.start_new_thread(self._read, ())
        if self._terminal:
            self._terminal.enter()  # last: nothing that can fail leaves it raw
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        if self._stop_fds is not None:
            os.write(self._stop_fds[1], b".")
            if self._taken.locked():
                self._taken.release()
            self.go_on()
            self._ended.acquire()
            for fd in self._stop_fds:
                os.close(fd)
            self._stop_fds = None
        if self._terminal:
            self._terminal.leave()
        for output in self._outputs:
            output.close()
        for number, handler in self._handlers:
            _signal.signal(number, handler)
        self._handlers.clear()

    def go_on(self) -> None:
        """The guest is ready for what the `typist` types. Any thread; legal twice."""
        if self._may_read.locked():
            self._may_read.release()

    # -- the end of the run from outside --

    def _stop(self, words: str, value: int = 0) -> None:
        """Ends the run; one that is only about to begin, too."""
        self._machine.stop(words, value)
        self._machine.post(lambda: self._machine.stop(words, value))

    def _take_signals(self) -> None:
        def stop(number: int, _frame: object) -> None:
            self._stop(f"stopped by {_SIGNALS[number]}", number)

        for number in _SIGNALS:
            handler = _signal.getsignal(number)
            if handler is not None and handler != _signal.SIG_IGN:
                self._handlers.append((number, handler))
                _signal.signal(number, stop)

    def _output_failed(self, error: OSError) -> None:
        self.failure = error
        if isinstance(error, BrokenPipeError):
            self._stop("nobody reads our standard output any more", BROKEN_PIPE)
        else:
            self._stop(f"cannot write standard output: {error.strerror}")

    def _output_is_wanted(self) -> bool:
        return self._machine.outcome is None and (self._deadline is None or time.monotonic() < self._deadline)

    # -- input, on a thread of its own --

    def _read(self) -> None:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, _signal.valid_signals())
        import select

        assert self._stop_fds is not None
        try:
            if self._typist is not None:
                self._may_read.acquire()
            while not self._closing:
                ready, _, _ = select.select([STDIN, self._stop_fds[0]], [], [])
                if self._stop_fds[0] in ready:
                    break
                data = os.read(STDIN, CHUNK)
                if self._typist is not None:
                    self._take(self._typist.take(data) if data else self._typist.end())
                elif data:
                    self._take(data)
                if not data:
                    break
        except OSError:
            pass  # input that cannot be read is input that ended
        finally:
            self._ended.release()

    def _take(self, data: bytes) -> None:
        if self._terminal:
            data, keys = self._terminal.escapes.split(data)
            for key in keys:
                self._command(key)
            data = data[: max(0, TYPED_AHEAD - len(self._pending))]
        if not data:
            return
        if self._keys is not None:
            self._keys(data)
            return
        self._pending += data
        self._machine.post(self._deliver)
        if not self._terminal:
            self._taken.acquire()  # a pipe that is faster than the guest waits here; keys go on, for one may be ours

    def _deliver(self) -> None:
        """On vCPU 0's thread: what COM1 has no room for now, it asks for again."""
        if not self._pending:
            return
        com1 = self._machine.device("com1")
        taken = com1.feed(bytes(self._pending))
        if self._machine.config.has_bios:  # its guest reads a keyboard, if it reads anything
            self._machine.type_keys("".join(chr(byte) for byte in self._pending[:taken] if byte in TYPABLE))
        del self._pending[:taken]
        if self._pending:
            com1.room_again = self._deliver
        elif self._taken.locked():
            self._taken.release()

    def _command(self, key: str) -> None:
        if key == "x":
            self._stop("stopped by Ctrl-A x")
        elif key == "c":
            if not self.wants_prompt:
                self.wants_prompt = True
                self._machine.post(
                    lambda: self._machine.stop("paused by Ctrl-A c")
                )  # once: a second would end what follows
        elif key == "s":
            from ..observe.exit_table import render

            self._say("\n" + render(self._machine.exits) + "\n")
        elif key == "p":
            try:
                self._machine.press_power_button()
            except ConfigError:
                self._say("\nvmm: this machine has no power button\n")
        elif key == "d":
            self._machine.press_ctrl_alt_del()
        else:
            self._say(_HELP)
