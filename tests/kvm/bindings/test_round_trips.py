"""What a getter gives, its setter takes, and the next get gives back."""

from __future__ import annotations

import pytest

from kvm_bindings import ffi, lib
from kvm_bindings.errors import KvmError

pytestmark = [pytest.mark.requires_kvm, pytest.mark.timeout(20)]


@pytest.fixture
def vcpu(guest):
    return guest.enter("f4")


def contents(struct):
    return bytes(ffi.buffer(struct))


def test_regs(vcpu):
    regs = vcpu.get_regs()
    regs.rax, regs.r15, regs.rip = 0x1122334455667788, 0xFFFFFFFFFFFFFFFF, 0x1234
    vcpu.set_regs(regs)
    again = ffi.new("struct kvm_regs *")
    assert vcpu.get_regs(again) is again
    assert contents(again) == contents(regs)


def test_sregs(vcpu):
    sregs = vcpu.get_sregs()
    sregs.ds.base, sregs.ds.selector, sregs.cr2, sregs.gdt.base, sregs.gdt.limit = 0x12340, 0x1234, 0x77, 0x500, 0x17
    vcpu.set_sregs(sregs)
    again = vcpu.get_sregs()
    assert (again.ds.base, again.ds.selector, again.cr2) == (0x12340, 0x1234, 0x77)
    assert (again.gdt.base, again.gdt.limit) == (0x500, 0x17)


def test_sregs_that_contradict_each_other_are_refused_with_a_hint(vcpu):
    sregs = vcpu.get_sregs()
    sregs.efer = 0xFFFFFFFFFFFFFFFF
    with pytest.raises(KvmError, match=r"KVM_SET_SREGS on a vcpu fd: EINVAL .*contradict"):
        vcpu.set_sregs(sregs)


def test_sregs2(vcpu, need):
    need("KVM_CAP_SREGS2")
    sregs = vcpu.get_sregs2()
    sregs.es.base = 0x4560
    vcpu.set_sregs2(sregs)
    assert vcpu.get_sregs2().es.base == 0x4560


def test_fpu(vcpu):
    fpu = vcpu.get_fpu()
    fpu.fcw = 0x27F
    fpu.xmm[3][0] = 0xAB
    vcpu.set_fpu(fpu)
    again = vcpu.get_fpu()
    assert (again.fcw, again.xmm[3][0]) == (0x27F, 0xAB)


def test_xsave(vcpu, need):
    need("KVM_CAP_XSAVE")
    state = vcpu.get_xsave()
    vcpu.set_xsave(state)
    assert contents(vcpu.get_xsave()) == contents(state)


def test_xsave2(vcpu, guest, need):
    need("KVM_CAP_XSAVE2")
    size = guest.vm.check_extension(lib.KVM_CAP_XSAVE2)
    state = vcpu.get_xsave2(size)
    assert ffi.sizeof(state[0]) >= size
    vcpu.set_xsave(state)
    assert contents(vcpu.get_xsave2(size)) == contents(state)


def test_xcrs(vcpu, need):
    need("KVM_CAP_XCRS")
    xcrs = vcpu.get_xcrs()
    xcrs.xcrs[0].value = 3
    vcpu.set_xcrs(xcrs)
    assert vcpu.get_xcrs().xcrs[0].value == 3


def test_debugregs(vcpu, need):
    need("KVM_CAP_DEBUGREGS")
    registers = vcpu.get_debugregs()
    registers.db[2] = 0x1234
    vcpu.set_debugregs(registers)
    assert vcpu.get_debugregs().db[2] == 0x1234


def test_msrs_and_which_of_them_were_refused(vcpu):
    sysenter_cs, sysenter_esp, nonsense = 0x174, 0x175, 0x12345678
    assert vcpu.set_msrs({sysenter_cs: 8, nonsense: 1, sysenter_esp: 0x5000}) == [nonsense]
    assert vcpu.get_msrs([nonsense, sysenter_cs, sysenter_esp]) == {sysenter_cs: 8, sysenter_esp: 0x5000}


