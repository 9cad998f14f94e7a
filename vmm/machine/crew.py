"""The threads of one run: one for each vCPU, the caller's among them where it runs vCPU 0 itself."""

from __future__ import annotations

from . import outcome
from .outcome import Outcome
from .vcpu_thread import VcpuThread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Thread

    from ..engine.protocol import Vcpu
    from .run import Run

SIGHUP, SIGINT, SIGTERM = 1, 2, 15


class Crew:
    """Starts, joins, and keeps what went wrong on a thread for the one who waits."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._threads: list[Thread] = []
        self._failure: BaseException | None = None

    def drive_here(self, vcpu: Vcpu) -> None:
        """Runs `vcpu` on the calling thread until the run ends. On the main thread signals end KVM_RUN at once."""
        vcpu.attach()
        shared = (SIGHUP, SIGINT, SIGTERM) if _is_main_thread() else ()
        for number in shared:
            vcpu.share_signal(number)
        try:
            VcpuThread(self._run, vcpu).drive()
        finally:
            for number in shared:
                vcpu.unshare_signal(number)
            vcpu.detach()

    def start(self, vcpus: Sequence[Vcpu]) -> None:
        """Runs each of `vcpus` on a new thread."""
        if not vcpus:
            return
        from threading import Thread

        self._threads = [Thread(target=self._drive, args=(vcpu,), name=f"vcpu{vcpu.index}") for vcpu in vcpus]
        for thread in self._threads:
            thread.start()

    def join(self, deadline: float | None = None) -> bool:
        """Waits for the threads to end, until `deadline` of time.monotonic(); whether they have."""
        from time import monotonic

        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - monotonic()))
            if thread.is_alive():
                return False
        self._threads.clear()
        return True

    def raise_failure(self) -> None:
        """Raises, once, what a thread could not handle."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _drive(self, vcpu: Vcpu) -> None:
        vcpu.attach(block_signals=True)
        try:
            VcpuThread(self._run, vcpu).drive()
        except BaseException as error:
            self._failure = self._failure or error
            self._run.end(Outcome(kind=outcome.FAILED, words=f"vCPU {vcpu.index}: {error}", vcpu=vcpu.index))
        finally:
            vcpu.detach()


def _is_main_thread() -> bool:
    import sys
    from _thread import get_ident

    threading = sys.modules.get("threading")  # not imported: then there is no other thread of Python's
    return threading is None or threading.main_thread().ident == get_ident()
