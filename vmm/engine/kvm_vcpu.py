"""One KVM vCPU: the loop around the compiled run step, and the registers.

The hot path is the inner `while` of run(): one call into C that runs the guest and packs the exit, one list index,
one call of the device. Everything else is off it.
"""

from __future__ import annotations

from _thread import allocate_lock

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

from ..errors import HostError
from . import kvm_registers
from .kvm_counted import Counted
from .protocol import FAILED, INTERRUPTED, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kvm_bindings._kvm import CData
    from kvm_bindings.vcpu import Vcpu as BoundVcpu

    from ..bus.bus import Bound, Bus
    from ..cpu.modes import InitialState
    from .kvm_hidden import HiddenWatch

LINT0 = 0x350
LVT_MASKED, LVT_MODE, LVT_NMI = 1 << 16, 0x700, 0x400
"""Offset and bits of a local APIC's LINT0 entry (Intel SDM volume 3A section 11.5.1)."""
MTRR_DEF_TYPE, MTRR_ENABLED, WRITE_BACK = 0x2FF, 1 << 11, 6
"""IA32_MTRR_DEF_TYPE, a bit of it and the type of what no range covers (Intel SDM volume 3A section 11.11.2.1)."""
ROW, READ, VALUE_SHIFT = lib.STEP_ROW, lib.STEP_READ, lib.STEP_VALUE_SHIFT
FIRST_ROWS = 48
"""A tiny guest lives for two milliseconds: a list for all rows would take a hundredth of them."""
ONES = 0xFFFF_FFFF_FFFF_FFFF
_INTERRUPTED = Stop(INTERRUPTED)


def no_controller() -> int:
    """Stands for an interrupt controller where there is none."""
    raise RuntimeError("an interrupt was wanted, but nothing acknowledges it")


