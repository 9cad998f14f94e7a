"""The threads of one run: one for each vCPU, the caller's among them where it runs vCPU 0 itself."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # not `signal`, whose enums cost milliseconds
import sys
from _thread import allocate_lock, get_ident
from time import monotonic

from . import outcome
from .outcome import Outcome
from .vcpu_thread import VcpuThread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Sequence
    from typing import Any, Self

    from ..engine.protocol import Vcpu
    from .run import Run

SIGINT = 2


class InterruptHeld:
    """Holds Python's own answer to Ctrl-C back while a machine runs: `stop` is called, and KeyboardInterrupt raised
    when the machine stands still. In the middle of an access it would tear that in two. A second one raises at once.
    """

    came = False
    """Whether it was pressed."""
    _before: Any = None

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop

    def __enter__(self) -> Self:
        before = _signal.getsignal(SIGINT) if _is_main_thread() else None
        if before is _signal.default_int_handler or getattr(before, "__func__", None) is InterruptHeld._interrupt:
            self._before = before  # another one's: a device of that machine runs this one
            _signal.signal(SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None and _signal.getsignal(SIGINT) == self._interrupt:
            _signal.signal(SIGINT, self._before)
        if self.came and self._before is _signal.default_int_handler:
            raise KeyboardInterrupt

    def _interrupt(self, number: int, frame: object) -> None:
        if self.came:
            _signal.default_int_handler(number, frame)
        self.came = True
        self._stop()
        if self._before is not _signal.default_int_handler:
            self._before(number, frame)


class Crew:
    """Starts, joins, and keeps what went wrong on a thread for the one who waits."""

    _failure: BaseException | None = None

    def __init__(self, run: Run) -> None:
        self._run = run
        self._threads: list[LockType] = []
        self._idents: set[int] = set()

    def drive_here(self, vcpu: Vcpu) -> None:
        """Runs `vcpu` on the calling thread until the run ends. On the main thread signals end KVM_RUN at once."""
        vcpu.attach()
        shares = _is_main_thread()
        if shares:
            vcpu.share_signals()
        try:
            VcpuThread(self._run, vcpu).drive()
        finally:
            if shares:
                vcpu.unshare_signals()
            vcpu.detach()

    def start(self, vcpus: Sequence[Vcpu]) -> None:
        """Runs each of `vcpus` on a new thread."""
        if not vcpus:
            return
        from threading import Thread

        for vcpu in vcpus:
            ended = (
                allocate_lock()
            )  # Thread.join will not do: interrupted, it takes a living thread for dead (3.11, 3.12)
            ended.acquire()
            Thread(target=self._drive, args=(vcpu, ended), name=f"vcpu{vcpu.index}").start()
            self._threads.append(ended)

    def join(self, deadline: float | None = None) -> bool:
        """Waits for the threads to end, until `deadline` of time.monotonic(); whether they have."""
        while self._threads:
            if not self._threads[-1].acquire(timeout=-1 if deadline is None else max(0.0, deadline - monotonic())):
                return False
            self._threads.pop().release()
        return True

    @property
    def is_gone(self) -> bool:
        """Whether no thread that start() made is left."""
        return not self._threads

    def is_mine(self) -> bool:
        """Whether the calling thread is one of these."""
        return get_ident() in self._idents

    def raise_failure(self) -> None:
        """Raises, once, what a thread could not handle."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _drive(self, vcpu: Vcpu, ended: LockType) -> None:
        self._idents.add(get_ident())
        try:
            vcpu.attach(block_signals=True)
            VcpuThread(self._run, vcpu).drive()
        except BaseException as error:
            self._failure = self._failure or error
            self._run.end(Outcome(kind=outcome.FAILED, words=f"vCPU {vcpu.index}: {error}", vcpu=vcpu.index))
        finally:
            vcpu.detach()
            self._idents.discard(get_ident())
            ended.release()


def _is_main_thread() -> bool:
    threading = sys.modules.get("threading")  # not imported: then there is no other thread of Python's
    return threading is None or threading.main_thread().ident == get_ident()
