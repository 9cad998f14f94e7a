"""The kind of instruction at a byte string, in words, for reports about instructions that did not run.

`describe` gives exact text when iced-x86 is installed and the class of the instruction (`classify`) otherwise: it
knows prefixes, REX, VEX, EVEX and the opcode maps, but not operands, lengths or which CPU has the instruction.
Source: Intel SDM volume 2 chapter 2 and appendix A; AMD APM volume 3 appendix A.
"""

from __future__ import annotations

_ARITHMETIC = ("add", "or", "adc", "sbb", "and", "sub", "xor", "cmp")
_SHIFTS = ("rol", "ror", "rcl", "rcr", "shl", "shr", "sal", "sar")
_CONDITIONS = ("o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g")

_LEGACY_PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3))


def _one_byte() -> dict[int, str]:
    names = {8 * row + column: text for row, text in enumerate(_ARITHMETIC) for column in range(6)}
    names |= {0x06 + 8 * row: f"push {register}" for row, register in enumerate(("es", "cs", "ss", "ds"))}
    names |= {0x07: "pop es", 0x17: "pop ss", 0x1F: "pop ds", 0x27: "daa", 0x2F: "das", 0x37: "aaa", 0x3F: "aas"}
    for row, text in ((0x40, "inc"), (0x48, "dec"), (0x50, "push"), (0x58, "pop"), (0x90, "xchg"), (0xB0, "mov")):
        names |= {row + column: text for column in range(8)}
    names |= {0x70 + code: f"j{condition}" for code, condition in enumerate(_CONDITIONS)}
    movs = (*range(0x88, 0x8D), 0x8E, *range(0xA0, 0xA4), *range(0xB8, 0xC0), 0xC6, 0xC7)
    names |= dict.fromkeys(movs, "mov") | dict.fromkeys(range(0xD8, 0xE0), "x87")
    names |= {
        0x60: "pusha", 0x61: "popa", 0x62: "bound", 0x68: "push", 0x69: "imul", 0x6A: "push",
        0x6B: "imul", 0x6C: "ins", 0x6D: "ins", 0x6E: "outs", 0x6F: "outs", 0x84: "test", 0x85: "test", 0x86: "xchg",
        0x87: "xchg", 0x8D: "lea", 0x90: "nop", 0x98: "cbw/cwde/cdqe", 0x99: "cwd/cdq/cqo", 0x9A: "call far",
        0x9B: "fwait", 0x9C: "pushf", 0x9D: "popf", 0x9E: "sahf", 0x9F: "lahf", 0xA4: "movs", 0xA5: "movs",
        0xA6: "cmps", 0xA7: "cmps", 0xA8: "test", 0xA9: "test", 0xAA: "stos", 0xAB: "stos", 0xAC: "lods", 0xAD: "lods",
        0xAE: "scas", 0xAF: "scas", 0xC2: "ret", 0xC3: "ret", 0xC4: "les", 0xC5: "lds",
        0xC8: "enter", 0xC9: "leave", 0xCA: "ret far", 0xCB: "ret far", 0xCC: "int3", 0xCD: "int n", 0xCE: "into",
        0xCF: "iret", 0xD4: "aam", 0xD5: "aad", 0xD7: "xlat", 0xE0: "loopne", 0xE1: "loope", 0xE2: "loop",
        0xE3: "jcxz/jecxz/jrcxz", 0xE4: "in", 0xE5: "in", 0xE6: "out", 0xE7: "out", 0xE8: "call", 0xE9: "jmp",
        0xEA: "jmp far", 0xEB: "jmp", 0xEC: "in", 0xED: "in", 0xEE: "out", 0xEF: "out", 0xF1: "int1", 0xF4: "hlt",
        0xF5: "cmc", 0xF8: "clc", 0xF9: "stc", 0xFA: "cli", 0xFB: "sti", 0xFC: "cld", 0xFD: "std",
    }  # fmt: skip
    return names


_ONE_BYTE = _one_byte()

_NOT_IN_64 = frozenset((
    0x06, 0x07, 0x0E, 0x16, 0x17, 0x1E, 0x1F, 0x27, 0x2F, 0x37, 0x3F, 0x60, 0x61, 0x82, 0x9A, 0xCE, 0xD4, 0xD5, 0xD6,
    0xEA,
))  # fmt: skip

