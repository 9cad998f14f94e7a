"""ioctls with pointers, made in a row by one call into C: to put a vCPU's state back takes seven, and the way to each
from Python costs as much as KVM's own work."""

from __future__ import annotations

from ._kvm import ffi, lib
from .errors import KvmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._kvm import CData
    from .descriptor import Descriptor

    Call = tuple[str, CData, int]
    """(kernel name, argument, what it answers when all is well)."""


class CallList:
    """The list; its arguments stay where they are, so that the same calls may be made of many fds."""

    __slots__ = ("_kept", "array", "count", "names")

    def __init__(self, calls: Sequence[Call]) -> None:
        self.names = [name for name, _, _ in calls]
        self.count = len(calls)
        self._kept = [argument for _, argument, _ in calls]
        self.array = ffi.new("struct kvm_call[]", len(calls))
        """For C."""
        for at, (name, argument, expected) in enumerate(calls):
            self.array[at].request, self.array[at].argument = getattr(lib, name), argument
            self.array[at].expected = expected

    def make(self, descriptor: Descriptor, first: int = 0) -> int:
        """Makes them from `first` on; `count`, or the index of the one that answered otherwise. KvmError where one
        failed."""
        answer = ffi.new("int *")
        done = first + int(lib.kvm_ioctl_each(descriptor.fd, self.array + first, self.count - first, answer))
        if done < self.count and answer[0] < 0:
            raise KvmError(self.names[done], descriptor.kind, -answer[0])
        return done
