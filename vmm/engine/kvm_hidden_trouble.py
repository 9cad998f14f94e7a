"""Why the exits that KVM answers by itself cannot be seen here, told apart, with the remedy that fits."""

from __future__ import annotations

import errno
import os

from kvm_bindings.tracepoints import PLACES, Tracepoint, tracepoint

from ..errors import HostError
from ..records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

WHAT = "hidden exits cannot be seen here"


class Host(Record):
    """Where the evidence is looked for. The defaults are this host's own."""

    places: tuple[str, ...] = PLACES
    filesystems: str = "/proc/filesystems"
    paranoia: str = "/proc/sys/kernel/perf_event_paranoid"


HERE = Host()


def tracepoints(names: Sequence[str], needed: int, host: Host = HERE) -> list[Tracepoint | None]:
    """KVM's tracepoints of those names; None for one that this kernel lacks beyond the `needed` first. HostError."""
    tracefs = _tracefs(host)
    found: list[Tracepoint | None] = []
    for name in names:
        try:
            found.append(tracepoint(tracefs, "kvm", name))
        except OSError as error:
            if isinstance(error, PermissionError):
                raise _not_root(tracefs) from None
            if len(found) < needed:
                words = f"{WHAT}: this kernel's KVM does not have the tracepoint kvm:{name}"
                raise HostError(words, "use a distribution's kernel, with KVM on VMX or SVM") from None
            found.append(None)
    return found


def opening(error: int, host: Host = HERE) -> HostError:
    """For an errno of perf_event_open or of mapping its ring."""
    if error in (errno.EACCES, errno.EPERM):
        try:
            with open(host.paranoia, encoding="ascii") as file:
                level = f" (kernel.perf_event_paranoid is {file.read().strip()})"
        except OSError:
            level = ""
        remedy = "run as root, or give CAP_PERFMON, or: sudo sysctl kernel.perf_event_paranoid=-1"
        return HostError(f"{WHAT}: the kernel allows no tracepoints to this user{level}", remedy)
    if error in (errno.ENOSYS, errno.ENOENT, errno.EOPNOTSUPP):
        return HostError(f"{WHAT}: this kernel has no perf events for tracepoints", "use a distribution's kernel")
    if error == errno.EMFILE:
        return HostError(f"{WHAT}: no more files may be open; each vCPU takes eight", "raise the limit (ulimit -n)")
    return HostError(f"{WHAT}: perf_event_open failed: {os.strerror(error)}", "run as root")


def _tracefs(host: Host) -> str:
    """Where tracefs is mounted, with KVM's events in it."""
    mounted = ""
    for place in host.places:
        try:
            if "kvm" in os.listdir(f"{place}/events"):
                return place
            mounted = place
        except PermissionError:
            raise _not_root(place) from None
        except OSError:
            continue  # not mounted there
    if mounted:
        raise HostError(f"{WHAT}: this kernel has no tracepoints of KVM", "use a kernel with CONFIG_TRACEPOINTS in KVM")
    try:
        with open(host.filesystems, encoding="ascii") as file:
            is_known = "tracefs" in file.read().split()
    except OSError:
        is_known = True
    if is_known:
        remedy = f"as root: mount -t tracefs tracefs {host.places[0]}"
        raise HostError(f"{WHAT}: the kernel's tracefs is not mounted", remedy)
    raise HostError(f"{WHAT}: this kernel has no tracefs", "use a distribution's kernel")


def _not_root(place: str) -> HostError:
    return HostError(f"{WHAT}: {place} is for root alone", "run as root")
