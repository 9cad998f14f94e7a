"""Model-specific registers by number: the architectural ones, common AMD ones, KVM's and Hyper-V's, each in words.

A table for reports; it says nothing about which of them a host or a guest has. Where a number means different things
on Intel and AMD, the entry is Intel's.
Source: Intel SDM volume 4; AMD APM volume 2 appendix A; Linux Documentation/virt/kvm/x86/msr.rst; Hyper-V Top Level
Functional Specification.
"""

from __future__ import annotations

from ..errors import nearest

_TABLE = """
000 IA32_P5_MC_ADDR               machine check address of the Pentium
001 IA32_P5_MC_TYPE               machine check type of the Pentium
006 IA32_MONITOR_FILTER_SIZE      line size that MONITOR watches
010 IA32_TIME_STAMP_COUNTER       time-stamp counter
011 MSR_KVM_WALL_CLOCK            KVM: wall clock at boot, old number
012 MSR_KVM_SYSTEM_TIME           KVM: per-vCPU clock page, old number
017 IA32_PLATFORM_ID              platform id
01b IA32_APIC_BASE                local APIC: base address, enable, x2APIC, bootstrap processor
02a EBL_CR_POWERON                hard power-on configuration
033 MSR_TEST_CTRL                 split-lock detection
034 MSR_SMI_COUNT                 number of SMIs since reset
03a IA32_FEATURE_CONTROL          lock and enable for VMX, SGX and LMCE
03b IA32_TSC_ADJUST               offset added to the time-stamp counter of this thread
048 IA32_SPEC_CTRL                speculation control: IBRS, STIBP, SSBD
049 IA32_PRED_CMD                 prediction command: IBPB
04e MSR_PPIN_CTL                  protected processor inventory number control
04f MSR_PPIN                      protected processor inventory number
079 IA32_BIOS_UPDT_TRIG           microcode update trigger
08b IA32_BIOS_SIGN_ID             microcode revision
09b IA32_SMM_MONITOR_CTL          dual-monitor treatment of SMM
09e IA32_SMBASE                   base address of SMRAM
0c1 IA32_PMC0                     performance counter 0
0c2 IA32_PMC1                     performance counter 1
0c3 IA32_PMC2                     performance counter 2
0c4 IA32_PMC3                     performance counter 3
0c5 IA32_PMC4                     performance counter 4
0c6 IA32_PMC5                     performance counter 5
0c7 IA32_PMC6                     performance counter 6
0c8 IA32_PMC7                     performance counter 7
0cd MSR_FSB_FREQ                  front-side bus frequency
0ce MSR_PLATFORM_INFO             clock ratios and CPUID faulting
0cf IA32_CORE_CAPABILITIES        core capabilities: split-lock detection
0e1 IA32_UMWAIT_CONTROL           limits of UMWAIT and TPAUSE
0e2 MSR_PKG_CST_CONFIG_CONTROL    package C-state configuration
0e7 IA32_MPERF                    cycles at maximum frequency
0e8 IA32_APERF                    cycles at actual frequency
0fe IA32_MTRRCAP                  what the MTRRs can do
10a IA32_ARCH_CAPABILITIES        which side channels the CPU is free of
10b IA32_FLUSH_CMD                flush of the L1 data cache
119 MSR_BBL_CR_CTL                L2 cache control
11e MSR_BBL_CR_CTL3               L2 cache control 3
122 IA32_TSX_CTRL                 transactional memory off
123 IA32_MCU_OPT_CTRL             microcode mitigations
140 MSR_MISC_FEATURES_ENABLES     CPUID faulting, ring-3 MWAIT
174 IA32_SYSENTER_CS              SYSENTER: code segment
175 IA32_SYSENTER_ESP             SYSENTER: stack pointer
176 IA32_SYSENTER_EIP             SYSENTER: entry
179 IA32_MCG_CAP                  machine check: number of banks and abilities
17a IA32_MCG_STATUS               machine check: global status
17b IA32_MCG_CTL                  machine check: global enable
186 IA32_PERFEVTSEL0              performance event select 0
187 IA32_PERFEVTSEL1              performance event select 1
188 IA32_PERFEVTSEL2              performance event select 2
189 IA32_PERFEVTSEL3              performance event select 3
198 IA32_PERF_STATUS              present performance state
199 IA32_PERF_CTL                 wanted performance state
19a IA32_CLOCK_MODULATION         clock modulation on demand
19b IA32_THERM_INTERRUPT          thermal interrupt control
19c IA32_THERM_STATUS             thermal status
19d MSR_THERM2_CTL                thermal monitor 2
1a0 IA32_MISC_ENABLE              miscellaneous features: fast strings, perfmon, MWAIT, CPUID limit
1a2 MSR_TEMPERATURE_TARGET        temperature target
1a4 MSR_MISC_FEATURE_CONTROL      hardware prefetchers
1a6 MSR_OFFCORE_RSP_0             off-core response event 0
1a7 MSR_OFFCORE_RSP_1             off-core response event 1
1aa MSR_MISC_PWR_MGMT             miscellaneous power management
1ad MSR_TURBO_RATIO_LIMIT         turbo ratios
1b0 IA32_ENERGY_PERF_BIAS         energy and performance bias
1b1 IA32_PACKAGE_THERM_STATUS     thermal status of the package
1b2 IA32_PACKAGE_THERM_INTERRUPT  thermal interrupt control of the package
1c4 IA32_XFD                      extended feature disable
1c5 IA32_XFD_ERR                  state component that raised #NM
1c8 MSR_LBR_SELECT                filter of last-branch records
1c9 MSR_LASTBRANCH_TOS            newest last-branch record
1d9 IA32_DEBUGCTL                 branch records, single step on branches
1db MSR_LASTBRANCHFROMIP          source of the last branch
1dc MSR_LASTBRANCHTOIP            target of the last branch
1dd MSR_LER_FROM_LIP              source of the last branch before an exception
1de MSR_LER_TO_LIP                target of the last branch before an exception
1f2 IA32_SMRR_PHYSBASE            SMRAM range: base
1f3 IA32_SMRR_PHYSMASK            SMRAM range: mask
1fc MSR_POWER_CTL                 power control
250 IA32_MTRR_FIX64K_00000        memory types of 0-512 KiB
258 IA32_MTRR_FIX16K_80000        memory types from 0x80000
259 IA32_MTRR_FIX16K_A0000        memory types from 0xa0000
268 IA32_MTRR_FIX4K_C0000         memory types from 0xc0000
269 IA32_MTRR_FIX4K_C8000         memory types from 0xc8000
26a IA32_MTRR_FIX4K_D0000         memory types from 0xd0000
26b IA32_MTRR_FIX4K_D8000         memory types from 0xd8000
26c IA32_MTRR_FIX4K_E0000         memory types from 0xe0000
26d IA32_MTRR_FIX4K_E8000         memory types from 0xe8000
26e IA32_MTRR_FIX4K_F0000         memory types from 0xf0000
26f IA32_MTRR_FIX4K_F8000         memory types from 0xf8000
277 IA32_PAT                      page attribute table
2ff IA32_MTRR_DEF_TYPE            default memory type, MTRR enable
309 IA32_FIXED_CTR0               fixed counter: instructions retired
30a IA32_FIXED_CTR1               fixed counter: core cycles
30b IA32_FIXED_CTR2               fixed counter: reference cycles
345 IA32_PERF_CAPABILITIES        performance monitoring capabilities
38d IA32_FIXED_CTR_CTRL           fixed counter control
38e IA32_PERF_GLOBAL_STATUS       counter overflow status
38f IA32_PERF_GLOBAL_CTRL         counter enable
390 IA32_PERF_GLOBAL_OVF_CTRL     counter overflow clear
391 IA32_PERF_GLOBAL_STATUS_SET   counter overflow set
3f1 IA32_PEBS_ENABLE              precise event sampling
3f2 MSR_PEBS_DATA_CFG             contents of precise samples
3f6 MSR_PEBS_LD_LAT_THRESHOLD     load latency threshold
3f7 MSR_PEBS_FRONTEND             front-end events
480 IA32_VMX_BASIC                VMX: revision and region size
481 IA32_VMX_PINBASED_CTLS        VMX: pin-based controls
482 IA32_VMX_PROCBASED_CTLS       VMX: processor-based controls
483 IA32_VMX_EXIT_CTLS            VMX: exit controls
484 IA32_VMX_ENTRY_CTLS           VMX: entry controls
485 IA32_VMX_MISC                 VMX: miscellaneous
486 IA32_VMX_CR0_FIXED0           VMX: bits of CR0 that must be 1
487 IA32_VMX_CR0_FIXED1           VMX: bits of CR0 that may be 1
488 IA32_VMX_CR4_FIXED0           VMX: bits of CR4 that must be 1
489 IA32_VMX_CR4_FIXED1           VMX: bits of CR4 that may be 1
48a IA32_VMX_VMCS_ENUM            VMX: highest VMCS field index
48b IA32_VMX_PROCBASED_CTLS2      VMX: secondary controls
48c IA32_VMX_EPT_VPID_CAP         VMX: EPT and VPID capabilities
48d IA32_VMX_TRUE_PINBASED_CTLS   VMX: true pin-based controls
48e IA32_VMX_TRUE_PROCBASED_CTLS  VMX: true processor-based controls
48f IA32_VMX_TRUE_EXIT_CTLS       VMX: true exit controls
490 IA32_VMX_TRUE_ENTRY_CTLS      VMX: true entry controls
491 IA32_VMX_VMFUNC               VMX: VM functions
4d0 IA32_MCG_EXT_CTL              local machine checks
560 IA32_RTIT_OUTPUT_BASE         processor trace: output base
561 IA32_RTIT_OUTPUT_MASK_PTRS    processor trace: output mask
570 IA32_RTIT_CTL                 processor trace: control
571 IA32_RTIT_STATUS              processor trace: status
572 IA32_RTIT_CR3_MATCH           processor trace: CR3 filter
600 IA32_DS_AREA                  debug store area
606 MSR_RAPL_POWER_UNIT           units of the energy counters
60d MSR_PKG_C2_RESIDENCY          time in package state C2
610 MSR_PKG_POWER_LIMIT           package power limit
611 MSR_PKG_ENERGY_STATUS         energy used by the package
614 MSR_PKG_POWER_INFO            package power range
619 MSR_DRAM_ENERGY_STATUS        energy used by memory
639 MSR_PP0_ENERGY_STATUS         energy used by the cores
641 MSR_PP1_ENERGY_STATUS         energy used by the graphics
648 MSR_CONFIG_TDP_NOMINAL        nominal TDP ratio
6a0 IA32_U_CET                    control-flow enforcement in ring 3
6a2 IA32_S_CET                    control-flow enforcement in rings 0-2
6a4 IA32_PL0_SSP                  shadow stack of ring 0
6a5 IA32_PL1_SSP                  shadow stack of ring 1
6a6 IA32_PL2_SSP                  shadow stack of ring 2
6a7 IA32_PL3_SSP                  shadow stack of ring 3
6a8 IA32_INTERRUPT_SSP_TABLE_ADDR shadow stacks of the interrupt stack table
6e0 IA32_TSC_DEADLINE             local APIC timer: deadline in TSC ticks
6e1 IA32_PKRS                     protection keys of ring 0
770 IA32_PM_ENABLE                hardware P-states enable
771 IA32_HWP_CAPABILITIES         hardware P-states: range
774 IA32_HWP_REQUEST              hardware P-states: request
777 IA32_HWP_STATUS               hardware P-states: status
802 IA32_X2APIC_APICID            x2APIC: id
803 IA32_X2APIC_VERSION           x2APIC: version
808 IA32_X2APIC_TPR               x2APIC: task priority
80a IA32_X2APIC_PPR               x2APIC: processor priority
80b IA32_X2APIC_EOI               x2APIC: end of interrupt
80d IA32_X2APIC_LDR               x2APIC: logical destination
80f IA32_X2APIC_SIVR              x2APIC: spurious interrupt vector, enable
828 IA32_X2APIC_ESR               x2APIC: error status
82f IA32_X2APIC_LVT_CMCI          x2APIC: corrected machine check entry
830 IA32_X2APIC_ICR               x2APIC: interrupt command
832 IA32_X2APIC_LVT_TIMER         x2APIC: timer entry
833 IA32_X2APIC_LVT_THERMAL       x2APIC: thermal entry
834 IA32_X2APIC_LVT_PMI           x2APIC: performance counter entry
835 IA32_X2APIC_LVT_LINT0         x2APIC: LINT0 entry
836 IA32_X2APIC_LVT_LINT1         x2APIC: LINT1 entry
837 IA32_X2APIC_LVT_ERROR         x2APIC: error entry
838 IA32_X2APIC_INIT_COUNT        x2APIC: timer initial count
839 IA32_X2APIC_CUR_COUNT         x2APIC: timer current count
83e IA32_X2APIC_DIV_CONF          x2APIC: timer divider
83f IA32_X2APIC_SELF_IPI          x2APIC: interrupt to itself
d90 IA32_BNDCFGS                  memory protection bounds in ring 0
d93 IA32_PASID                    process address space id of ENQCMD
da0 IA32_XSS                      state components of XSAVES in ring 0
40000000 HV_X64_MSR_GUEST_OS_ID   Hyper-V: who the guest is
40000001 HV_X64_MSR_HYPERCALL     Hyper-V: hypercall page
40000002 HV_X64_MSR_VP_INDEX      Hyper-V: index of the vCPU
40000003 HV_X64_MSR_RESET         Hyper-V: system reset
40000010 HV_X64_MSR_VP_RUNTIME    Hyper-V: run time of the vCPU
40000020 HV_X64_MSR_TIME_REF_COUNT Hyper-V: reference time in 100 ns
40000021 HV_X64_MSR_REFERENCE_TSC Hyper-V: reference TSC page
40000022 HV_X64_MSR_TSC_FREQUENCY Hyper-V: TSC frequency
40000023 HV_X64_MSR_APIC_FREQUENCY Hyper-V: APIC timer frequency
40000070 HV_X64_MSR_EOI           Hyper-V: end of interrupt
40000071 HV_X64_MSR_ICR           Hyper-V: interrupt command
40000072 HV_X64_MSR_TPR           Hyper-V: task priority
40000073 HV_X64_MSR_VP_ASSIST_PAGE Hyper-V: assist page of the vCPU
40000080 HV_X64_MSR_SCONTROL      Hyper-V: synthetic interrupt controller enable
40000081 HV_X64_MSR_SVERSION      Hyper-V: synthetic interrupt controller version
40000082 HV_X64_MSR_SIEFP         Hyper-V: event flags page
40000083 HV_X64_MSR_SIMP          Hyper-V: message page
40000084 HV_X64_MSR_EOM           Hyper-V: end of message
400000b0 HV_X64_MSR_STIMER0_CONFIG Hyper-V: synthetic timer 0 configuration
400000b1 HV_X64_MSR_STIMER0_COUNT Hyper-V: synthetic timer 0 count
400000b2 HV_X64_MSR_STIMER1_CONFIG Hyper-V: synthetic timer 1 configuration
400000b3 HV_X64_MSR_STIMER1_COUNT Hyper-V: synthetic timer 1 count
400000b4 HV_X64_MSR_STIMER2_CONFIG Hyper-V: synthetic timer 2 configuration
400000b5 HV_X64_MSR_STIMER2_COUNT Hyper-V: synthetic timer 2 count
400000b6 HV_X64_MSR_STIMER3_CONFIG Hyper-V: synthetic timer 3 configuration
400000b7 HV_X64_MSR_STIMER3_COUNT Hyper-V: synthetic timer 3 count
400000f0 HV_X64_MSR_GUEST_IDLE    Hyper-V: enter idle
400000f1 HV_X64_MSR_SYNDBG_CONTROL Hyper-V: synthetic debugger control
400000f2 HV_X64_MSR_SYNDBG_STATUS Hyper-V: synthetic debugger status
400000f3 HV_X64_MSR_SYNDBG_SEND_BUFFER Hyper-V: synthetic debugger send page
400000f4 HV_X64_MSR_SYNDBG_RECV_BUFFER Hyper-V: synthetic debugger receive page
400000f5 HV_X64_MSR_SYNDBG_PENDING_BUFFER Hyper-V: synthetic debugger pending page
400000ff HV_X64_MSR_SYNDBG_OPTIONS Hyper-V: synthetic debugger options
40000105 HV_X64_MSR_CRASH_CTL     Hyper-V: crash notification
40000106 HV_X64_MSR_REENLIGHTENMENT_CONTROL Hyper-V: interrupt after a migration
40000107 HV_X64_MSR_TSC_EMULATION_CONTROL Hyper-V: TSC emulation control
40000108 HV_X64_MSR_TSC_EMULATION_STATUS Hyper-V: TSC emulation status
40000118 HV_X64_MSR_TSC_INVARIANT_CONTROL Hyper-V: invariant TSC shown
4b564d00 MSR_KVM_WALL_CLOCK_NEW   KVM: wall clock at boot
4b564d01 MSR_KVM_SYSTEM_TIME_NEW  KVM: per-vCPU clock page
4b564d02 MSR_KVM_ASYNC_PF_EN      KVM: asynchronous page faults
4b564d03 MSR_KVM_STEAL_TIME       KVM: time stolen from the vCPU
4b564d04 MSR_KVM_PV_EOI_EN        KVM: end of interrupt without exit
4b564d05 MSR_KVM_POLL_CONTROL     KVM: host polls on HLT
4b564d06 MSR_KVM_ASYNC_PF_INT     KVM: vector of asynchronous page faults
4b564d07 MSR_KVM_ASYNC_PF_ACK     KVM: asynchronous page fault taken
4b564d08 MSR_KVM_MIGRATION_CONTROL KVM: guest allows migration
c0000080 IA32_EFER                extended features: SYSCALL, long mode, no-execute
c0000081 IA32_STAR                SYSCALL: segments
c0000082 IA32_LSTAR               SYSCALL: entry from 64-bit code
c0000083 IA32_CSTAR               SYSCALL: entry from compatibility mode
c0000084 IA32_FMASK               SYSCALL: flags to clear
c00000e7 MPERF_RO                 cycles at maximum frequency, read-only
c00000e8 APERF_RO                 cycles at actual frequency, read-only
c00000e9 IRPERF                   instructions retired
c0000100 IA32_FS_BASE             base of FS
c0000101 IA32_GS_BASE             base of GS
c0000102 IA32_KERNEL_GS_BASE      base that SWAPGS exchanges with GS
c0000103 IA32_TSC_AUX             what RDTSCP and RDPID answer
c0000104 TSC_RATIO                TSC scaling of guests
c000010e AMD_LBR_SELECT           filter of last-branch records
c000010f AMD_DBG_EXTN_CFG         debug extensions
c0000300 PERF_CNTR_GLOBAL_STATUS  counter overflow status
c0000301 PERF_CNTR_GLOBAL_CTL     counter enable
c0000302 PERF_CNTR_GLOBAL_STATUS_CLR counter overflow clear
c0010010 SYSCFG                   system configuration: memory types, memory encryption
c0010015 HWCR                     hardware configuration
c001001a TOP_MEM                  end of memory below 4 GiB
c001001b CLK_CTL                  clock control
c001001d TOP_MEM2                 end of memory above 4 GiB
c001001f NB_CFG                   northbridge configuration
c0010020 PATCH_LOADER             microcode update trigger
c0010041 FID_VID_CTL              wanted frequency and voltage
c0010042 FID_VID_STATUS           present frequency and voltage
c0010055 INT_PENDING_MSG          interrupt pending and C1E
c0010058 MMIO_CONF_BASE           base of PCI configuration space
c0010061 PSTATE_CUR_LIMIT         P-state limit
c0010062 PSTATE_CTL               wanted P-state
c0010063 PSTATE_STATUS            present P-state
c0010111 SMBASE                   base address of SMRAM
c0010112 SMM_ADDR                 TSEG: base
c0010113 SMM_MASK                 TSEG: mask
c0010114 VM_CR                    SVM: lock and disable
c0010115 IGNNE                    IGNNE pin
c0010116 SMM_CTL                  SMM control
c0010117 VM_HSAVE_PA              SVM: host save area
c001011b AVIC_DOORBELL            SVM: AVIC doorbell
c001011f VIRT_SPEC_CTRL           virtual speculation control
c0010130 SEV_ES_GHCB              encrypted guest: communication block
c0010131 SEV_STATUS               encrypted guest: what is active
c0010140 OSVW_ID_LENGTH           known errata: how many ids
c0010141 OSVW_STATUS              known errata: status
c0011004 CPUID_FN_1               override of CPUID leaf 1
c0011019 DR1_ADDR_MASK            breakpoint 1 address mask
c001101a DR2_ADDR_MASK            breakpoint 2 address mask
c001101b DR3_ADDR_MASK            breakpoint 3 address mask
c0011020 LS_CFG                   load and store configuration
c0011021 IC_CFG                   instruction cache configuration
c0011022 DC_CFG                   data cache configuration
c0011023 TW_CFG                   table walker configuration
c0011027 DR0_ADDR_MASK            breakpoint 0 address mask
c0011029 DE_CFG                   decode configuration: LFENCE serialises
c001102a BU_CFG2                  bus unit configuration
c0011030 IBS_FETCH_CTL            instruction sampling: fetch control
c0011033 IBS_OP_CTL               instruction sampling: operation control
"""

