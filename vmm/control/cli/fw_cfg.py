"""The words of --fw-cfg: a file's name in fw_cfg and where its content comes from.

NAME=PATH takes a file of the host, NAME=string:TEXT the text, NAME=number:N eight bytes, little endian. QEMU's own
spelling is understood too: name=NAME,file=PATH and name=NAME,string=TEXT.
"""

from __future__ import annotations

from .options import number

LARGEST = 64 << 20
"""Bytes of one file."""


def file_of(text: str) -> tuple[str, bytes]:
    """(name, content). ValueError, with words, for what gives neither."""
    name, equals, source = text.partition("=")
    if name == "name" and "," in source:
        name, _, source = source.partition(",")
        kind, equals, source = source.partition("=")
        if kind not in ("file", "string"):
            raise ValueError(f"{text!r}: after the name comes file=PATH or string=TEXT")
        source = f"string:{source}" if kind == "string" else source
    if not name or not equals:
        raise ValueError(f"{text!r} gives no name and content: write it as NAME=FILE or NAME=string:TEXT")
    if source.startswith("string:"):
        return name, source[7:].encode("utf-8", "surrogateescape")
    if source.startswith("number:"):
        value = number(source[7:])
        if not 0 <= value < 1 << 64:
            raise ValueError(f"{value} has no place in eight bytes")
        return name, value.to_bytes(8, "little")
    return name, _content(source)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise ValueError(f"{path} is larger than the {LARGEST >> 20} MiB that a file here may have")
    return content
