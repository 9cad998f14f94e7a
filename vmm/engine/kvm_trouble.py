"""Why /dev/kvm cannot be used here, told apart, with the one remedy that fits.

Not told apart: virtualisation that the firmware has switched off from a CPU that never had it. Kernels since 5.6 hide
the flag in both cases.
"""

from __future__ import annotations

import errno
import os

from ..errors import HostError
from ..records import Record
from . import kvm_host

PATH = "/dev/kvm"

RUNNER_RULE = (
    """in the job, first run: echo 'KERNEL=="kvm", MODE="0666"' | sudo tee /etc/udev/rules.d/99-kvm.rules"""
    " && sudo udevadm control --reload-rules && sudo udevadm trigger --name-match=kvm --settle"
)


class Host(Record):
    """Where the evidence is looked for. The defaults are this host's own."""

    device: str = PATH
    registered: str = "/sys/class/misc/kvm/dev"
    """ "major:minor" of the device, present when a KVM module has registered it."""
    modules: str = kvm_host.SYS_MODULE
    cpuinfo: str = kvm_host.CPUINFO
    container_marks: tuple[str, ...] = ("/.dockerenv", "/run/.containerenv")
    is_runner: bool | None = None
    """Whether this is a job of a CI service; None asks the environment."""
    user: int = -1
    """The user's number, -1 asks the process."""
    groups: tuple[int, ...] | None = None
    """The numbers of the groups that the session has, None asks the process."""
    machine: str = ""
    """The kernel's name for the kind of CPU, "" asks uname."""
    release: str = ""
    """The kernel's release, "" asks uname."""

    @property
    def is_container(self) -> bool:
        return any(os.path.exists(mark) for mark in self.container_marks)

    @property
    def is_on_ci(self) -> bool:
        return bool(os.environ.get("CI")) if self.is_runner is None else self.is_runner


HERE = Host()


def opening(error: OSError, host: Host = HERE) -> HostError:
    """For an error of open("/dev/kvm")."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return HostError(f"{host.device} does not exist", _remedy_for_absence(host))
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostError(f"no permission to open {host.device}", _remedy_for_permission(host))
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return HostError(f"{host.device} is there, but no KVM module stands behind it", _remedy_for_module(host))
    if error.errno == errno.EBUSY:
        return HostError(f"{host.device} is busy", "stop the other hypervisor (VirtualBox, VMware)")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return HostError(f"cannot open {host.device}: too many open files", "raise the limit: ulimit -n")
    return HostError(f"cannot open {host.device}: {error.strerror}", "run `vmm doctor`")


def creating(error: OSError) -> HostError:
    """For an error of KVM_CREATE_VM."""
    if error.errno == errno.EBUSY:
        return HostError("the CPU's virtualisation is in use", "stop the other hypervisor (VirtualBox, VMware)")
    if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
        return HostError("KVM cannot use this CPU", "enable VMX or SVM in the firmware set-up")
    if error.errno == errno.ENOMEM:
        return HostError("no host memory for a virtual machine", "free some memory")
    if error.errno == errno.ENOTTY:
        return HostError(f"{PATH} is not KVM's", "remove the file and load the module again")
    return HostError(f"cannot create a virtual machine: {error}", "run `vmm doctor`")


def _remedy_for_absence(host: Host) -> str:
    number = _registered(host)
    if number and host.is_container:
        return "in a container, pass the device in: --device /dev/kvm"
    if number:
        return f"the module is loaded, make the node: sudo mknod -m 660 {host.device} c {number.replace(':', ' ')}"
    return _remedy_for_module(host)


def _remedy_for_module(host: Host) -> str:
    """What gets a module to stand behind /dev/kvm."""
    machine = host.machine or os.uname().machine
    if machine != "x86_64":
        return f"vmm runs on x86-64 hosts alone, and this one is {machine}"
    flags = kvm_host.cpu_flags(host.cpuinfo)
    for flag in ("vmx", "svm"):
        if flag in flags:
            return f"load the module: sudo modprobe {kvm_host.MODULES[flag]}"
    if "microsoft" in (host.release or os.uname().release).lower():
        return "in WSL, set nestedVirtualization=true below [wsl2] in .wslconfig, then: wsl --shutdown"
    if "hypervisor" in flags:
        return "this is a virtual machine: its host must allow nested virtualisation (or offer a PVM kernel)"
    return "the CPU shows neither VMX nor SVM: enable virtualisation (VT-x, AMD-V) in the firmware set-up"


def _remedy_for_permission(host: Host) -> str:
    user = os.getuid() if host.user == -1 else host.user
    if user == 0:
        return "root is refused, so a container or sandbox does it: pass the device in: --device /dev/kvm"
    if host.is_on_ci:
        return RUNNER_RULE
    try:
        status = os.stat(host.device)
    except OSError:
        return "a folder on the way is closed to you: use the /dev that the kernel made"
    name = _group_name(status.st_gid)
    if not name or status.st_mode & 0o060 != 0o060 or status.st_gid == 0:
        return f"its group would not help: sudo setfacl -m u:$USER:rw {host.device}"
    if status.st_gid in (os.getgroups() if host.groups is None else host.groups):
        return f"your group {name} may, so a sandbox forbids it: run vmm outside it"
    if _is_member(user, status.st_gid):
        return f"you are in the group {name}, but this session is not yet: log in again"
    return f"sudo usermod -aG {name} $USER, then log in again"


def _registered(host: Host) -> str:
    try:
        with open(host.registered, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _group_name(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _is_member(user: int, gid: int) -> bool:
    """Whether the group database has the user in the group."""
    import grp
    import pwd

    try:
        return pwd.getpwuid(user).pw_name in grp.getgrgid(gid).gr_mem
    except KeyError:
        return False
