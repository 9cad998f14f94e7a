"""The exits that KVM answers by itself, brought to light by its tracepoints: one recording for each vCPU's thread.

perf writes what KVM tells on that thread into a ring; a thread here empties it into counters whose size is fixed
(kvm_bindings/hidden.c). Only a privileged process may do so: see kvm_hidden_trouble.py.
"""

from __future__ import annotations

from kvm_bindings import ffi, lib
from kvm_bindings.hardware_exits import exit_name, sentence

from ..cpu import msrs
from ..errors import HostError
from ..observe.hidden_exits import HardwareExit, HiddenExits, Tally
from ..observe.msr_accesses import OTHERS, READ, WRITE, MsrAccess
from . import kvm_hidden_trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from threading import Thread

    from kvm_bindings._kvm import CData
    from kvm_bindings.tracepoints import Tracepoint

    from .kvm_vcpu import KvmVcpu

RING = 4 << 20
"""Bytes of records that wait at most, for each vCPU: some 50,000 exits. Less where the host does not give so much."""
EVENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kvm_exit", ("exit_reason", "isa", "guest_rip")),
    ("kvm_entry", ()),
    ("kvm_userspace_exit", ("errno",)),
    ("kvm_vcpu_wakeup", ("ns",)),
    ("kvm_page_fault", ("error_code",)),
    ("kvm_msr", ("write", "ecx", "data", "exception")),
    ("kvm_cpuid", ("function", "index")),
    ("kvm_inj_virq", ("vector", "reinjected")),
)
"""In the order of HIDDEN_EXIT and its like in hidden.h, each with the fields that hidden.c wants, in its order."""
NEEDED = 3
"""So many of the first of them a kernel must have."""


class HiddenWatch:
    """The recording of one vCPU, over all its runs."""

    def __init__(self, vcpu: int, tracepoints: Sequence[Tracepoint | None]) -> None:
        events = ffi.new("struct hidden_event[]", lib.HIDDEN_EVENTS)
        for event, point, (_, wanted) in zip(events, tracepoints, EVENTS, strict=True):
            if point is not None:
                event.id = point.id
                for field, name in zip(event.fields, wanted, strict=False):
                    field.offset, field.size = point.fields.get(name, (0, 0))
        hidden = lib.hidden_new(events)
        if hidden == ffi.NULL:
            raise HostError("no host memory for the counters of hidden exits", "free some memory")
        self.vcpu = vcpu
        self._hidden = ffi.gc(hidden, lib.hidden_free)
        self._server: Thread | None = None

    def open(self) -> None:
        """Makes what records the calling thread. HostError where the host does not let us."""
        error = lib.hidden_open(self._hidden, RING)
        if error:
            raise kvm_hidden_trouble.opening(-error)

    def begin(self) -> None:
        """Records the calling thread from now on. HostError where the host does not let us."""
        self.open()
        from threading import Thread

        lib.hidden_begin(self._hidden)

        self._server = Thread(target=lib.hidden_serve, args=(self._hidden,), name=f"hidden{self.vcpu}", daemon=True)
        self._server.start()

    def end(self) -> None:
        """Ends what begin() began; on the same thread. Does nothing else."""
        server, self._server = self._server, None
        if server is not None:
            lib.hidden_end(self._hidden)
            server.join()

    def read(self) -> CData:
        """All counters as they stand. Any thread."""
        counters = ffi.new("struct hidden *")
        lib.hidden_read(self._hidden, counters)
        return counters


def watch(vcpus: Iterable[KvmVcpu]) -> list[HiddenWatch]:
    """One for each vCPU; the first is opened for this thread, which tells now what would fail later. HostError."""
    tracepoints = kvm_hidden_trouble.tracepoints([name for name, _ in EVENTS], NEEDED)
    watches = [HiddenWatch(vcpu.index, tracepoints) for vcpu in vcpus]
    watches[0].open()
    for vcpu, one in zip(vcpus, watches, strict=True):
        vcpu.hidden = one
    return watches


def obstacle() -> str:
    """Why this process cannot see hidden exits, with the remedy; "" when it can."""
    try:
        tracepoints = kvm_hidden_trouble.tracepoints([name for name, _ in EVENTS], NEEDED)
        HiddenWatch(0, tracepoints).open()
    except HostError as error:
        return str(error)
    return ""


def gathered(watches: Iterable[HiddenWatch]) -> HiddenExits:
    """What all of them have counted so far. Any thread."""
    read = [(watch.vcpu, watch.read()) for watch in watches]
    return HiddenExits(
        exits=tuple(exit for vcpu, counters in read for exit in _exits(vcpu, counters)),
        msrs=tuple(access for vcpu, counters in read for access in _msrs(vcpu, counters)),
        cpuid=tuple(tally for vcpu, of in read for tally in _pairs(vcpu, of.leaves, of.leaves_used)),
        faults=tuple(tally for vcpu, of in read for tally in _pairs(vcpu, of.faults, of.faults_used)),
        interrupts=tuple(
            Tally(vcpu=vcpu, key=vector, count=count)
            for vcpu, counters in read
            for vector, count in enumerate(counters.vectors)
            if count
        ),
        guest_ns={vcpu: int(counters.guest_ns) for vcpu, counters in read},
        lost=sum(counters.lost for _, counters in read),
    )


def _exits(vcpu: int, counters: CData) -> list[HardwareExit]:
    places: dict[int, list[tuple[int, int, int]]] = {}
    for place in counters.places:
        if place.count:
            places.setdefault(place.reason, []).append((place.rip, place.count, place.to_user))
    found = []
    for row in range(counters.reasons_used + 1):
        reason = counters.reasons[row]
        if not reason.count:
            continue
        name = exit_name(reason.key >> 32, reason.key & 0xFFFF_FFFF) if row else OTHERS
        found.append(
            HardwareExit(
                vcpu=vcpu,
                reason=name,
                words=sentence(name),
                count=reason.count,
                to_user=reason.to_user,
                kernel_ns=reason.kernel_ns,
                kernel_max_ns=reason.kernel_max_ns,
                asleep_ns=reason.asleep_ns,
                histogram=tuple(reason.histogram),
                rips=tuple(sorted(places.get(row, ()), key=lambda place: (-place[1], place[0]))),
            )
        )
    return sorted(found, key=lambda exit: (-exit.count, exit.reason))


def _msrs(vcpu: int, counters: CData) -> list[MsrAccess]:
    return [
        MsrAccess(
            vcpu=vcpu,
            msr=msr.index if row else None,
            name=msrs.name(msr.index) if row else OTHERS,
            direction=WRITE if msr.is_write else READ,
            count=msr.count,
            refused=msr.refused,
            value=msr.value,
        )
        for row, msr in enumerate(counters.msrs[0 : counters.msrs_used + 1])
        if msr.count
    ]


def _pairs(vcpu: int, pairs: CData, used: int) -> list[Tally]:
    return [Tally(vcpu=vcpu, key=pair.key, count=pair.count) for pair in pairs[0 : used + 1] if pair.count]
