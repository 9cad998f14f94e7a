"""A boot trace as text: phases, the kernel's longest pauses, what it touched, and how busy it kept the host."""

from __future__ import annotations

from .boot_trace import KERNEL
from .figures import duration, number, share
from .table import Column, table, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .boot_trace import BootTrace

WORDS = {
    "com1": "the serial console",
    "com2": "the second serial port",
    "com3": "a probe for a third serial port",
    "com4": "a probe for a fourth serial port",
    "i8042": "the keyboard controller's probe",
    "rtc": "the clock chip and its CMOS",
    "pit": "the interval timer",
    "pic": "the interrupt controllers",
    "acpi-pm": "ACPI events and the PM timer",
    "": "nobody: a probe for what is not there",
}
"""What devices are to somebody who waits for a boot."""

_PHASES = (
    Column(title="When", right=True),
    Column(title="took", right=True),
    Column(title="whose"),
    Column(title="what", least=20),
)
_PAUSES = (
    Column(title="Pause", right=True),
    Column(title="until", right=True),
    Column(title="the kernel said", least=20),
)
_DEVICES = (
    Column(title="Exits", right=True),
    Column(title="share", right=True),
    Column(title="here", right=True),
    Column(title="device"),
    Column(title="what it is", least=10, priority=1),
)
_RATES = (Column(title="From", right=True), Column(title="to", right=True), Column(title="exits/s", right=True),
          Column(title="", least=5))  # fmt: skip
_BAR = 40
_DEVICES_SHOWN = 10


def render(trace: BootTrace, width: int = 80) -> str:
    """The report, no line wider than `width`."""
    blocks = [
        [f"Boot: {duration(trace.end_ns)} from the start of the process to the last mark"],
        table(
            _PHASES,
            [(duration(mark.at_ns), duration(took), mark.who, mark.what) for mark, took in trace.phases()],
            width,
        ),
        _pauses(trace, width),
        _devices(trace, width),
        _rates(trace, width),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _pauses(trace: BootTrace, width: int) -> list[str]:
    if not trace.lines:
        words = 'The kernel said nothing that carries its time: let it speak (no "quiet") to see its phases.'
        return wrap(words, width) if any(mark.who != KERNEL for mark in trace.marks) else []
    rows = [
        (duration(pause), duration(trace.offset_ns + line.kernel_ns), line.text)
        for pause, line in trace.pauses()
        if pause
    ]
    return table(_PAUSES, rows, width)


def _devices(trace: BootTrace, width: int) -> list[str]:
    if trace.exits is None:
        return []
    views: dict[str, tuple[int, int]] = {}
    for exit in trace.exits.exits:
        if exit.reason in ("io", "mmio"):
            count, time = views.get(exit.device, (0, 0))
            views[exit.device] = (count + exit.count, time + exit.handler_ns)
    total = trace.exits.total
    rows = [
        (number(count), share(count / total), duration(time), name or "-", WORDS.get(name, ""))
        for name, (count, time) in sorted(views.items(), key=lambda entry: -entry[1][0])[:_DEVICES_SHOWN]
    ]
    return table(_DEVICES, rows, width)


def _rates(trace: BootTrace, width: int) -> list[str]:
    rates = trace.rates()
    top = max((rate for _, _, rate in rates), default=0)
    rows = [
        (duration(since), duration(until), number(rate), "#" * (rate * _BAR // top if top else 0))
        for since, until, rate in rates
    ]
    return table(_RATES, rows, width)
