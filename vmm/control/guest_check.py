"""The comparison of a guest's run with its expect.toml: a pure function from a specification and a result to words.

It looks only at what the expectation states. Nothing here runs a guest.
"""

from __future__ import annotations

from ..errors import VmmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from ..observe.screen import Screen
    from .guest_spec import Expectation, GuestSpec

    class GuestResult(Protocol):
        """What is asked of a finished run; any object with these will do."""

        @property
        def host_kind(self) -> str:
            """One of "pvm", "svm", "vmx", or another word for a host of no special kind."""

        @property
        def outcome_kind(self) -> str:
            """One of vmm.machine.outcome.EXIT_CODES."""

        @property
        def outcome_value(self) -> int:
            """What was written to the debug-exit port."""

        @property
        def outcome_words(self) -> str:
            """The outcome in a sentence."""

        @property
        def serial(self) -> Mapping[str, bytes]:
            """What each serial port sent, by "com1" to "com4"; a port that sent nothing may be missing."""

        @property
        def debug_console(self) -> bytes:
            """What was written to the debug console."""

        @property
        def registers(self) -> Mapping[str, int]:
            """The general registers of vCPU 0 at the end."""

        def read_memory(self, gpa: int, size: int) -> bytes:
            """Guest memory at the end."""

        def count(self, location: str) -> int:
            """Exits at a location such as "io.out.1[0x3f8]"."""

        def screen(self) -> Screen:
            """The text screen at the end; asked for where it is expected to show something."""


def check(spec: GuestSpec, result: GuestResult) -> list[str]:
    """Every way in which the run was not as expected on this kind of host, a sentence each; empty when all is well."""
    expected = spec.expectation(result.host_kind)
    failures = [
        *_outcome(expected, result),
        *_text(expected, result),
        *_screen(expected, result),
        *_state(expected, result),
        *_exits(expected, result),
    ]
    if failures and expected.why:
        failures.append(f"(the expectation is the one for {result.host_kind}: {expected.why})")
    return failures


def _outcome(expected: Expectation, result: GuestResult) -> list[str]:
    came = f"{result.outcome_kind} {result.outcome_value:#x}: {result.outcome_words}"
    wanted = expected.outcome_kind
    if expected.outcome_value is not None:
        wanted += f" {expected.outcome_value:#x}"
    if result.outcome_kind != expected.outcome_kind or expected.outcome_value not in (None, result.outcome_value):
        return [f"outcome: expected {wanted}, came {came}"]
    if expected.outcome_words not in result.outcome_words:
        return [f"outcome: expected words with {expected.outcome_words!r}, came {result.outcome_words!r}"]
    return []


def _text(expected: Expectation, result: GuestResult) -> list[str]:
    failures = []
    for port, text in expected.serial:
        came = result.serial.get(port, b"")
        if came != text:
            failures.append(f"{port}: expected {_shown(text)}, came {_shown(came)}")
    for port, pattern in expected.serial_patterns:
        from re import fullmatch

        came = result.serial.get(port, b"")
        if not fullmatch(pattern, came.decode("latin-1")):
            failures.append(f"{port}: expected a match of {pattern!r}, came {_shown(came)}")
    if expected.debug_console not in (None, result.debug_console):
        failures.append(
            f"debug console: expected {_shown(expected.debug_console or b'')}, came {_shown(result.debug_console)}"
        )
    return failures


def _screen(expected: Expectation, result: GuestResult) -> list[str]:
    if not (expected.screen_contains or expected.screen_lines or expected.screen_cursor):
        return []
    try:
        screen = result.screen()
    except VmmError as error:
        return [str(error)]
    failures, lines = [], screen.lines
    for text in expected.screen_contains:
        if text not in screen.text:
            failures.append(f"screen: expected {text!r} somewhere, came {_shown(screen.text)}")
    for row, text in expected.screen_lines:
        came = lines[row] if row < len(lines) else None
        if came != text:
            failures.append(f"screen line {row}: expected {text!r}, came {came!r}")
    if expected.screen_cursor and screen.cursor != expected.screen_cursor:
        failures.append(f"cursor: expected {expected.screen_cursor}, came {screen.cursor}")
    return failures


def _state(expected: Expectation, result: GuestResult) -> list[str]:
    failures = []
    for name, value in expected.registers:
        if result.registers[name] != value:
            failures.append(f"{name}: expected {value:#x}, came {result.registers[name]:#x}")
    for gpa, content in expected.memory:
        came = result.read_memory(gpa, len(content))
        if came != content:
            failures.append(f"memory at {gpa:#x}: expected {content.hex(' ')}, came {came.hex(' ')}")
    return failures


def _exits(expected: Expectation, result: GuestResult) -> list[str]:
    failures = []
    for location, fewest, most in expected.exits:
        count = result.count(location)
        if count < fewest or (most is not None and count > most):
            wanted = f"{fewest}" if fewest == most else f"at least {fewest}" if most is None else f"{fewest} to {most}"
            failures.append(f"exits at {location}: expected {wanted}, came {count}")
    return failures


def _shown(text: bytes | str) -> str:
    """Text as a reader writes it, long ones cut."""
    words = repr(text if isinstance(text, str) else text.decode("latin-1"))
    return words if len(words) <= 200 else f"{words[:200]}... ({len(text)} bytes)"