_GROUPS: dict[int, tuple[str, ...]] = {
    **dict.fromkeys((0x80, 0x81, 0x82, 0x83), _ARITHMETIC),
    **dict.fromkeys((0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3), _SHIFTS),
    0x8F: ("pop", *["reserved opcode"] * 7),
    **dict.fromkeys((0xF6, 0xF7), ("test", "test", "not", "neg", "mul", "imul", "div", "idiv")),
    0xFE: ("inc", "dec", *["reserved opcode"] * 6),
    0xFF: ("inc", "dec", "call", "call far", "jmp", "jmp far", "push", "reserved opcode"),
}
"""One-byte opcodes whose instruction the reg field of ModRM selects."""


def _two_byte() -> dict[int, str]:
    names: dict[int, str] = {}
    for first, last, text in (
        (0x10, 0x17, "SSE move"), (0x19, 0x1D, "multi-byte nop"), (0x28, 0x2F, "SSE move, conversion or comparison"),
        (0x50, 0x50, "SSE move mask"), (0x51, 0x5F, "SSE arithmetic"), (0x60, 0x6D, "MMX or SSE2 integer"),
        (0x6E, 0x6F, "MMX or SSE2 move"), (0x70, 0x76, "MMX or SSE2 integer"), (0x7C, 0x7D, "SSE3 arithmetic"),
        (0x7E, 0x7F, "MMX or SSE2 move"), (0xC8, 0xCF, "bswap"), (0xD0, 0xFE, "MMX or SSE2 integer"),
    ):  # fmt: skip
        names |= dict.fromkeys(range(first, last + 1), text)
    for row, text in ((0x40, "cmov"), (0x80, "j"), (0x90, "set")):
        names |= {row + code: text + condition for code, condition in enumerate(_CONDITIONS)}
    return names | {
        0x02: "lar", 0x03: "lsl", 0x05: "syscall", 0x06: "clts", 0x07: "sysret", 0x08: "invd", 0x09: "wbinvd",
        0x0B: "ud2", 0x0D: "prefetch or prefetchw", 0x0E: "femms", 0x0F: "3DNow!", 0x1A: "MPX", 0x1B: "MPX",
        0x1E: "multi-byte nop", 0x1F: "multi-byte nop", 0x20: "mov from control register",
        0x21: "mov from debug register", 0x22: "mov to control register", 0x23: "mov to debug register", 0x30: "wrmsr",
        0x31: "rdtsc", 0x32: "rdmsr", 0x33: "rdpmc", 0x34: "sysenter", 0x35: "sysexit", 0x37: "getsec", 0x77: "emms",
        0x78: "vmread", 0x79: "vmwrite", 0xA0: "push fs", 0xA1: "pop fs", 0xA2: "cpuid", 0xA3: "bt", 0xA4: "shld",
        0xA5: "shld", 0xA8: "push gs", 0xA9: "pop gs", 0xAA: "rsm", 0xAB: "bts", 0xAC: "shrd", 0xAD: "shrd",
        0xAF: "imul", 0xB0: "cmpxchg", 0xB1: "cmpxchg", 0xB2: "lss", 0xB3: "btr", 0xB4: "lfs", 0xB5: "lgs",
        0xB6: "movzx", 0xB7: "movzx", 0xB9: "ud1", 0xBB: "btc", 0xBC: "bsf", 0xBD: "bsr", 0xBE: "movsx",
        0xBF: "movsx", 0xC0: "xadd", 0xC1: "xadd", 0xC2: "SSE comparison", 0xC3: "movnti", 0xC4: "MMX or SSE2 move",
        0xC5: "MMX or SSE2 move", 0xC6: "SSE shuffle", 0xFF: "ud0",
    }  # fmt: skip


_TWO_BYTE = _two_byte()

_TWO_BYTE_F3 = {0x09: "wbnoinvd", 0xB8: "popcnt", 0xBC: "tzcnt", 0xBD: "lzcnt"}

