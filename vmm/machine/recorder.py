"""Records what a machine's devices are asked, what they answer, and all that reaches them from elsewhere: clocks, guest
memory, what is typed and pressed, the interrupts that the CPU takes. For replayer.py, which drives devices with it.

Accesses that the run step answers by itself reach Python while a recording is on, as they do with on_exit().
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from contextlib import suppress

from ..errors import HostError
from ..observe.recording import PIC, VERSION
from .saved import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .board import Board
    from .machine import Machine

OUTSIDE = {
    "com1": ("feed",),
    "i8042": ("type_text", "press_ctrl_alt_del"),
    "acpi-pm": ("press_power_button", "signal"),
}
"""Methods of chips that somebody outside of the guest calls, by the chip's name: each takes one argument or none."""


class Recorder:
    """Made by Machine.record(), before the machine runs."""

    def __init__(self, machine: Machine, board: Board, path: str) -> None:
        self._machine, self._board, self._path = machine, board, path
        self._arriving = f"{os.path.realpath(path)}.{os.getpid()}.tmp"
        self._around: dict[str, list[Any]] = {}
        self._count = 0
        self._inside = 0
        self._failed: OSError | None = None
        try:
            self._file = open(self._arriving, "w", encoding="ascii")  # noqa: SIM115 - close() is what ends it
        except OSError as error:
            raise HostError(f"cannot write {path}: {error.strerror}") from error
        config = machine.config
        header = {
            "vmm": "recording",
            "version": VERSION,
            "config": plain.config_to_plain(config),
            "image": plain.to_plain(config.image) if isinstance(config.image, bytes) else None,
            "is_linux": board.is_linux,
        }
        self._file.write(json.dumps(header) + "\n")
        self._wrap_sources()
        machine.on_exit(self._access)

    def _wrap_sources(self) -> None:
        board, vcpus = self._board, self._machine.vcpus
        timers, memory = board.timers, board.memory
        now, wall, read, run_due = timers.now, board.wall_clock, memory.read, timers.run_due
        timers.now = lambda: self._noted("now", now())  # type: ignore[method-assign]
        board.wall_clock = lambda: self._noted("wall", wall())
        memory.read = lambda gpa, size: self._read(read(gpa, size))  # type: ignore[method-assign]
        timers.run_due = lambda: self._during("due", run_due)  # type: ignore[method-assign]
        acknowledge = vcpus[0].acknowledge
        vcpus[0].acknowledge = lambda: self._during("acknowledge", acknowledge)
        self._wrap_lines()
        for bus in (board.ports, board.mmio):
            bus.guard = self._guarding(bus.guard)
        for name, methods in OUTSIDE.items():
            if board.has_made(name):
                self._wrap_chip(name, board.device(name), methods)
            elif board.has_place_for(name):
                board.when_made(name, self._chip_wrapper(name, methods))

    def _chip_wrapper(self, name: str, methods: tuple[str, ...]) -> Callable[[Any], None]:
        return lambda chip: self._wrap_chip(name, chip, methods)

    def _wrap_lines(self) -> None:
        board, set_input, interrupt = self._board, self._board.set_input, self._board.interrupt
        send = board.send_message
        board.send_message = lambda address, data: bool(self._noted("sent", int(send(address, data))))

        def noted_input(gsi: int, level: bool) -> None:
            self._around.setdefault("lines", []).append([gsi, int(level)])
            set_input(gsi, level)

        def noted_pin(up: bool) -> None:
            self._around.setdefault("lines", []).append([PIC, int(up)])
            interrupt(up)

        board.set_input, board.interrupt = noted_input, noted_pin
        apics = self._machine.local_apics
        if apics is not None:
            ended = apics.ended
            apics.ended = lambda vector: self._during("eoi", lambda: ended(vector), vector)

    def _wrap_chip(self, name: str, chip: Any, methods: tuple[str, ...]) -> None:
        for method in methods:
            setattr(chip, method, self._calling(name, method, getattr(chip, method)))

    def _calling(self, name: str, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            value = arguments[0] if arguments else ""
            text = b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
            self._inside += 1
            try:
                return call(*arguments)
            finally:
                self._inside -= 1
                self._write("call", name, method, text)

        return called

    def _guarding(self, earlier: Any) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
        def guard(handler: Callable[..., int | None]) -> Callable[..., int | None]:
            def inner(*access: int) -> int | None:
                self._inside += 1
                try:
                    return handler(*access)
                finally:
                    self._inside -= 1

            return inner if earlier is None else earlier(inner)

        return guard

    def _noted(self, what: str, value: int) -> int:
        self._around.setdefault(what, []).append(value)
        return value

    def _read(self, data: bytes) -> bytes:
        if self._inside:
            self._around.setdefault("memory", []).append(b64encode(data).decode())
        return data

    def _during(self, kind: str, work: Callable[[], Any], *values: int) -> Any:
        self._inside += 1
        try:
            answer = work()
        finally:
            self._inside -= 1
        self._write(kind, *(values if answer is None else (answer,)))
        return answer

    def _access(self, direction: str, address: int, size: int, value: int, device: str) -> None:
        self._write(direction, address, size, value, device, self._machine.vcpu_here().index)

    def _write(self, *event: Any) -> None:
        around, self._around = self._around, {}
        if event == ("due",) and around.keys() <= {"now"}:
            return  # no alarm rang
        if self._failed is None:
            try:
                self._file.write(json.dumps([*event, around] if around else event, separators=(",", ":")) + "\n")
                self._count += 1
            except OSError as error:
                self._failed = error  # no fault of the device or the guest, which goes on; close() tells it

    def close(self) -> None:
        """Ends the file and gives it its name. HostError when it cannot be written."""
        try:
            with self._file as file:
                if self._failed is not None:
                    raise self._failed
                file.write(f'["end",{self._count}]\n')
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._arriving, os.path.realpath(self._path))
        except OSError as error:
            with suppress(OSError):
                os.unlink(self._arriving)
            raise HostError(f"cannot write {self._path}: {error.strerror}") from error
