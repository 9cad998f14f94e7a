"""What the memory of a machine held at one moment, in a memfd that any number of machines map copy-on-write.

Sealed once written: nobody, the machine it was taken from included, can change what the others see.
Source: memfd_create(2), fcntl(2) F_ADD_SEALS.
"""

from __future__ import annotations

import mmap
import os
from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_WRITE, fcntl

from ..errors import HostError
from ..units import MiB, format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .guest_memory import Image

CHUNK = 64 * MiB


class Template:
    """The mappings of a GuestMemory one behind the other: the i-th, of sizes[i] bytes, begins at offsets[i]."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """Nothing but holes yet. HostError where there is no room."""
        self.sizes = tuple(sizes)
        self.offsets = tuple(sum(sizes[:at]) for at in range(len(sizes)))
        self.size = sum(sizes)
        self._view: mmap.mmap | None = None
        try:
            self.fd = os.memfd_create("vmm-template", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(self.fd, self.size)
        except OSError as error:
            raise HostError(
                f"no memfd of {format_size(self.size)} to share guest memory from ({error.strerror})",
                "give the guest less, or free some",
            ) from error

    def copy_from(self, other: Image) -> None:
        """Takes over what `other`, of the same sizes, holds; its holes stay holes."""
        at = 0
        while at < self.size:
            try:
                at = os.lseek(other.fd, at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole from here on
                return
            end = os.lseek(other.fd, at, os.SEEK_HOLE)
            while at < end:
                at += os.pwrite(self.fd, os.pread(other.fd, min(end - at, CHUNK), at), at)

    def copy_runs(self, runs: Iterable[tuple[int, int]], mapping: mmap.mmap, offset: int) -> None:
        """Takes over these runs, (offset, size), of the mapping that begins at `offset` here."""
        with memoryview(mapping) as view:
            for start, size in runs:
                at, end = start, start + size
                while at < end:
                    with view[at:end] as piece:
                        at += os.pwrite(self.fd, piece, offset + at)

    def seal(self) -> None:
        """From now on nothing in it changes."""
        fcntl(self.fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

    @property
    def view(self) -> mmap.mmap:
        """All of it, to be read."""
        if self._view is None:
            self._view = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        return self._view

    @property
    def held(self) -> int:
        """Bytes of host memory that it takes."""
        return os.fstat(self.fd).st_blocks * 512

    def close(self) -> None:
        """Gives the fd back; mappings of it stay. Legal twice."""
        self._view = None
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            self.close()
