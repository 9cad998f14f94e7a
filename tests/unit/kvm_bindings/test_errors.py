"""What a failed ioctl tells its caller."""

from __future__ import annotations

import errno
import pickle

import pytest

from kvm_bindings.errors import KvmError
from kvm_bindings.hints import OF_ERRNO, OF_IOCTL
from kvm_bindings.ioctls import BY_NAME
from kvm_bindings.system import System


def test_the_text_names_ioctl_fd_errno_and_cause():
    error = KvmError("KVM_SET_CPUID2", "vcpu", errno.EINVAL)
    assert str(error) == (
        "KVM_SET_CPUID2 on a vcpu fd: EINVAL (Invalid argument): "
        "the CPUID may not change after KVM_RUN, or a leaf asks for what the host cannot"
    )
    assert (error.ioctl, error.fd_kind, error.errno, error.errno_name) == ("KVM_SET_CPUID2", "vcpu", 22, "EINVAL")
    assert isinstance(error, OSError)
    assert error.strerror == "Invalid argument"


def test_an_errno_without_a_known_cause_has_no_hint():
    error = KvmError("KVM_SET_REGS", "vcpu", errno.EXDEV)
    assert error.hint == ""
    assert str(error) == "KVM_SET_REGS on a vcpu fd: EXDEV (Invalid cross-device link)"


def test_an_errno_without_a_name_is_shown_as_a_number():
    assert KvmError("KVM_RUN", "vcpu", 4000).errno_name == "errno 4000"


def test_an_error_survives_a_trip_between_processes():
    error = pickle.loads(pickle.dumps(KvmError("KVM_RUN", "vcpu", errno.EFAULT)))
    assert (error.ioctl, error.fd_kind, error.errno) == ("KVM_RUN", "vcpu", errno.EFAULT)


def test_every_hint_is_of_an_ioctl_and_an_errno_that_exist():
    for name, errno_name in OF_IOCTL:
        assert name in BY_NAME or name.startswith("mmap")
        assert hasattr(errno, errno_name)
    assert all(hasattr(errno, errno_name) for errno_name in OF_ERRNO)
    assert not any(text.endswith(".") or "\n" in text for text in [*OF_IOCTL.values(), *OF_ERRNO.values()])


def test_the_errors_of_opening_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        System(str(tmp_path / "kvm"))
    (tmp_path / "plain").touch()
    with System(str(tmp_path / "plain")) as system, pytest.raises(KvmError, match=r"KVM_GET_API_VERSION .*ENOTTY"):
        system.get_api_version()
