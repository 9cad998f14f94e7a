"""Named bits of CPUID: where each lives, what depends on what, and which names a set of entries shows.

Names are those of Linux's /proc/cpuinfo; bits that Linux does not show, and KVM's paravirtual ones, have names in the
same style. Bits that Linux makes up (rep_good, nopl, cpuid, ...) are not here.
Source: Intel SDM volume 2A CPUID; AMD APM volume 3 appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .cpuid import Entry

REGISTERS = {"eax": 3, "ebx": 4, "ecx": 5, "edx": 6}
"""Where a register stands in an entry."""

_WORDS = (
    (0x1, 0, "edx",
     "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2"
     " ss ht tm ia64 pbe"),
    (0x1, 0, "ecx",
     "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2"
     " x2apic movbe popcnt tsc_deadline_timer aes xsave osxsave avx f16c rdrand hypervisor"),
    (0x6, 0, "eax", "dtherm ida arat - pln - pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req - - - - - - - hfi"),
    (0x6, 0, "ecx", "aperfmperf - - epb"),
    (0x7, 0, "ebx",
     "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx"
     " smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"),
    (0x7, 0, "ecx",
     "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 shstk gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme"
     " avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd sgx_lc pks"),
    (0x7, 0, "edx",
     "- - avx512_4vnniw avx512_4fmaps fsrm uintr - - avx512_vp2intersect srbds_ctrl md_clear - - tsx_force_abort"
     " serialize hybrid_cpu tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 spec_ctrl stibp"
     " flush_l1d arch_capabilities core_capabilities ssbd"),
    (0x7, 1, "eax",
     "sha512 sm3 sm4 - avx_vnni avx512_bf16 - cmpccxadd arch_perfmon_ext - fzrm fsrs fsrc - - - - fred lkgs wrmsrns -"
     " amx_fp16 - avx_ifma - - lam"),
    (0x7, 1, "edx", "- - - - avx_vnni_int8 avx_ne_convert - - amx_complex - avx_vnni_int16 - - - prefetchi - - - -"
     " avx10"),
    (0x7, 2, "edx", "psfd ipred_ctrl rrsba_ctrl ddpd_u bhi_ctrl mcdt_no"),
    (0xD, 1, "eax", "xsaveopt xsavec xgetbv1 xsaves xfd"),
    (0x40000001, 0, "eax",
     "kvm_clocksource kvm_nop_io_delay kvm_mmu_op kvm_clocksource2 kvm_async_pf kvm_steal_time kvm_pv_eoi kvm_pv_unhalt"
     " - kvm_pv_tlb_flush kvm_async_pf_vmexit kvm_pv_send_ipi kvm_poll_control kvm_pv_sched_yield kvm_async_pf_int"
     " kvm_msi_ext_dest_id kvm_hc_map_gpa_range kvm_migration_control - - - - - - kvm_clocksource_stable"),
    (0x80000001, 0, "edx",
     "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"),
    (0x80000001, 0, "ecx",
     "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4"
     " tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx"),
    (0x80000007, 0, "ebx", "overflow_recov succor - smca"),
    (0x80000007, 0, "edx", "- - - - - - - hw_pstate nonstop_tsc cpb - proc_feedback acc_power"),
    (0x80000008, 0, "ebx",
     "clzero irperf xsaveerptr - rdpru - - - - wbnoinvd - - amd_ibpb - amd_ibrs amd_stibp - amd_stibp_always_on - - - -"
     " - amd_ppin amd_ssbd virt_ssbd amd_ssb_no cppc amd_psfd btc_no - brs"),
    (0x8000000A, 0, "edx",
     "npt lbrv svm_lock nrip_save tsc_scale vmcb_clean flushbyasid decodeassists - - pausefilter - pfthreshold avic -"
     " v_vmsave_vmload vgif - x2avic - v_spec_ctrl - - - - vnmi"),
    (0x8000001F, 0, "eax", "sme sev - sev_es sev_snp"),
    (0x80000021, 0, "eax", "no_nested_data_bp - lfence_rdtsc - - - null_sel_clr_base - autoibrs no_smm_ctl_msr"),
)  # fmt: skip

FEATURES: dict[str, tuple[int, int, str, int]] = {
    name: (leaf, index, register, bit)
    for leaf, index, register, text in _WORDS
    for bit, name in enumerate(text.split())
    if name != "-"
}
"""Name to (leaf, index, register, bit)."""

ALIASES = {
    "sse3": "pni",
    "lzcnt": "abm",
    "cmpxchg16b": "cx16",
    "cmpxchg8b": "cx8",
    "xd": "nx",
    "invtsc": "nonstop_tsc",
    "constant_tsc": "nonstop_tsc",
    "tsc_deadline": "tsc_deadline_timer",
    "sha": "sha_ni",
    "mwait": "monitor",
    "kvmclock": "kvm_clocksource",
}
"""Other spellings in use."""

_NEEDS = {
    "sse": "mmxext sse2",
    "sse2": "pni pclmulqdq aes sha_ni gfni",
    "pni": "ssse3 sse4a misalignsse",
    "ssse3": "sse4_1",
    "sse4_1": "sse4_2",
    "fxsr": "sse fxsr_opt",
    "mmx": "mmxext 3dnow 3dnowext",
    "xsave": "xsaveopt xsavec xgetbv1 xsaves xfd osxsave avx pku mpx amx_tile",
    "xsavec": "xsaves",
    "avx": "avx2 f16c fma fma4 xop vaes vpclmulqdq avx_vnni avx_ifma avx_vnni_int8 avx_ne_convert avx512f",
    "avx2": "avx512f avx_vnni avx_ifma avx_vnni_int8 avx_vnni_int16 avx_ne_convert",
    "avx512f": "avx512dq avx512ifma avx512pf avx512er avx512cd avx512bw avx512vl avx512vbmi avx512_vbmi2 avx512_vnni"
    " avx512_bitalg avx512_vpopcntdq avx512_4vnniw avx512_4fmaps avx512_vp2intersect avx512_fp16 avx512_bf16",
    "amx_tile": "amx_bf16 amx_int8 amx_fp16 amx_complex",
    "kvm_clocksource": "kvm_clocksource2 kvm_clocksource_stable",
    "apic": "x2apic tsc_deadline_timer",
    "pae": "lm nx",
    "tsc": "rdtscp tsc_adjust tsc_deadline_timer nonstop_tsc",
    "lm": "la57 lahf_lm",
}
"""Which features a program may use only together with the one named first."""

XSTATE = {
    2: "avx",
    3: "mpx",
    4: "mpx",
    5: "avx512f",
    6: "avx512f",
    7: "avx512f",
    9: "pku",
    17: "amx_tile",
    18: "amx_tile",
}
"""Components of XCR0, by bit, that exist only with a feature."""


def with_dependents(names: Iterable[str]) -> frozenset[str]:
    """`names` and all features that make no sense without one of them."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += _NEEDS.get(name, "").split()
    return frozenset(found)


def names_in(entries: Iterable[Entry]) -> list[str]:
    """The named features that `entries` show, in the order of the table."""
    values = {(entry[0], entry[1]): entry for entry in entries}
    found = []
    for name, (leaf, index, register, bit) in FEATURES.items():
        entry = values.get((leaf, index))
        if entry is not None and entry[REGISTERS[register]] >> bit & 1:
            found.append(name)
    return found
