"""Random bytes of the host, straight into somebody's buffers."""

from __future__ import annotations

import os


class Entropy:
    """The kernel's, by /dev/urandom."""

    def __init__(self) -> None:
        self._fd = os.open("/dev/urandom", os.O_RDONLY | os.O_CLOEXEC)

    def fill(self, views: list[memoryview]) -> int:
        """Fills views with random bytes; how many, which is all of them for less than 32 MiB."""
        return os.readv(self._fd, views)

    def close(self) -> None:
        """Legal twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