def test_every_msr_of_the_state_can_be_read(vcpu, system):
    indices = system.get_msr_index_list()
    assert 0xC0000080 in indices or 0x10 in indices
    assert len(vcpu.get_msrs(indices)) >= len(indices) // 2


def test_feature_msrs_are_read_from_the_system(system, need):
    need("KVM_CAP_GET_MSR_FEATURES")
    indices = system.get_msr_feature_index_list()
    assert set(system.get_msrs(indices)) <= set(indices)


def test_vcpu_events(vcpu, need):
    need("KVM_CAP_VCPU_EVENTS")
    events = vcpu.get_vcpu_events()
    events.nmi.masked = 1
    events.flags = lib.KVM_VCPUEVENT_VALID_NMI_PENDING
    vcpu.set_vcpu_events(events)
    assert vcpu.get_vcpu_events().nmi.masked == 1


def test_mp_state(bare, need):
    need("KVM_CAP_MP_STATE", "KVM_CAP_IRQCHIP")
    bare.vm.create_irqchip()
    vcpu = bare.enter("f4")
    assert vcpu.get_mp_state() == lib.KVM_MP_STATE_RUNNABLE
    vcpu.set_mp_state(lib.KVM_MP_STATE_HALTED)
    assert vcpu.get_mp_state() == lib.KVM_MP_STATE_HALTED


def test_mp_state_without_an_irqchip_can_only_be_runnable(vcpu, need):
    need("KVM_CAP_MP_STATE")
    with pytest.raises(KvmError, match=r"KVM_SET_MP_STATE.*local APICs"):
        vcpu.set_mp_state(lib.KVM_MP_STATE_SIPI_RECEIVED)


def test_lapic(bare, need):
    need("KVM_CAP_SPLIT_IRQCHIP")
    bare.vm.enable_split_irqchip()
    vcpu = bare.enter("f4")
    lapic = vcpu.get_lapic()
    lapic.regs[0x80] = b"\x20"  # the task priority
    vcpu.set_lapic(lapic)
    assert vcpu.get_lapic().regs[0x80] == b"\x20"


def test_lapic_without_an_irqchip_says_what_is_missing(vcpu):
    with pytest.raises(KvmError, match="irqchip"):
        vcpu.get_lapic()


def test_tsc_khz(vcpu, need):
    need("KVM_CAP_GET_TSC_KHZ")
    khz = vcpu.get_tsc_khz()
    vcpu.set_tsc_khz(khz)
    assert vcpu.get_tsc_khz() == khz > 100_000


def test_nested_state(vcpu, system, need):
    need("KVM_CAP_NESTED_STATE")
    state = vcpu.get_nested_state(system.check_extension(lib.KVM_CAP_NESTED_STATE))
    vcpu.set_nested_state(state)


def test_signal_mask(vcpu):
    import signal

    vcpu.set_signal_mask({signal.SIGUSR1})
    vcpu.set_signal_mask(None)
    assert vcpu.run_once() == lib.KVM_EXIT_HLT


def test_a_vcpu_is_set_up_for_machine_checks(vcpu, system, need):
    need("KVM_CAP_MCE")
    vcpu.setup_mce(system.get_mce_cap_supported() & ~0xFF | 4)


def test_clock(guest, need):
    need("KVM_CAP_ADJUST_CLOCK")
    clock = guest.vm.get_clock()
    clock.clock, clock.flags = 10**15, 0
    guest.vm.set_clock(clock)
    assert 10**15 <= guest.vm.get_clock().clock < 10**15 + 60 * 10**9