class KvmVcpu(Counted):
    """Implements protocol.Vcpu over an open vCPU fd."""

    _rip_is_behind: int | None = None
    """1 where RIP stands behind a port access already, as with PVM, which emulates it; VMX and SVM have it on it."""
    cpuid: CData = None
    """The struct kvm_cpuid2 that it was given."""
    acknowledge: Callable[[], int] = staticmethod(no_controller)
    hidden: HiddenWatch | None = None
    """The recording of what KVM does on this vCPU's thread, if it is asked for."""
    has_queued = False
    """Whether KVM was given an interrupt since its queue was settled (kvm_queue.py)."""
    _triggered: Any = None
    _rebinds = 0
    _is_attached = False
    _owes_finish = False
    _drained: tuple[CData, CData] | None = None
    """Room for what the guest said quietly, and for whose it is."""

    def __init__(
        self, vcpu: BoundVcpu, index: int, ports: Bus, mmio: Bus, ns_per_tick_32: int, cpuid: CData = None
    ) -> None:
        self.index = index
        self.fd = vcpu
        if cpuid is not None:
            self.give_cpuid(cpuid)
        self.hooks: dict[int, Callable[[CData], Stop | None]] = {}
        """Handlers of exits that are neither port nor MMIO accesses, by KVM_EXIT_ number; None goes on."""
        self._run = vcpu.run
        step = lib.step_new(vcpu.fd, vcpu.run, ns_per_tick_32)
        if step == ffi.NULL:
            raise HostError("no host memory for a vCPU's statistics", "free some memory")
        self._step = ffi.gc(step, lib.step_free)  # it outlives close(): a kick may be on its way
        self._run.kvm_valid_regs = lib.KVM_SYNC_X86_REGS
        self._buses = {lib.STEP_KIND_IO: ports, lib.STEP_KIND_MMIO: mmio}
        self._bindings: list[Bound] = [(self._sampled, 0, 0), *[(self._first_access, 0, 0)] * (FIRST_ROWS - 1)]
        step.bound = FIRST_ROWS
        self._rings: dict[int, tuple[Callable[[bytes], None], Bus, int]] = {}
        self._quiet_rows: dict[tuple[str, int, int, bool], int] = {}
        self._ring_owner = self._step
        self.output_lock: Any = allocate_lock()
        """Held while quiet output is taken and handed over."""
        ports.watch(self.rebind)
        mmio.watch(self.rebind)

    # -- running --

    def attach(self, block_signals: bool = False) -> None:
        """See protocol.Vcpu."""
        if self.hidden is not None:
            self.hidden.begin()
        lib.step_attach(self._step, block_signals)
        self._is_attached = True

    def detach(self) -> None:
        """See protocol.Vcpu."""
        self._is_attached = False
        lib.step_detach(self._step)
        if self.hidden is not None:
            self.hidden.end()

    def run(self) -> Stop:
        """See protocol.Vcpu."""
        return self._loop(0)

    def _loop(self, reply: Any) -> Stop:
        step_run, step, bindings = lib.step_run, self._step, self._bindings
        row, read, shift = ROW, READ, VALUE_SHIFT  # locals: globals cost more in the loop
        while True:
            try:
                while (answer := step_run(step, reply)) >= 0:
                    handler, offset, size = bindings[answer & row]
                    if answer & read:
                        reply = handler(offset, size)
                    else:
                        handler(offset, size, answer >> shift)
            except Exception as error:  # whatever a device does: it is the device's failure, not the machine's
                self._device_failed(error)
                reply = ONES
                continue
            stop = NEWS[-answer](self)
            if stop is not None:
                return stop
            reply = 0

    def finish_access(self, is_last: bool = False) -> None:
        """See protocol.Vcpu."""
        run = self._run
        if is_last and run.exit_reason == lib.KVM_EXIT_IO and run.io.direction == lib.KVM_EXIT_IO_OUT:
            self._owes_finish = True
            return
        self._owes_finish = False
        lib.step_finish(self._step, True)
        try:
            stop = self._loop(ONES)
        finally:
            lib.step_finish(self._step, False)
        if stop.reason == FAILED:
            raise KvmError("KVM_RUN", "vcpu", self._step.error)

    def kick(self, stop: bool = False) -> None:
        """See protocol.Vcpu."""
        lib.step_kick(self._step, lib.STEP_WANT_STOP if stop else 0)

    def clear_stop(self) -> None:
        """See protocol.Vcpu."""
        lib.step_attention(self._step, 0, lib.STEP_WANT_STOP)

    def want_interrupt(self, wanted: bool) -> None:
        """See protocol.Vcpu."""
        if wanted:
            lib.step_kick(self._step, lib.STEP_WANT_INTERRUPT)
        else:
            lib.step_attention(self._step, 0, lib.STEP_WANT_INTERRUPT)

    def interrupt_wanted(self) -> bool:
        """See protocol.Vcpu."""
        return bool(self._step.attention & lib.STEP_WANT_INTERRUPT)

    def set_alarm(self, deadline: int) -> None:
        """See protocol.Vcpu."""
        error = lib.step_alarm(self._step, deadline)
        if error:
            raise HostError(f"no timer for a vCPU (errno {-error})", "raise RLIMIT_SIGPENDING (ulimit -i)")

    def doze_mark(self) -> int:
        """See protocol.Vcpu."""
        return int(self._step.wake)

    def doze(self, mark: int, deadline: int) -> None:
        """See protocol.Vcpu."""
        lib.step_wait(self._step, mark, deadline)

    def share_signals(self) -> None:
        """See protocol.Vcpu."""
        lib.step_share_signals(self._step)

    def unshare_signals(self) -> None:
        """See protocol.Vcpu."""
        lib.step_unshare_signals()

    # -- the way to the devices --

    def rebind(self) -> None:
        """Forgets what handlers the locations have: each is asked for anew when it is next met. Any thread."""
        self._rebinds += 1
        rows = len(self._bindings)  # no fewer than before: the vCPU may be at one of them, or may add some now
        self._bindings[:rows] = [(self._first_access, 0, 0)] * rows
        if rows:
            self._bindings[0] = (self._sampled, 0, 0)

    def _make_room(self, row: int) -> None:
        """So many locations a guest seldom meets: handlers of more are kept when they come."""
        self._bindings += [(self._first_access, 0, 0)] * (row + FIRST_ROWS - len(self._bindings))
        self._step.bound = len(self._bindings)

    def make_quiet(self, kind: str, address: int, size: int, is_write: bool, constant: int | None,
                   ring: Callable[[bytes], None] | None = None, limit: int = 0) -> None:  # fmt: skip
        """Lets the run step answer a location by itself: reads with `constant`, writes uncounted but for their number,
        or written bytes held back and given to `ring` in one piece, at most `limit` unless it is 0. With neither, the
        location is loud again."""
        place = (kind, address, size, is_write)
        row = self._quiet_rows.get(place)
        if row is None:  # before the vCPU runs, where other threads call this later: they may not add rows
            row = self._quiet_rows[place] = self._locate(kind, is_write, size, address)
        location = self._step.rows[row]
        if location.key == 0:
            return  # the table is full: this location shares its row with others and stays loud
        if ring:  # first: the vCPU may run on another thread
            self._rings[location.key] = (ring, self._buses[location.kind], address)
        if constant is not None:
            location.quiet_value = constant
        location.quiet_limit = limit
        location.quiet = lib.STEP_QUIET_RING if ring else lib.STEP_LOUD if constant is None else lib.STEP_QUIET_CONSTANT

    def answer_by_latch(self, address: int, size: int, is_write: bool, latch: CData | None) -> None:
        """Lets the run step answer an MMIO location by flags that are read, and cleared by writing ones; None: loud
        again. The latch outlives the vCPU. Before it runs, or while it does not."""
        location = self._step.rows[self._locate("mmio", is_write, size, address)]
        if location.key == 0:
            return  # the table is full: it stays loud
        location.latch = ffi.NULL if latch is None else latch
        location.quiet = lib.STEP_LOUD if latch is None else lib.STEP_QUIET_LATCH

    def expect_collected(self, port: int) -> None:
        """Before the vCPU runs: what the kernel has collected of byte writes to `port` goes to its ring."""
        lib.step_collect(self._step, self._locate("io", True, 1, port))

    def share_output(self, other: KvmVcpu, lock: Any) -> None:
        """See protocol.Vcpu."""
        lib.step_share_ring(self._step, other._step)
        self._ring_owner = other._step  # it must not be freed before
        self.output_lock = other.output_lock = lock

    def _locate(self, kind: str, is_write: bool, size: int, address: int) -> int:
        number = lib.STEP_KIND_IO if kind == "io" else lib.STEP_KIND_MMIO
        return int(lib.step_locate(self._step, number, is_write, size, address))

    def _first_access(self, _offset: int, _size: int, value: int = 0) -> int | None:
        """Any access whose handler is not known: looks it up, remembers it, calls it."""
        row, run = int(self._step.location), self._run
        location = self._step.rows[row]
        bus = self._buses[location.kind]
        if location.kind == lib.STEP_KIND_IO:
            address, size = run.io.port, run.io.size
        else:
            address, size = run.mmio.phys_addr, run.mmio.len
        rebinds = self._rebinds
        handler, offset, size = bus.bind(address, size, bool(location.is_write))
        if size > 4 and location.is_write:
            handler = self._wide(handler)
        if location.key:  # an overflow row stands for many locations and is looked up each time
            if row >= len(self._bindings):
                self._make_room(row)
            self._bindings[row] = (handler, offset, size)
            if rebinds != self._rebinds:  # another thread changed the claims meanwhile
                self._bindings[row] = (self._first_access, 0, 0)
        lib.step_excuse(self._step)  # a chip may have been made, its module imported: not what the device costs
        if location.is_write:
            return handler(offset, size, value)
        return handler(offset, size)

    def _sampled(self, _offset: int, _size: int, *value: int) -> int | None:
        """A few accesses in each STEP_SAMPLING: their time is told apart into the way here and the device."""
        row = lib.step_mark(self._step)
        handler, offset, size = self._bindings[row if row < len(self._bindings) else lib.STEP_UNBOUND]
        return handler(offset, size, *value)

    def _wide(self, handler: Callable[..., int | None]) -> Callable[..., int | None]:
        """A packed answer has 32 bits of the value; a wider write fetches the rest."""
        step = self._step
        return lambda offset, size, _value: handler(offset, size, step.value)

    def _device_failed(self, error: Exception) -> None:
        location = self._step.rows[self._step.location]
        run = self._run
        address = run.io.port if location.kind == lib.STEP_KIND_IO else run.mmio.phys_addr
        self._buses[location.kind].failed(address, error)

    # -- news --

    def _on_string(self) -> Stop | None:
        """rep ins and rep outs arrive as one exit with many elements: each goes through the bus."""
        io = self._run.io
        port, size, count, is_write = io.port, io.size, io.count, io.direction == lib.KVM_EXIT_IO_OUT
        data = ffi.buffer(ffi.cast("uint8_t *", self._run) + io.data_offset, size * count)
        bus = self._buses[lib.STEP_KIND_IO]
        handler, offset, width = bus.bind(port, size, is_write)
        reply = ffi.new("uint64_t *")
        lib.step_mark(self._step)
        for at in range(0, size * count, size):
            try:
                if is_write:
                    handler(offset, width, int.from_bytes(data[at : at + size], "little"))
                else:
                    reply[0] = ONES
                    reply[0] = handler(offset, width)
            except Exception as error:
                bus.failed(port, error)
            if not is_write:
                data[at : at + size] = ffi.buffer(reply, size)[:]
        return None

    def _on_interrupt_window(self) -> Stop | None:
        run = self._run
        if self._step.attention & lib.STEP_WANT_INTERRUPT and run.ready_for_interrupt_injection and run.if_flag:
            self.has_queued = True
            self.fd.interrupt(self.acknowledge())
            run.ready_for_interrupt_injection = 0
        return None

    def _on_drain(self) -> Stop | None:
        with self.output_lock:
            if self._drained is None:
                self._drained = ffi.new("uint8_t[]", lib.STEP_RING), ffi.new("uint64_t *")
            taken, key = self._drained
            size = lib.step_take(self._step, taken, key)
            if not size:
                return None  # another vCPU was faster
            ring, bus, address = self._rings[key[0]]
            lib.step_mark(self._step)
            try:
                ring(ffi.buffer(taken, size)[:])
            except Exception as error:
                bus.failed(address, error)
        return None

    def _on_exit(self) -> Stop | None:
        reason = self._run.exit_reason
        hook = self.hooks.get(reason)
        if hook is not None:
            return hook(self._run)
        from .kvm_stops import stop_for

        return stop_for(self._run, reason)

    def _on_failure(self) -> Stop | None:
        error = KvmError("KVM_RUN", "vcpu", self._step.error)
        return Stop(FAILED, str(error), {"errno": self._step.error})

    # -- state --

    def start_at(self, state: InitialState) -> None:
        """See protocol.Vcpu. Takes effect with the next entry, through the registers that KVM_RUN synchronises."""
        kvm_registers.start_at(self._run, state, self.index == 0)

    def cache_memory(self) -> None:
        """See protocol.Vcpu."""
        self.fd.set_msrs({MTRR_DEF_TYPE: MTRR_ENABLED | WRITE_BACK})

    def registers(self) -> dict[str, int]:
        """See protocol.Vcpu."""
        self._take_over()
        return kvm_registers.general(self.fd)

    def set_registers(self, values: dict[str, int]) -> None:
        """See protocol.Vcpu."""
        self._take_over()
        kvm_registers.set_general(self.fd, values)
        self._run.ready_for_interrupt_injection = 0  # it was said of other registers

    def special_registers(self) -> dict[str, Any]:
        """See protocol.Vcpu."""
        self._take_over()
        return kvm_registers.special(self.fd)

    def finish_owed(self) -> None:
        """Completes what finish_access() put off: KVM would do it at the next entry, to whatever registers are there by
        then."""
        if self._owes_finish:
            self.finish_access()

    def _take_over(self) -> None:
        """Registers given by start_at(), and those after a last access, are there after an entry: make one that runs
        nothing."""
        if self._run.kvm_dirty_regs or self._owes_finish:
            self.finish_access()

    def give_cpuid(self, cpuid: CData) -> None:
        """Its CPUID, a struct kvm_cpuid2 not to be changed. SnapshotError where KVM refuses it."""
        if cpuid is self.cpuid:
            return
        if self.cpuid is not None:  # a copy out of a file: the same most often, and KVM looks at a second one twice
            from .kvm_cpuid import give_other

            give_other(self.fd, cpuid, self.cpuid)
        else:
            self.fd.set_cpuid2(cpuid)
        self.cpuid = cpuid

    def is_halted(self) -> bool:
        """Whether the kernel, which owns HLT when it owns the local APIC, has this vCPU asleep in HLT."""
        return bool(self.fd.get_mp_state() == lib.KVM_MP_STATE_HALTED)

    def gets_timer_nmis(self) -> bool:
        """See protocol.Vcpu: LINT0, which the PIC pair drives, unmasked and set to deliver NMIs."""
        registers = self.fd.get_lapic().regs
        lint0 = int.from_bytes(ffi.buffer(registers, LINT0 + 4)[LINT0:], "little")
        return lint0 & LVT_MASKED == 0 and lint0 & LVT_MODE == LVT_NMI

    def is_unstarted(self) -> bool:
        """Whether it still waits for INIT and SIPI."""
        return self.fd.get_mp_state() in (lib.KVM_MP_STATE_UNINITIALIZED, lib.KVM_MP_STATE_INIT_RECEIVED)

    def translate(self, address: int) -> int | None:
        """See protocol.Vcpu."""
        self._take_over()
        found = self.fd.translate(address)
        return int(found.physical_address) if found.valid else None

    @property
    def port_rip(self) -> int:
        """See protocol.Vcpu."""
        if KvmVcpu._rip_is_behind is None:
            from .kvm_host import kind

            KvmVcpu._rip_is_behind = int(kind() == "pvm")
        return int(self._step.rip) - KvmVcpu._rip_is_behind

    def port_address(self) -> int:
        """See protocol.Vcpu."""
        return self.port_rip + int(self.fd.get_sregs().cs.base)

    def stats_fd(self) -> int:
        """A new fd of the kernel's counters. Any thread: the kernel gives none while the guest runs, so that is ended
        for a moment."""
        if not self._is_attached:
            return self.fd.get_stats_fd()
        lib.step_kick(self._step, lib.STEP_WANT_PAUSE)
        try:
            return self.fd.get_stats_fd()
        finally:
            self.let_go()

    def hold(self) -> None:
        """Returns once the guest does not run here, and will not until let_go(). Any thread."""
        lib.step_kick(self._step, lib.STEP_WANT_PAUSE)
        self.fd.get_mp_state()  # waits for KVM_RUN to end

    def let_go(self) -> None:
        """Ends hold()."""
        lib.step_attention(self._step, 0, lib.STEP_WANT_PAUSE)

    def close(self) -> None:
        """Gives back the fd, the mapping and the statistics. Legal twice."""
        self._run = ffi.NULL
        self._bindings.clear()
        self._rings.clear()
        self.hooks.clear()
        self.acknowledge = no_controller
        self.fd.close()


def _on_interruption(vcpu: KvmVcpu) -> Stop:
    return _INTERRUPTED


NEWS: dict[int, Callable[[KvmVcpu], Stop | None]] = {
    lib.STEP_NEWS_EXIT: KvmVcpu._on_exit,
    lib.STEP_NEWS_STRING: KvmVcpu._on_string,
    lib.STEP_NEWS_SIGNAL: _on_interruption,
    lib.STEP_NEWS_INTERRUPT: KvmVcpu._on_interrupt_window,
    lib.STEP_NEWS_DRAIN: KvmVcpu._on_drain,
    lib.STEP_NEWS_ATTENTION: _on_interruption,
    lib.STEP_NEWS_FAILED: KvmVcpu._on_failure,
}
"""What a negative answer of the run step means."""
