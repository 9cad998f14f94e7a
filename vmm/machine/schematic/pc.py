"""Sheet 1, what every machine has: serial ports, keyboard controller, clock, POST, ways to reset, speak and exit."""

from __future__ import annotations

from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..board import Board


def place(board: Board) -> None:
    """Claims the addresses; each chip is made at the first access."""
    ports = board.ports
    for index, (start, size) in enumerate(layout.COM):
        board.socket(f"com{index + 1}", _serial(board, index)).claim(ports, start, size)
    board.socket("debug-exit", lambda: _debug_exit(board)).claim(ports, *layout.DEBUG_EXIT, width=4)
    for name, span in (("debug-console", layout.DEBUG_CONSOLE), ("firmware-console", layout.FIRMWARE_CONSOLE)):
        board.socket(name, _debug_console(board, name)).claim(ports, *span)
    board.socket("post", lambda: _post(board)).claim(ports, *layout.POST)
    board.socket("system-control-a", lambda: _system_control_a(board)).claim(ports, *layout.SYSTEM_CONTROL_A)
    reset_control = board.socket("reset-control", lambda: _reset_control(board))
    if not (board.config.firmware or board.config.pc_testdev):  # else it shares its address with PCI's, see pci.py
        reset_control.claim(ports, *layout.RESET_CONTROL)
    keyboard = board.socket("i8042", lambda: _keyboard(board))
    keyboard.claim(ports, *layout.KEYBOARD_DATA, part=lambda chip: chip.data)
    keyboard.claim(ports, *layout.KEYBOARD_COMMAND, part=lambda chip: chip.command)
    board.socket("rtc", lambda: _rtc(board)).claim(ports, *layout.RTC)


def _serial(board: Board, index: int) -> Callable[[], Any]:
    def make() -> Any:
        from ...devices.serial import Serial

        port = Serial(board.line(layout.COM_LINES[index]), board.output(f"com{index + 1}"), board.timers)
        if index == 0:
            board.com1_made(port)
        return port

    return make


def _debug_exit(board: Board) -> Any:
    from ...devices.debug_exit import DebugExit

    return DebugExit(lambda value: board.debug_exit(value))


def _debug_console(board: Board, name: str) -> Callable[[], Any]:
    def make() -> Any:
        from ...devices.debug_console import DebugConsole

        return DebugConsole(board.output(name))

    return make


def _post(board: Board) -> Any:
    from ...devices.post import Post

    return Post(board.timers.now)


def _system_control_a(board: Board) -> Any:
    from ...devices.power import SystemControlA

    return SystemControlA(lambda words: board.reset_requested(words))


def _reset_control(board: Board) -> Any:
    from ...devices.power import ResetControl

    return ResetControl(lambda words: board.reset_requested(words))


def _keyboard(board: Board) -> Any:
    from ...devices.i8042 import I8042

    return I8042(board.line(layout.KEYBOARD_LINE), None, lambda words: board.reset_requested(words))


def _rtc(board: Board) -> Any:
    from ...devices.rtc import Rtc

    wall_at_zero = board.wall_clock() - board.timers.now()
    return Rtc(board.timers, board.line(layout.RTC_LINE), wall_at_zero, layout.cmos(board.config.memory))
