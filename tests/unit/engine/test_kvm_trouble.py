"""Every way in which /dev/kvm may refuse, told apart by files that the test makes."""

from __future__ import annotations

import errno
import grp
import os
import pwd
from pathlib import Path

import pytest

from vmm.engine import kvm_facts, kvm_trouble
from vmm.engine.kvm_trouble import Host, creating, opening
from vmm.errors import HostError

USER = 12345


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A bare machine with nothing of KVM: no flags, no modules, no container, no CI."""
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nflags\t\t: fpu sse2\n")
    return Host(
        device=str(tmp_path / "kvm"),
        registered=str(tmp_path / "registered"),
        modules=str(tmp_path / "modules"),
        cpuinfo=str(tmp_path / "cpuinfo"),
        container_marks=(str(tmp_path / "dockerenv"),),
        is_runner=False,
        user=USER,
        groups=(USER,),
        machine="x86_64",
        release="6.1.0",
    )


def with_flags(host: Host, flags: str) -> Host:
    Path(host.cpuinfo).write_text(f"flags\t\t: fpu {flags}\n")
    return host


def refused(number: int, host: Host) -> HostError:
    return opening(OSError(number, os.strerror(number)), host)


def test_an_absent_device_with_vmx_wants_its_module(host: Host) -> None:
    error = refused(errno.ENOENT, with_flags(host, "vmx hypervisor"))
    assert error.trouble == f"{host.device} does not exist"
    assert error.remedy == "load the module: sudo modprobe kvm_intel"


def test_an_absent_device_with_svm_wants_the_other_module(host: Host) -> None:
    assert "modprobe kvm_amd" in refused(errno.ENOENT, with_flags(host, "svm")).remedy


def test_a_virtual_machine_without_vmx_wants_nested_virtualisation(host: Host) -> None:
    assert "nested virtualisation" in refused(errno.ENOENT, with_flags(host, "hypervisor")).remedy


def test_wsl_is_told_where_its_switch_is(host: Host) -> None:
    wsl = with_flags(host, "hypervisor").replace(release="5.15.0-microsoft-standard-WSL2")
    assert ".wslconfig" in refused(errno.ENOENT, wsl).remedy


def test_a_bare_machine_without_vmx_wants_its_firmware(host: Host) -> None:
    assert "firmware" in refused(errno.ENOENT, host).remedy


def test_another_architecture_is_named(host: Host) -> None:
    assert "this one is aarch64" in refused(errno.ENOENT, host.replace(machine="aarch64")).remedy


def test_a_registered_device_without_a_node_wants_a_node(host: Host) -> None:
    Path(host.registered).write_text("10:232\n")
    assert refused(errno.ENOENT, host).remedy.endswith(f"sudo mknod -m 660 {host.device} c 10 232")


def test_a_container_whose_host_has_kvm_wants_the_device_passed_in(host: Host) -> None:
    Path(host.registered).write_text("10:232\n")
    Path(host.container_marks[0]).touch()
    assert "--device /dev/kvm" in refused(errno.ENOENT, host).remedy


def test_a_container_on_a_host_without_kvm_wants_the_module(host: Host) -> None:
    Path(host.container_marks[0]).touch()
    assert "modprobe" in refused(errno.ENOENT, with_flags(host, "svm")).remedy


def test_a_node_without_a_module_behind_it_is_told_from_no_node(host: Host) -> None:
    error = refused(errno.ENODEV, with_flags(host, "svm"))
    assert "no KVM module stands behind it" in error.trouble
    assert "modprobe kvm_amd" in error.remedy


def test_a_ci_runner_gets_a_udev_rule(host: Host) -> None:
    remedy = refused(errno.EACCES, host.replace(is_runner=True)).remedy
    assert 'KERNEL=="kvm", MODE="0666"' in remedy
    assert "udevadm trigger" in remedy


def test_root_that_is_refused_sits_in_a_container(host: Host) -> None:
    assert "--device /dev/kvm" in refused(errno.EPERM, host.replace(user=0, is_runner=True)).remedy


def device(host: Host, mode: int, gid: int) -> None:
    Path(host.device).touch()
    try:
        os.chown(host.device, -1, gid)
    except PermissionError:
        pytest.skip("needs root, to give a file to another group")
    os.chmod(host.device, mode)


def a_group() -> grp.struct_group:
    return next(group for group in grp.getgrall() if group.gr_gid and not group.gr_mem)


def test_a_user_outside_the_group_is_to_join_it(host: Host) -> None:
    group = a_group()
    device(host, 0o660, group.gr_gid)
    error = refused(errno.EACCES, host)
    assert error.trouble == f"no permission to open {host.device}"
    assert error.remedy == f"sudo usermod -aG {group.gr_name} $USER, then log in again"


def test_a_group_newer_than_the_session_wants_a_new_session(host: Host) -> None:
    accounts = {account.pw_name: account.pw_uid for account in pwd.getpwall() if account.pw_uid}
    for group in grp.getgrall():
        for name in group.gr_mem:
            if group.gr_gid and name in accounts:
                device(host, 0o660, group.gr_gid)
                assert "log in again" in refused(errno.EACCES, host.replace(user=accounts[name])).remedy
                return
    pytest.skip("no account here is in another group")


def test_a_session_that_has_the_group_is_in_a_sandbox(host: Host) -> None:
    group = a_group()
    device(host, 0o660, group.gr_gid)
    assert "sandbox" in refused(errno.EACCES, host.replace(groups=(group.gr_gid,))).remedy


def test_a_device_that_no_group_may_open_wants_an_entry_of_its_own(host: Host) -> None:
    device(host, 0o600, a_group().gr_gid)
    assert "setfacl" in refused(errno.EACCES, host).remedy


def test_a_busy_cpu_is_another_hypervisors() -> None:
    error = creating(OSError(errno.EBUSY, "busy"))
    assert "in use" in error.trouble
    assert "other hypervisor" in error.remedy


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EMFILE, errno.EIO])
def test_every_other_refusal_has_a_trouble_and_a_remedy(number: int, host: Host) -> None:
    error = refused(number, host)
    assert host.device in error.trouble
    assert error.remedy


def test_facts_about_no_device_are_a_host_error(host: Host) -> None:
    with pytest.raises(HostError, match="does not exist"):
        kvm_facts.gather(host)


def test_a_device_that_is_not_kvms_is_refused(host: Host) -> None:
    with pytest.raises(HostError, match="is not KVM's"):
        kvm_facts.gather(host.replace(device="/dev/null"))


def test_the_default_is_this_host() -> None:
    assert kvm_trouble.HERE.device == kvm_trouble.PATH == "/dev/kvm"
