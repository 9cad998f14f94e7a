"""The error of a failed ioctl: which one, on which kind of fd, the errno by name, and what usually causes it."""

from __future__ import annotations

import errno as errnos
import os


class KvmError(OSError):
    """A KVM ioctl failed. An OSError (with its errno and strerror) that also says what was asked of whom.

    `ioctl` is the kernel's name ("KVM_SET_CPUID2"), `fd_kind` one of "system", "vm", "vcpu", "device".
    """

    def __init__(self, ioctl: str, fd_kind: str, errno: int) -> None:
        super().__init__(errno, os.strerror(errno))
        self.ioctl = ioctl
        self.fd_kind = fd_kind

    @property
    def errno_name(self) -> str:
        """ "EINVAL" and the like."""
        return errnos.errorcode.get(self.errno or 0, f"errno {self.errno}")

    @property
    def hint(self) -> str:
        """What usually causes this errno from this ioctl; "" where nothing is known."""
        from .hints import hint

        return hint(self.ioctl, self.errno_name)

    def __str__(self) -> str:
        article = "an" if self.fd_kind[:1] in "aeiou" else "a"
        text = f"{self.ioctl} on {article} {self.fd_kind} fd: {self.errno_name} ({self.strerror})"
        return f"{text}: {hint}" if (hint := self.hint) else text

    def __reduce__(self) -> tuple[type[KvmError], tuple[str, str, int]]:
        return KvmError, (self.ioctl, self.fd_kind, self.errno or 0)