_RANGES = (
    (0x8C, 4, 1, "IA32_SGXLEPUBKEYHASH{}", "hash {} of the key that signs launch enclaves"),
    (0x200, 16, 2, "IA32_MTRR_PHYSBASE{}", "memory type range {}: base and type"),
    (0x201, 16, 2, "IA32_MTRR_PHYSMASK{}", "memory type range {}: mask and enable"),
    (0x280, 32, 1, "IA32_MC{}_CTL2", "machine check bank {}: corrected error interrupt"),
    (0x400, 32, 4, "IA32_MC{}_CTL", "machine check bank {}: error reporting"),
    (0x401, 32, 4, "IA32_MC{}_STATUS", "machine check bank {}: status"),
    (0x402, 32, 4, "IA32_MC{}_ADDR", "machine check bank {}: address"),
    (0x403, 32, 4, "IA32_MC{}_MISC", "machine check bank {}: more about the error"),
    (0x4C1, 8, 1, "IA32_A_PMC{}", "performance counter {}, full width"),
    (0x580, 4, 2, "IA32_RTIT_ADDR{}_A", "processor trace: start of address range {}"),
    (0x581, 4, 2, "IA32_RTIT_ADDR{}_B", "processor trace: end of address range {}"),
    (0x810, 8, 1, "IA32_X2APIC_ISR{}", "x2APIC: in service, word {}"),
    (0x818, 8, 1, "IA32_X2APIC_TMR{}", "x2APIC: trigger mode, word {}"),
    (0x820, 8, 1, "IA32_X2APIC_IRR{}", "x2APIC: interrupt request, word {}"),
    (0x800, 256, 1, "IA32_X2APIC_{:#x}", "x2APIC: reserved register {:#x}"),
    (0x1200, 32, 1, "IA32_LBR_{}_INFO", "last branch {}: information"),
    (0x1500, 32, 1, "IA32_LBR_{}_FROM_IP", "last branch {}: source"),
    (0x1600, 32, 1, "IA32_LBR_{}_TO_IP", "last branch {}: target"),
    (0x40000090, 16, 1, "HV_X64_MSR_SINT{}", "Hyper-V: synthetic interrupt {}"),
    (0x40000100, 5, 1, "HV_X64_MSR_CRASH_P{}", "Hyper-V: crash parameter {}"),
    (0xC0002000, 0x400, 1, "MCAX_{:#x}", "scalable machine check, register {:#x}"),
    (0xC0010000, 4, 1, "PERF_LEGACY_CTL{}", "performance event select {}"),
    (0xC0010004, 4, 1, "PERF_LEGACY_CTR{}", "performance counter {}"),
    (0xC0010030, 6, 1, "PROC_NAME_STRING{}", "part {} of the processor's name"),
    (0xC0010044, 8, 1, "MC{}_CTL_MASK", "machine check bank {}: mask"),
    (0xC0010064, 8, 1, "PSTATE{}", "definition of P-state {}"),
    (0xC0010200, 6, 2, "PERF_CTL{}", "core performance event select {}"),
    (0xC0010201, 6, 2, "PERF_CTR{}", "core performance counter {}"),
)
"""(first number, how many, distance, name, sentence); a register in two of them is in the first."""