def test_irqchip_and_pit(bare, need):
    need("KVM_CAP_IRQCHIP", "KVM_CAP_PIT2", "KVM_CAP_PIT_STATE2", "KVM_CAP_REINJECT_CONTROL")
    bare.vm.create_irqchip()
    bare.vm.create_pit2(lib.KVM_PIT_SPEAKER_DUMMY)
    for chip in (lib.KVM_IRQCHIP_PIC_MASTER, lib.KVM_IRQCHIP_PIC_SLAVE):
        state = bare.vm.get_irqchip(chip)
        state.chip.pic.imr = 0xA5
        bare.vm.set_irqchip(state)
        assert bare.vm.get_irqchip(chip).chip.pic.imr == 0xA5
    ioapic = bare.vm.get_irqchip(lib.KVM_IRQCHIP_IOAPIC)
    ioapic.chip.ioapic.redirtbl[5].bits = 0x10035
    bare.vm.set_irqchip(ioapic)
    assert bare.vm.get_irqchip(lib.KVM_IRQCHIP_IOAPIC).chip.ioapic.redirtbl[5].bits == 0x10035
    pit = bare.vm.get_pit2()
    pit.channels[2].mode = 3
    bare.vm.set_pit2(pit)
    assert bare.vm.get_pit2().channels[2].mode == 3
    bare.vm.reinject_control(False)


def test_a_second_irqchip_is_refused_with_a_hint(guest, need):
    need("KVM_CAP_IRQCHIP")
    guest.vm.create_irqchip()
    with pytest.raises(KvmError, match=r"KVM_CREATE_IRQCHIP on a vm fd: EEXIST \(File exists\): the VM has an irqchip"):
        guest.vm.create_irqchip()


def test_addresses_for_real_mode_on_intel_are_taken(bare, need):
    need("KVM_CAP_SET_TSS_ADDR", "KVM_CAP_SET_IDENTITY_MAP_ADDR", "KVM_CAP_SET_BOOT_CPU_ID")
    bare.vm.set_identity_map_addr(0xFFFBC000)
    bare.vm.set_tss_addr(0xFFFBD000)
    bare.vm.set_boot_cpu_id(0)


def test_a_vcpu_of_the_same_index_is_refused(guest):
    guest.enter("f4")
    with pytest.raises(KvmError, match=r"KVM_CREATE_VCPU on a vm fd: EEXIST .* has a vCPU of that index"):
        guest.vm.create_vcpu(0)


def test_attributes_that_are_not_there_are_told(system, guest, need):
    need("KVM_CAP_VCPU_ATTRIBUTES")
    vcpu = guest.enter("f4")
    if vcpu.has_device_attr(lib.KVM_VCPU_TSC_CTRL, lib.KVM_VCPU_TSC_OFFSET):
        value = vcpu.get_device_attr(lib.KVM_VCPU_TSC_CTRL, lib.KVM_VCPU_TSC_OFFSET, ffi.new("__u64 *"))
        vcpu.set_device_attr(lib.KVM_VCPU_TSC_CTRL, lib.KVM_VCPU_TSC_OFFSET, value)
    assert not vcpu.has_device_attr(77, 77)
    with pytest.raises(KvmError, match=r"KVM_GET_DEVICE_ATTR on a vcpu fd: ENXIO .*no such attribute"):
        vcpu.get_device_attr(77, 77, ffi.new("__u64 *"))


def test_a_device_is_made_and_asked(guest, need):
    need("KVM_CAP_DEVICE_CTRL")
    try:
        device = guest.vm.create_device(lib.KVM_DEV_TYPE_VFIO)
    except KvmError as error:
        pytest.skip(f"this kernel has no VFIO device: {error}")
    with device:
        assert device.has_device_attr(lib.KVM_DEV_VFIO_GROUP, lib.KVM_DEV_VFIO_GROUP_ADD)
        assert not device.has_device_attr(99, 1)


def test_the_host_says_what_it_can(system):
    assert system.get_api_version() == lib.KVM_API_VERSION
    assert system.get_vcpu_mmap_size() >= 4096
    answers = system.capabilities()
    assert answers["KVM_CAP_USER_MEMORY"] == 1
    assert len(answers) > 90
    assert any(entry[0] == 0x80000000 for entry in system.get_supported_cpuid())
    system.get_emulated_cpuid()