_TWO_BYTE_GROUPS: dict[int, tuple[str, ...]] = {
    0x00: ("sldt", "str", "lldt", "ltr", "verr", "verw", "reserved opcode", "reserved opcode"),
    0x01: ("sgdt", "sidt", "lgdt", "lidt", "smsw", "reserved opcode", "lmsw", "invlpg"),
    0x18: ("prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2", *["multi-byte nop"] * 4),
    0xBA: (*["reserved opcode"] * 4, "bt", "bts", "btr", "btc"),
    0xC7: ("reserved opcode", "cmpxchg8b", "reserved opcode", "xrstors", "xsavec", "xsaves", "vmptrld", "vmptrst"),
    0xAE: ("fxsave", "fxrstor", "ldmxcsr", "stmxcsr", "xsave/xrstor family", "xsave/xrstor family",
           "xsave/xrstor family", "clflush"),
}  # fmt: skip
"""The same in the 0F map, with a memory operand."""

_SYSTEM = {
    0xC0: "enclv", 0xC1: "vmcall", 0xC2: "vmlaunch", 0xC3: "vmresume", 0xC4: "vmxoff", 0xC5: "pconfig", 0xC8: "monitor",
    0xC9: "mwait", 0xCA: "clac", 0xCB: "stac", 0xCF: "encls", 0xD0: "xgetbv", 0xD1: "xsetbv", 0xD4: "vmfunc",
    0xD5: "xend", 0xD6: "xtest", 0xD7: "enclu", 0xD8: "vmrun", 0xD9: "vmmcall", 0xDA: "vmload", 0xDB: "vmsave",
    0xDC: "stgi", 0xDD: "clgi", 0xDE: "skinit", 0xDF: "invlpga", 0xE8: "serialize", 0xEE: "rdpkru", 0xEF: "wrpkru",
    0xF8: "swapgs", 0xF9: "rdtscp", 0xFA: "monitorx", 0xFB: "mwaitx", 0xFC: "clzero", 0xFD: "rdpru",
}  # fmt: skip
"""0F 01 with a register operand: the whole ModRM byte is the opcode."""

_PREFIXED = {
    (0xAE, 4, 0xF3): "ptwrite",
    (0xAE, 6, 0x66): "clwb",
    (0xAE, 6, 0xF3): "clrssbsy, shadow stack",
    (0xAE, 7, 0x66): "clflushopt",
    (0xC7, 6, 0x66): "vmclear",
    (0xC7, 6, 0xF3): "vmxon",
}
"""0F opcode, reg field and prefix, with a memory operand."""

_FENCES = {5: "lfence", 6: "mfence", 7: "sfence"}
_FSGSBASE = ("rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase")


def classify(code: bytes, bits: int) -> str:
    """The class of the instruction at the start of `code`, with its bytes: "popcnt (F3 0F B8)". Never raises.

    `bits` is 16, 32 or 64. The bytes named are those that decide the class, without prefixes that do not.
    """
    at = 0
    repeat = 0
    width16 = False
    rex_w = False
    while at < len(code) and at < 15:
        byte = code[at]
        if byte in _LEGACY_PREFIXES:
            repeat = byte if byte in (0xF2, 0xF3) else repeat
            width16 = width16 or byte == 0x66
            rex_w = False
        elif bits == 64 and byte & 0xF0 == 0x40:
            rex_w = bool(byte & 8)
        else:
            break
        at += 1
    if at == len(code):
        return "no bytes" if not code else f"prefixes only ({_hex(code)})"
    if at == 15:
        return "more than 15 bytes of prefixes"
    rest = code[at:]
    vector = _vector(rest, bits)
    if vector:
        return vector
    if rest[0] == 0x0F:
        return _describe_0f(rest, repeat, width16, rex_w)
    return _describe_one_byte(rest, repeat, bits)


def _hex(code: bytes) -> str:
    return " ".join(f"{byte:02X}" for byte in code)


