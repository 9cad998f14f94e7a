"""A pool of children of one machine, kept ready: work is handed in as functions, and each gets a child of its own that
is what the master was.

    with Pool(machine, size=4) as pool:
        results = list(pool.map(lambda child, word: probe(child, word), words))

A child is put back to the master before its next work (Machine.reset_to), which costs what the work has written.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

    from .machine.machine import Machine


class Pool(ThreadPoolExecutor):
    """A concurrent.futures.Executor: submit(function, ...) calls function(child, ...) on a thread of the pool.

    The child is the function's until it returns. vCPUs run on threads of their own when it calls start(), else on the
    pool's; while a guest runs, Python's lock is free for the others.
    """

    def __init__(self, master: Machine, size: int | None = None, *, identity: bool = False) -> None:
        """`size` children of what `master` is now, made at once; None for as many as there are CPUs to run on.

        `identity` as for Machine.fork(), once for each child. Errors as of fork(), and nothing is left behind.
        """
        super().__init__(size or _cpus(), thread_name_prefix="vmm-pool")
        self._source = master
        self._master = master.master()
        self._identity = identity
        self._ready: SimpleQueue[tuple[Machine, bool]] = SimpleQueue()
        """Children, each with whether it has worked."""
        self._is_over = False
        try:
            for _ in range(self._max_workers):
                self._ready.put((self._child(), False))
        except BaseException:
            self.shutdown()
            raise

    def _child(self) -> Machine:
        child = self._master.child(type(self._source))
        if self._identity:
            child.renew_identity()
        return child

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls fn(child, *args, **kwargs) soon; what it gives, or raises, is the future's."""
        return super().submit(self._work, fn, args, kwargs)

    def _work(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        child = self._fresh(*self._ready.get())  # there are as many as threads
        try:
            return function(child, *args, **kwargs)
        finally:
            if self._is_over:
                child.close()
            self._ready.put((child, True))

    def _fresh(self, child: Machine, has_worked: bool) -> Machine:
        if child.state == "running":
            child.stop()
            child.wait()
        if child.state != "closed":
            if not has_worked:
                return child
            child.reset_to(self._master)
            if self._identity:
                child.renew_identity()
            return child
        return self._child()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more work, and closes the children: those that work when they have done."""
        self._is_over = True
        super().shutdown(wait, cancel_futures=cancel_futures)
        left = []
        while True:
            try:
                left.append(self._ready.get_nowait()[0])
            except Empty:
                break
        for child in left:
            child.close()
            if not wait:
                self._ready.put((child, True))  # for work handed in before: it finds a closed one and makes its own


def _cpus() -> int:
    from os import sched_getaffinity

    return len(sched_getaffinity(0))
