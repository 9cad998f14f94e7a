"""The wires between a board and the CPUs: interrupts, alarms, what a guest asks of its machine, quiet locations."""

from __future__ import annotations

from . import layout, outcome
from .config import WITH_PIC_HERE
from .outcome import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..bus.bus import Bus
    from ..engine.protocol import Engine, Vcpu, WriteCollector
    from .board import Board
    from .run import Run

MOST_WARNINGS = 10
"""Failures of one device that the user is told of."""
LINE_STATUS = 5
"""Offset of the one register that a polling guest reads before each byte."""


def guard_devices(board: Board, lock: Any) -> None:
    """With several vCPU threads: one access at a time."""

    def guard(handler: Callable[..., int | None]) -> Callable[..., int | None]:
        def guarded(*access: int) -> int | None:
            with lock:
                return handler(*access)

        return guarded

    board.ports.guard = board.mmio.guard = guard


def connect(board: Board, engine: Engine, run: Run) -> None:
    """All wires."""
    vcpus = engine.vcpus
    if board.config.irqchip in WITH_PIC_HERE:
        vcpus[0].acknowledge = _acknowledge(board, run)
        board.interrupt = vcpus[0].want_interrupt
    if engine.irqchip is not None:
        board.set_input = engine.irqchip.set_input
    if engine.local_apics is not None:
        board.send_message, board.watch_messages = engine.local_apics.send, engine.local_apics.watch
        engine.local_apics.ended = _ended(board, run)
    board.run = run
    warnings = _Warnings(board.config.warn, run)
    if board.virtio is not None:
        board.virtio.connect(engine, run.post, warnings.failed, warnings.tell)
    board.timers.on_failure = warnings.alarm_failed
    board.ports.on_failure = board.mmio.on_failure = warnings.device_failed
    if board.config.strict:
        for bus in (board.ports, board.mmio):
            bus.on_unclaimed = _unclaimed(bus, run)
    board.com1_made = lambda com1: _watch_com1(com1, board, vcpus)
    if len(vcpus) > 1 or board.is_linux:
        for vcpu in vcpus:  # as long as none runs: later one would look for places in another's table
            _answer_com1(vcpu, None)
    if board.is_linux and run.kernel_halts:  # whose vCPUs are looked at now and then: what they said is seen then
        board.collect_writes = _collect_writes(engine.collector(layout.COM[0][0]))


def _watch_com1(com1: Any, board: Board, vcpus: Sequence[Vcpu]) -> None:
    com1.quiet_changed = lambda: make_quiet(board, vcpus)
    make_quiet(board, vcpus, com1)


def make_quiet(board: Board, vcpus: Sequence[Vcpu], com1: Any = None) -> None:
    """Tells the run step what it may answer for COM1 now: nothing while somebody watches every access, and nothing
    before the first access, at which the chip is made."""
    if com1 is None and not board.has_made("com1"):  # nor has a closed board
        return
    com1 = com1 or board.device("com1")
    is_watched = board.ports.observer is not None or board.has_traps
    constants = {} if is_watched else dict(com1.quiet_reads())
    ring = None if is_watched else com1.quiet_ring_offset()
    transmit, limit = com1.transmit if ring == 0 else None, com1.quiet_ring_limit()
    for vcpu in vcpus:
        _answer_com1(vcpu, constants.get(LINE_STATUS), transmit, limit)
    board.collect_writes(transmit is not None, limit > 0)


def _collect_writes(collector: WriteCollector) -> Callable[[bool, bool], None]:
    """A kernel that polls before each byte has the bytes collected by KVM: they cost an exit less, and come with the
    next poll. A driver that waits for an interrupt behind its bytes would wait for ever: with the first, it ends."""
    may_collect = True

    def collect(is_quiet: bool, is_driven: bool) -> None:
        nonlocal may_collect
        may_collect = may_collect and not is_driven
        collector.collect(may_collect and is_quiet)

    return collect


def _answer_com1(
    vcpu: Vcpu, status: int | None, transmit: Callable[[bytes], None] | None = None, limit: int = 0
) -> None:
    base, _ = layout.COM[0]
    vcpu.make_quiet("io", base + LINE_STATUS, 1, False, status)
    vcpu.make_quiet("io", base, 1, True, None, transmit, limit)


def _acknowledge(board: Board, run: Run) -> Callable[[], int]:
    def acknowledge() -> int:
        with run.lock:  # type: ignore[attr-defined]  # the PIC is a device like any other
            return int(board.device("pic").acknowledge())

    return acknowledge


def _ended(board: Board, run: Run) -> Callable[[int], None]:
    def ended(vector: int) -> None:
        with run.lock:  # type: ignore[attr-defined]
            board.device("ioapic").end_of_interrupt(vector)

    return ended


class _Warnings:
    """Tells the user of failing devices, each a few times: a guest may provoke thousands a second.

    A `warn` that fails itself ends the run, with an outcome that says so: nobody would hear of the devices any more.
    """

    def __init__(self, tell: Callable[[str], None] | None, run: Run) -> None:
        self._tell = tell
        self._run = run
        self._told: dict[str, int] = {}

    def alarm_failed(self, error: Exception) -> None:
        """An alarm's callback raised."""
        self.failed("an alarm", error)

    def device_failed(self, name: str, error: Exception) -> None:
        """A device of a bus raised."""
        self.failed(f"device {name}", error)

    def failed(self, name: str, error: Exception) -> None:
        """A device raised."""
        self.tell(name, f"failed: {type(error).__name__}: {error}")

    def tell(self, name: str, words: str) -> None:
        """A device has something to say."""
        if self._tell is None:
            return
        told = self._told[name] = self._told.get(name, 0) + 1
        if told > MOST_WARNINGS:
            return
        more = "; more of these are not told" if told == MOST_WARNINGS else ""
        try:
            self._tell(f"{name} {words}{more}")
        except Exception as fault:
            words = f"warn failed ({type(fault).__name__}: {fault}) when told that {name} {words}"
            self._run.end(Outcome(kind=outcome.FAILED, words=words))


def _unclaimed(bus: Bus, run: Run) -> Callable[[str, int, int, int], None]:
    def unclaimed(direction: str, address: int, size: int, value: int) -> None:
        what = f"{direction} of {size} at {'port' if bus.kind == 'io' else 'gpa'} {address:#x}"
        detail: dict[str, object] = {"direction": direction, "address": address, "size": size, "value": value}
        run.end(Outcome(kind=outcome.UNCLAIMED, words=f"no device claims {what}", detail=detail))

    return unclaimed
