"""What a drive's controller asks of the host's side of a drive, and the error that it turns into one of the drive's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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

    class VectoredStorage(Protocol):
        """The same for a device that has its data in many places."""

        @property
        def size(self) -> int:
            """Bytes, whole sectors of 512."""

        @property
        def read_only(self) -> bool:
            """Whether all but reads are refused."""

        def read_into(self, offset: int, views: Sequence[memoryview]) -> None:
            """Fills all of `views`, 1024 at most, or DiskError."""

        def write_from(self, offset: int, views: Sequence[memoryview]) -> None:
            """Writes all of `views`, 1024 at most, or DiskError."""

        def flush(self) -> None:
            """Returns when all that was written is on the host's storage, or DiskError."""

        def discard(self, offset: int, size: int) -> None:
            """The guest needs these bytes no more: they may read as anything. DiskError only if the host fails."""

        def zero(self, offset: int, size: int, may_unmap: bool) -> None:
            """These bytes read as zeroes, which may take no room on the host where `may_unmap`; or DiskError."""


class DiskError(Exception):
    """The host could not read or write, or the range is not on the disk: an error of the drive, never the VMM's."""
