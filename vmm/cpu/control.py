"""Bits of the x86 control, flags and debug registers, as masks to compute with and as names to print.

A name table maps a bit's number to its name and suits vmm.bits.in_words. Fields wider than a bit (IOPL, the length
and kind of a breakpoint) are not in the tables.
Source: Intel SDM volume 3A sections 2.3, 2.5, 2.6 and volume 3B section 18.2; AMD APM volume 2 section 3.1.
"""

from __future__ import annotations

CR0_PE = 1 << 0
CR0_MP = 1 << 1
CR0_EM = 1 << 2
CR0_TS = 1 << 3
CR0_ET = 1 << 4
CR0_NE = 1 << 5
CR0_WP = 1 << 16
CR0_AM = 1 << 18
CR0_NW = 1 << 29
CR0_CD = 1 << 30
CR0_PG = 1 << 31

CR0_NAMES = {
    0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD", 31: "PG",
}  # fmt: skip

CR3_NAMES = {3: "PWT", 4: "PCD", 61: "LAM_U57", 62: "LAM_U48", 63: "NOFLUSH"}

CR4_VME = 1 << 0
CR4_PSE = 1 << 4
CR4_PAE = 1 << 5
CR4_PGE = 1 << 7
CR4_OSFXSR = 1 << 9
CR4_OSXMMEXCPT = 1 << 10
CR4_UMIP = 1 << 11
CR4_LA57 = 1 << 12
CR4_FSGSBASE = 1 << 16
CR4_PCIDE = 1 << 17
CR4_OSXSAVE = 1 << 18
CR4_SMEP = 1 << 20
CR4_SMAP = 1 << 21
CR4_PKE = 1 << 22

CR4_NAMES = {
    0: "VME", 1: "PVI", 2: "TSD", 3: "DE", 4: "PSE", 5: "PAE", 6: "MCE", 7: "PGE", 8: "PCE", 9: "OSFXSR",
    10: "OSXMMEXCPT", 11: "UMIP", 12: "LA57", 13: "VMXE", 14: "SMXE", 16: "FSGSBASE", 17: "PCIDE", 18: "OSXSAVE",
    19: "KL", 20: "SMEP", 21: "SMAP", 22: "PKE", 23: "CET", 24: "PKS", 25: "UINTR", 28: "LAM_SUP", 32: "FRED",
}  # fmt: skip

EFER_SCE = 1 << 0
EFER_LME = 1 << 8
EFER_LMA = 1 << 10
EFER_NXE = 1 << 11
EFER_SVME = 1 << 12

EFER_NAMES = {
    0: "SCE", 8: "LME", 10: "LMA", 11: "NXE", 12: "SVME", 13: "LMSLE", 14: "FFXSR", 15: "TCE", 17: "MCOMMIT",
    18: "INTWB", 20: "UAIE", 21: "AIBRSE",
}  # fmt: skip

RFLAGS_CF = 1 << 0
RFLAGS_FIXED = 1 << 1
"""Always reads as one; a register file without it is refused by the CPU."""
RFLAGS_PF = 1 << 2
RFLAGS_AF = 1 << 4
RFLAGS_ZF = 1 << 6
RFLAGS_SF = 1 << 7
RFLAGS_TF = 1 << 8
RFLAGS_IF = 1 << 9
RFLAGS_DF = 1 << 10
RFLAGS_OF = 1 << 11
RFLAGS_IOPL_SHIFT = 12
RFLAGS_IOPL = 3 << RFLAGS_IOPL_SHIFT
RFLAGS_NT = 1 << 14
RFLAGS_RF = 1 << 16
RFLAGS_VM = 1 << 17
RFLAGS_AC = 1 << 18

RFLAGS_NAMES = {
    0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF", 14: "NT", 16: "RF", 17: "VM",
    18: "AC", 19: "VIF", 20: "VIP", 21: "ID",
}  # fmt: skip

DR6_FIXED = 0xFFFF0FF0
"""Its value after reset: the bits that read as one while nothing was hit."""
DR6_BS = 1 << 14

DR6_NAMES = {0: "B0", 1: "B1", 2: "B2", 3: "B3", 13: "BD", 14: "BS", 15: "BT"}

DR7_FIXED = 0x400
"""Its value after reset: no breakpoint enabled."""

DR7_NAMES = {
    0: "L0", 1: "G0", 2: "L1", 3: "G1", 4: "L2", 5: "G2", 6: "L3", 7: "G3", 8: "LE", 9: "GE", 11: "RTM", 13: "GD",
}  # fmt: skip
