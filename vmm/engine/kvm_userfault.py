"""A machine's memory whose missing pages this process brings: userfaultfd, which also serves KVM's own page faults.

Source: Documentation/admin-guide/mm/userfaultfd.rst.
"""

from __future__ import annotations

import os

from kvm_bindings import ffi, lib

from ..errors import HostError
from ..memory.pages import PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator, Sequence

    from kvm_bindings._kvm import CData

REMEDY = (
    "run as root, let others do it (sysctl -w vm.unprivileged_userfaultfd=1), or give yourself access to"
    " /dev/userfaultfd (Linux 6.1); or copy the snapshot here, whose file is mapped without it"
)


class Userfault:
    """Offsets are in the mappings, one behind the other. Implements memory.arriving.Place."""

    def __init__(self, mappings: Sequence[mmap.mmap]) -> None:
        """From now on nobody gets past a page of `mappings` that is not there. They must be fresh. HostError where the
        host does not let this process do so."""
        self.fd: int = lib.host_userfault_open()
        if self.fd < 0:
            raise HostError(f"userfaultfd is not permitted here: {os.strerror(-self.fd)}", REMEDY)
        self._parts: list[tuple[int, int, CData]] = []
        """(offset, size, where it is) of each mapping."""
        start = 0
        try:
            for mapping in mappings:
                at = ffi.from_buffer(mapping)
                self._parts.append((start, len(mapping), at))
                _checked(lib.host_userfault_watch(self.fd, at, len(mapping)), "guest memory cannot be watched")
                start += len(mapping)
        except BaseException:
            self.close()
            raise

    def next(self) -> int | None:
        """The offset of a page that somebody waits for; None when nobody does just now."""
        address = lib.host_userfault_next(self.fd)
        for start, size, at in self._parts if address else ():
            place = int(ffi.cast("uintptr_t", at))
            if place <= address < place + size:
                return start + address - place
        return None

    def copy(self, offset: int, content: memoryview) -> None:
        """Puts pages in their place. HostError when the kernel does not take them."""
        source = ffi.from_buffer(content)
        for at, begin, size in self._pieces(offset, len(content)):
            _checked(lib.host_userfault_copy(self.fd, at, source + begin, size), "no memory for pages that came")

    def zero(self, offset: int, size: int) -> None:
        """The same with empty pages."""
        for at, _, piece in self._pieces(offset, size):
            _checked(lib.host_userfault_zero(self.fd, at, piece), "no memory for empty pages")

    def wake(self, offset: int) -> None:
        """Whoever waits for this page looks again."""
        for at, _, size in self._pieces(offset, PAGE):
            lib.host_userfault_wake(self.fd, at, size)

    def forbid(self, offset: int, size: int) -> None:
        """These pages will never be there: whoever waits for them, or touches them later, is refused."""
        for at, _, piece in self._pieces(offset, size):
            _checked(lib.host_forbid(at, piece), "guest memory cannot be closed off")
            lib.host_userfault_wake(self.fd, at, piece)

    def close(self) -> None:
        """Memory is as any other from now on: what is not there is zeroes. Legal twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            for _, size, at in self._parts:
                lib.host_userfault_forget(fd, at, size)
                ffi.release(at)
            self._parts.clear()
            os.close(fd)

    def _pieces(self, offset: int, size: int) -> Iterator[tuple[CData, int, int]]:
        """(where, offset from the first byte, size) in each mapping that has some of it."""
        for start, length, at in self._parts:
            first, end = max(offset, start), min(offset + size, start + length)
            if first < end:
                yield at + (first - start), first - offset, end - first


def _checked(answer: int, what: str) -> None:
    if answer < 0:
        raise HostError(f"{what}: {os.strerror(-answer)}")
