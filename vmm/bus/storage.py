"""What a drive's controller asks of the host's side of a drive, and the error that it turns into one of the drive's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Storage(Protocol):
        """Bytes at offsets, such as vmm.backends.disk gives."""

        @property
        def size(self) -> int:
            """Bytes, whole sectors of 512."""

        @property
        def read_only(self) -> bool:
            """Whether write() refuses."""

        def read(self, offset: int, size: int) -> bytes:
            """Exactly `size` bytes, or DiskError."""

        def write(self, offset: int, data: bytes) -> None:
            """All of `data`, or DiskError."""

        def flush(self) -> None:
            """Returns when all that was written is on the host's storage, or DiskError."""


class DiskError(Exception):
    """The host could not read or write, or the range is not on the disk: an error of the drive, never the VMM's."""