def _vector(rest: bytes, bits: int) -> str:
    """VEX, EVEX and XOP encodings; "" if none. Outside 64-bit code a memory operand means LES, LDS, BOUND."""
    lead = rest[0]
    if lead == 0x8F and len(rest) > 1 and rest[1] & 0x1F >= 8 and (bits == 64 or rest[1] >= 0xC0):
        return f"XOP (8F, map {rest[1] & 0x1F})"
    if lead not in (0xC4, 0xC5, 0x62) or (bits != 64 and (len(rest) < 2 or rest[1] < 0xC0)):
        return ""
    if lead == 0xC5:
        opcodes, opcode_map = rest[2:3], 1
    elif lead == 0xC4:
        opcodes, opcode_map = rest[3:4], (rest[1] & 0x1F if len(rest) > 1 else 0)
    else:
        opcodes, opcode_map = rest[4:5], (rest[1] & 7 if len(rest) > 1 else 0)
    opcode = f" {opcodes[0]:02X}" if opcodes else ""
    space = {1: "0F", 2: "0F 38", 3: "0F 3A"}.get(opcode_map, f"map {opcode_map}")
    if lead == 0x62:
        return f"AVX-512 (EVEX {space}{opcode})"
    if (opcode_map == 2 and opcodes in (b"\xf2", b"\xf3", b"\xf5", b"\xf6", b"\xf7")) or (
        opcode_map == 3 and opcodes == b"\xf0"
    ):
        return f"BMI (VEX {space}{opcode})"
    if opcode_map == 1 and opcodes and (0x41 <= opcodes[0] <= 0x4B or 0x90 <= opcodes[0] <= 0x99):
        return f"AVX-512 mask (VEX {space}{opcode})"
    return f"AVX (VEX {space}{opcode})"


def _describe_one_byte(rest: bytes, repeat: int, bits: int) -> str:
    opcode = rest[0]
    if bits == 64 and opcode in _NOT_IN_64:
        return f"not an instruction in 64-bit mode ({opcode:02X})"
    if opcode in _GROUPS:
        if len(rest) < 2:
            return f"cut short ({opcode:02X})"
        selector = rest[1] >> 3 & 7
        return f"{_GROUPS[opcode][selector]} ({opcode:02X} /{selector})"
    if opcode == 0x90 and repeat == 0xF3:
        return "pause (F3 90)"
    if opcode == 0xCD and len(rest) > 1:
        return f"int n (CD {rest[1]:02X})"
    if 0xD8 <= opcode <= 0xDF:
        return f"x87 ({_hex(rest[:2])})"
    if opcode == 0x63:
        return f"{'movsxd' if bits == 64 else 'arpl'} (63)"
    name = _ONE_BYTE.get(opcode, "reserved opcode")
    if repeat and (0x6C <= opcode <= 0x6F or opcode in (0xA4, 0xA5, 0xA6, 0xA7) or 0xAA <= opcode <= 0xAF):
        return f"rep {name} ({repeat:02X} {opcode:02X})"
    return f"{name} ({opcode:02X})"


def _describe_0f(rest: bytes, repeat: int, width16: bool, rex_w: bool) -> str:
    if len(rest) < 2:
        return "cut short (0F)"
    opcode = rest[1]
    lead = f"{repeat:02X} " if repeat else ""
    if opcode in (0x38, 0x3A):
        return _describe_0f_maps(rest, repeat, width16)
    modrm = rest[2] if len(rest) > 2 else None
    if opcode in _TWO_BYTE_GROUPS or opcode in (0x71, 0x72, 0x73):
        if modrm is None:
            return f"cut short (0F {opcode:02X})"
        return _describe_0f_group(opcode, modrm, repeat or 0x66 * width16, rex_w)
    if repeat == 0xF3 and opcode in _TWO_BYTE_F3:
        return f"{_TWO_BYTE_F3[opcode]} (F3 0F {opcode:02X})"
    if opcode == 0x1E and repeat == 0xF3 and modrm is not None:
        if modrm in (0xFA, 0xFB):
            return f"{'endbr64' if modrm == 0xFA else 'endbr32'} (F3 0F 1E {modrm:02X})"
        if modrm >= 0xC0 and modrm >> 3 & 7 == 1:
            return "rdssp, shadow stack (F3 0F 1E /1)"
    name = _TWO_BYTE.get(opcode, "reserved opcode")
    shows_lead = lead if name.startswith(("SSE", "MMX")) else ""
    return f"{name} ({shows_lead}0F {opcode:02X})"


