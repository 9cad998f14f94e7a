"""Sheet 1, what every machine has: serial ports, keyboard controller, clock, POST, ways to reset, speak and exit."""

from __future__ import annotations

from ...later import Later
from .. import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...devices import debug_console, debug_exit, i8042, post, power, rtc, serial
    from ..board import Board
    from ..plan import Plan
else:
    debug_console = Later("vmm.devices.debug_console")
    debug_exit = Later("vmm.devices.debug_exit")
    i8042 = Later("vmm.devices.i8042")
    post = Later("vmm.devices.post")
    power = Later("vmm.devices.power")
    rtc = Later("vmm.devices.rtc")
    serial = Later("vmm.devices.serial")


def place(plan: Plan) -> None:
    """Claims the addresses; each chip is made at the first access."""
    ports = plan.ports
    for index, (start, size) in enumerate(layout.COM):
        plan.socket(f"com{index + 1}", _serial(index)).claim(ports, start, size)
    plan.socket("debug-exit", _debug_exit).claim(ports, *layout.DEBUG_EXIT, width=4)
    for name, span in (("debug-console", layout.DEBUG_CONSOLE), ("firmware-console", layout.FIRMWARE_CONSOLE)):
        plan.socket(name, _debug_console(name)).claim(ports, *span)
    plan.socket("post", _post).claim(ports, *layout.POST)
    plan.socket("system-control-a", _system_control_a).claim(ports, *layout.SYSTEM_CONTROL_A)
    plan.socket("reset-control", _reset_control).claim(ports, *layout.RESET_CONTROL)
    keyboard = plan.socket("i8042", _keyboard)
    keyboard.claim(ports, *layout.KEYBOARD_DATA, part=lambda chip: chip.data)
    keyboard.claim(ports, *layout.KEYBOARD_COMMAND, part=lambda chip: chip.command)
    plan.socket("rtc", _rtc).claim(ports, *layout.RTC)


def _serial(index: int) -> Callable[[Board], Any]:
    def make(board: Board) -> Any:
        port = serial.Serial(board.line(layout.COM_LINES[index]), board.output(f"com{index + 1}"), board.timers)
        if index == 0:
            board.com1_made(port)
        return port

    return make


def _debug_exit(board: Board) -> Any:
    return debug_exit.DebugExit(board.debug_exit)


def _debug_console(name: str) -> Callable[[Board], Any]:
    def make(board: Board) -> Any:
        return debug_console.DebugConsole(board.output(name))

    return make


def _post(board: Board) -> Any:
    return post.Post(board.timers.now)


def _system_control_a(board: Board) -> Any:
    return power.SystemControlA(board.reset_requested)


def _reset_control(board: Board) -> Any:
    return power.ResetControl(board.reset_requested)


def _keyboard(board: Board) -> Any:
    return i8042.I8042(board.line(layout.KEYBOARD_LINE), None, board.reset_requested)


def _rtc(board: Board) -> Any:
    wall_at_zero = board.wall_clock() - board.timers.now()
    cmos = layout.cmos(board.config.memory)
    if board.config.firmware:
        from ..cmos import for_firmware

        cmos.update(for_firmware(board.config, {field: disk.size for field, disk in board.drives.items()}))
    return rtc.Rtc(board.timers, board.line(layout.RTC_LINE), wall_at_zero, cmos)