def _parse(table: str) -> dict[int, tuple[str, str]]:
    rows = (line.split(None, 2) for line in table.strip().split("\n"))
    return {int(number, 16): (name, sentence) for number, name, sentence in rows}


_NAMED = _parse(_TABLE)

NUMBERS = {name: number for number, (name, _sentence) in _NAMED.items()}
"""Name to number of the registers that do not belong to a range."""


def _look_up(number: int) -> tuple[str, str] | None:
    if number in _NAMED:
        return _NAMED[number]
    for first, count, step, spelling, sentence in _RANGES:
        index, rest = divmod(number - first, step)
        if not rest and 0 <= index < count:
            return spelling.format(index), sentence.format(index)
    return None


def name(number: int) -> str:
    """The name, such as "IA32_EFER", or "MSR 0x123" for a number without one."""
    found = _look_up(number)
    return found[0] if found else f"MSR {number:#x}"


def describe(number: int) -> str:
    """Name, number and what it is for, in one line."""
    found = _look_up(number)
    return f"{found[0]} ({number:#x}): {found[1]}" if found else f"MSR {number:#x}, not known here"


def number(text: str) -> int:
    """The number of a register given by name, with or without IA32_ and MSR_, or by number. ValueError if unknown."""
    wanted = text.strip().upper()
    for spelling in (wanted, f"IA32_{wanted}", f"MSR_{wanted}", f"HV_X64_MSR_{wanted}"):
        if spelling in NUMBERS:
            return NUMBERS[spelling]
    for first, count, step, spelling, _sentence in _RANGES:
        for index in range(count):
            if spelling.format(index).upper() == wanted:
                return first + index * step
    try:
        return int(wanted, 0)
    except ValueError:
        raise ValueError(f"no MSR is called {text!r}{nearest(wanted, NUMBERS)}") from None