def _describe_0f_group(opcode: int, modrm: int, prefix: int, rex_w: bool) -> str:
    """Opcodes with a reg field; `prefix` is F2, F3, 66 or 0."""
    selector = modrm >> 3 & 7
    register = modrm >= 0xC0
    if opcode == 0x01 and register and selector not in (4, 6):
        name = _SYSTEM.get(modrm, "reserved opcode")
        if 0xE8 <= modrm <= 0xEF and prefix:
            name = "shadow stack or user interrupts"
        return f"{name} (0F 01 {modrm:02X})"
    lead = ""
    if opcode in (0x71, 0x72, 0x73):
        name = "MMX or SSE2 shift"
    elif opcode == 0xAE and register:
        if prefix == 0xF3 and selector < 4:
            name, lead = _FSGSBASE[selector], "F3 "
        elif prefix == 0xF3 and selector == 5:
            name, lead = "incssp, shadow stack", "F3 "
        elif prefix and selector == 6:
            name, lead = "umonitor, umwait or tpause", f"{prefix:02X} "
        else:
            name = _FENCES.get(selector, "reserved opcode")
    elif opcode == 0xC7 and register:
        if prefix == 0xF3 and selector == 7:
            name, lead = "rdpid", "F3 "
        else:
            name = {6: "rdrand", 7: "rdseed"}.get(selector, "reserved opcode")
    elif opcode == 0xC7 and selector == 1 and rex_w:
        name = "cmpxchg16b"
    elif (opcode, selector, prefix) in _PREFIXED:
        name, lead = _PREFIXED[opcode, selector, prefix], f"{prefix:02X} "
    else:
        name = _TWO_BYTE_GROUPS[opcode][selector]
    return f"{name} ({lead}0F {opcode:02X} /{selector})"


def _describe_0f_maps(rest: bytes, repeat: int, width16: bool) -> str:
    space = f"0F {rest[1]:02X}"
    if len(rest) < 3:
        return f"cut short ({space})"
    opcode = rest[2]
    name = "SSSE3, SSE4 or later vector instruction"
    if rest[1] == 0x38:
        if opcode in (0xF0, 0xF1):
            name = "crc32" if repeat == 0xF2 else "movbe"
        elif opcode == 0xF6 and (repeat == 0xF3 or width16):
            name = "adox" if repeat == 0xF3 else "adcx"
        elif 0xC8 <= opcode <= 0xCD:
            name = "SHA"
        elif 0xDB <= opcode <= 0xDF:
            name = "AES"
        elif opcode in (0x80, 0x81, 0x82):
            name = ("invept", "invvpid", "invpcid")[opcode - 0x80]
    elif opcode == 0x44:
        name = "pclmulqdq"
    elif opcode == 0xCC:
        name = "SHA"
    elif opcode == 0xDF:
        name = "AES"
    lead = f"{repeat:02X} " if repeat else ""
    return f"{name} ({lead}{space} {opcode:02X})"


def disassemble(code: bytes, rip: int, bits: int) -> list[tuple[int, str, str]]:
    """The instructions in `code`, which stands at `rip`: (address, bytes in hex, text). Empty without iced-x86.

    What does not decode has the text "(bad)". A last instruction that is cut short is left out.
    """
    try:
        import iced_x86
    except ImportError:
        return []
    decoder = iced_x86.Decoder(bits, code, ip=rip & 0xFFFF_FFFF_FFFF_FFFF)
    formatter = iced_x86.Formatter(iced_x86.FormatterSyntax.INTEL)
    lines = []
    while decoder.can_decode:
        start = decoder.position
        instruction = decoder.decode()
        if decoder.last_error == iced_x86.DecoderError.NO_MORE_BYTES:
            break
        raw = code[start : decoder.position]
        lines.append((instruction.ip, _hex(raw), formatter.format(instruction) if instruction else "(bad)"))
    return lines


def describe(code: bytes, bits: int) -> str:
    """The first instruction of `code` with its bytes: exact text if iced-x86 is installed, else its class."""
    lines = disassemble(code[:15], 0, bits)
    if lines and lines[0][2] != "(bad)":
        _address, raw, text = lines[0]
        return f"{text} ({raw})"
    return classify(code, bits)
