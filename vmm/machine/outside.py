"""What is on the outside of a machine's case: consoles, the screen, the keyboard, the power button."""

from __future__ import annotations

from os import urandom

from ..errors import ConfigError
from ..units import SECOND
from .lifecycle import CREATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..memory.guest_memory import GuestMemory
    from ..observe.screen import Screen
    from .balloon import BalloonControl
    from .board import Board
    from .limit_options import Limits
    from .run import Run


class Outside:
    """The part of a Machine that its user looks at and types on."""

    _board: Board
    _run: Run

    if TYPE_CHECKING:

        @property
        def memory(self) -> GuestMemory: ...
        def _expect(self, state: str, wanted: str) -> None: ...
        def _expect_open(self, wanted: str) -> None: ...
        def outdate(self) -> None: ...

    def device(self, name: str) -> Any:
        """A chip of the board by name ("com1", "pit", "rtc", "post", ...). ConfigError when there is none.

        StateError once closed.
        """
        self._expect_open("give a device")
        self.outdate()
        return self._board.device(name)

    @property
    def console_output(self) -> bytes:
        """What the guest has sent to COM1 so far, with console="capture"."""
        return self.output("com1")

    def output(self, name: str) -> bytes:
        """What the guest has sent to "com1" ... "com4", "debug-console" or "firmware-console", or printed by calls of
        our BIOS ("bios", in UTF-8), where it is captured."""
        return bytes(getattr(self._board.outputs.get(name), "data", b""))

    @property
    def screen(self) -> Screen:
        """The text screen as it stands, also while the guest runs. ConfigError where there is no memory for one,
        StateError once closed."""
        self._expect_open("show the screen")
        from .text_screen import read

        return read(self.memory, self._board.device("vga") if self._board.has_made("vga") else None)

    @property
    def has_screen(self) -> bool:
        """Whether there is memory for a text screen: 768 KiB of it."""
        from .text_screen import is_there

        return is_there(self.memory)

    @property
    def standard_output(self) -> Any:
        """The backend that writes to standard output, with console="stdio"; else None."""
        return self._board.stdout

    def type_keys(self, text: str) -> None:
        """Types `text` on the keyboard: ASCII, as fast as the guest takes it. ConfigError for what has no key.

        Any thread, before or while it runs.
        """
        from .schematic.keys import check

        check(text)
        self.post(lambda: self.device("i8042").type_text(text))

    def feed(self, data: bytes) -> None:
        """Types `data` into COM1, as far as its queue (64 KiB) has room. Any thread, before or while it runs."""
        self.post(lambda: self.device("com1").feed(data) and None)

    def press_power_button(self) -> None:
        """Presses the power button: an event for a guest with ACPI that listens. Any thread, before or while it runs.

        ConfigError on a machine without power management.
        """
        self.post(self.device("acpi-pm").press_power_button)

    @property
    def balloon(self) -> BalloonControl:
        """By which the guest gives memory back. ConfigError for a machine without, StateError once closed."""
        self._expect_open("give its balloon")
        from .balloon import BalloonControl

        return BalloonControl(self._board)

    def renew_identity(self, identity: bytes | None = None) -> None:
        """Tells the guest that it is a copy, by 16 bytes that no other has (by default random ones): it seeds its
        random numbers anew. Any thread, before or while it runs.

        ConfigError for another number of bytes, and on a machine without a generation ID (those for Linux have one).
        """
        chip, new = self.device("generation-id"), urandom(16) if identity is None else identity
        if len(new) != 16:
            raise ConfigError.of("identity", f"16 bytes are needed, not {len(new)}")
        self.post(lambda: chip.renew(new))

    def resize_console(self, columns: int, rows: int) -> None:
        """Tells the guest how large the terminal is that it has as hvc0. Any thread, before or while it runs.

        ConfigError on a machine without a virtio console.
        """
        console, virtio = self.device("virtio-console").device, self._board.virtio
        if virtio is not None:
            virtio.reactor.call(lambda: console.resize(columns, rows))

    def limit(self, name: str, bandwidth: int = 0, operations: int = 0, burst: float = 0.1) -> None:
        """Limits the virtio disk or the network card `name`, such as "virtio-blk0" or "virtio-net0", to so many
        bytes and requests (or frames) a second, 0 for any number; `burst` seconds' worth may be saved up. Any thread,
        before or while it runs. ConfigError for another device, or for less than nothing, HostError for a disk in
        another product's format whose engine is gone.
        """
        from .limit_options import Limits
        from .schematic.virtio.limits import set_limit

        device, virtio = self._limited(name), self._board.virtio
        if min(bandwidth, operations, burst) < 0:
            raise ConfigError.of("limit", "0 or more a second")
        if virtio is not None:
            limits = Limits(bandwidth=bandwidth, operations=operations, burst=round(burst * SECOND))
            set_limit(device, virtio.reactor_of(device), limits)

    def limits(self, name: str) -> Limits:
        """What limit() set last for the device `name`. Any thread. ConfigError as there."""
        from .schematic.virtio.limits import limits_of

        return limits_of(self._limited(name))

    def _limited(self, name: str) -> Any:
        device: Any = getattr(self.device(name), "device", None)
        if self._board.virtio is None or not (hasattr(device, "limit") or hasattr(device, "set_limit")):
            raise ConfigError.of("limit", f"{name} is neither a virtio disk nor a network card")
        return device

    def press_ctrl_alt_del(self) -> None:
        """Presses Ctrl, Alt and Del on the keyboard. Any thread, before or while it runs."""
        self.post(lambda: self.device("i8042").press_ctrl_alt_del() and None)

    def post(self, job: Callable[[], None]) -> None:
        """Has `job` done between two exits of vCPU 0, where devices may be touched; when the run goes on, if none is.

        Any thread.
        """
        self.outdate()
        self._run.post(job)

    def listen(self, name: str, listener: Callable[[bytes], None]) -> None:
        """Lets `listener` hear what the guest says on the port `name` ("com1", ...), beside its output.

        Before the machine runs. The listener is called on a vCPU's thread.
        """
        self._expect(CREATED, "add a listener")
        earlier = self._board.listeners.get(name)
        self._board.listeners[name] = listener if earlier is None else in_turn(earlier, listener)
        if self._board.has_made(name):  # of a machine that was restored, or a child
            chip = self._board.device(name)
            chip.output = in_turn(chip.output, listener)


def in_turn(first: Callable[..., None], second: Callable[..., None]) -> Callable[..., None]:
    """Calls both, in this order."""

    def both(*values: Any) -> None:
        first(*values)
        second(*values)

    return both
