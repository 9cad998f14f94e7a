"""AML, the byte code of ACPI's namespace: one function an object, bytes out, as far as static descriptions need it.

Names are dotted paths as ASL writes them, such as "\\_SB.COM1". Resource templates stand in resources.py.
Not modelled: expressions, control flow, fields and regions; a method is made of what it is given.
Source: ACPI specification 6.4, section 20.2 (AML grammar); section 19.3.4 (compressed EISA ids).
"""

from __future__ import annotations

_ZERO, _ONE, _NAME, _BYTE, _WORD, _DWORD, _STRING, _QWORD = 0x00, 0x01, 0x08, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E
_SCOPE, _BUFFER, _PACKAGE, _METHOD, _DUAL_NAME, _MULTI_NAME = 0x10, 0x11, 0x12, 0x14, 0x2E, 0x2F
_EXTENDED, _DEVICE = 0x5B, 0x82
_NOTIFY = 0x86
_ROOT, _PARENT = "\\", "^"


def name(path: str) -> bytes:
    """NameString: segments are padded with underscores to four characters. ValueError for what is no name."""
    rest = path.lstrip(_ROOT + _PARENT)
    prefix = path[: len(path) - len(rest)]
    if prefix not in ("", _ROOT) and set(prefix) != {_PARENT}:
        raise ValueError(f"{path!r} is no AML name: it starts with one root or with parents")
    segments = rest.split(".") if rest else []
    for segment in segments:
        valid = 1 <= len(segment) <= 4 and not segment[0].isdigit()
        if not valid or not all(letter == "_" or (letter.isascii() and letter.isalnum()) for letter in segment):
            raise ValueError(f"{path!r} is no AML name: {segment!r} has not 1 to 4 letters, digits and underscores")
        if segment != segment.upper():
            raise ValueError(f"{path!r} is no AML name: letters are capitals")
    content = b"".join(segment.ljust(4, "_").encode("ascii") for segment in segments)
    if not segments:
        return prefix.encode("ascii") + b"\0"
    if len(segments) == 1:
        return prefix.encode("ascii") + content
    many = bytes((_DUAL_NAME,)) if len(segments) == 2 else bytes((_MULTI_NAME, len(segments)))
    return prefix.encode("ascii") + many + content


def package_length(size: int) -> bytes:
    """PkgLength for `size` bytes that follow it; it counts its own bytes as well. ValueError from 2^28 on."""
    if size + 1 < 1 << 6:
        return bytes((size + 1,))
    for more in (1, 2, 3):
        total = size + 1 + more
        if total < 1 << 4 + 8 * more:
            return bytes((more << 6 | total & 0xF,)) + (total >> 4).to_bytes(more, "little")
    raise ValueError(f"{size} bytes are more than a package can hold")


def integer(value: int) -> bytes:
    """The shortest constant for 0 <= value < 2^64."""
    if value in (0, 1):
        return bytes((_ONE if value else _ZERO,))
    for opcode, size in ((_BYTE, 1), (_WORD, 2), (_DWORD, 4)):
        if value < 1 << 8 * size:
            return bytes((opcode,)) + value.to_bytes(size, "little")
    return bytes((_QWORD,)) + value.to_bytes(8, "little")


def string(text: str) -> bytes:
    """ASCII without NUL."""
    if "\0" in text:
        raise ValueError(f"{text!r}: a string ends at its first NUL")
    return bytes((_STRING,)) + text.encode("ascii") + b"\0"


def buffer(content: bytes) -> bytes:
    """A buffer that holds `content`."""
    return _sized(bytes((_BUFFER,)), integer(len(content)) + content)


def package(*elements: bytes) -> bytes:
    """A package of up to 255 elements, each an object's bytes."""
    return _sized(bytes((_PACKAGE,)), bytes((len(elements),)) + b"".join(elements))


def eisa_id(identity: str) -> bytes:
    """The integer for an id such as "PNP0501": three letters of five bits, then four hexadecimal digits."""
    letters, digits = identity[:3], identity[3:]
    if len(identity) != 7 or not (letters.isascii() and letters.isalpha() and letters.isupper()):
        raise ValueError(f"{identity!r} is no EISA id: three capitals and four hexadecimal digits")
    number = int(digits, 16)
    for place, letter in enumerate(letters):
        number |= (ord(letter) - 0x40) << 26 - 5 * place
    return integer(int.from_bytes(number.to_bytes(4, "big"), "little"))


def named(path: str, value: bytes) -> bytes:
    """Name (path, value)."""
    return bytes((_NAME,)) + name(path) + value


def scope(path: str, *content: bytes) -> bytes:
    """Scope (path) { content }."""
    return _sized(bytes((_SCOPE,)), name(path) + b"".join(content))


def device(path: str, *content: bytes) -> bytes:
    """Device (path) { content }."""
    return _sized(bytes((_EXTENDED, _DEVICE)), name(path) + b"".join(content))


def method(path: str, arguments: int, *content: bytes) -> bytes:
    """Method (path, arguments, Serialized) { content }, at synchronisation level 0."""
    return _sized(bytes((_METHOD,)), name(path) + bytes((arguments | 0x08,)) + b"".join(content))


def notify(path: str, value: int) -> bytes:
    """Notify (path, value), in a method."""
    return bytes((_NOTIFY,)) + name(path) + integer(value)


def _sized(opcode: bytes, content: bytes) -> bytes:
    return opcode + package_length(len(content)) + content
