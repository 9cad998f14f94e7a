"""The frame of a saved machine's file: one line that says what it is and seals the rest, then JSON a member a line.

    vmm-snapshot 1 sha256=<64 hexadecimal digits> bytes=<length>
    {
    "id": ...

The line is read before anything is believed: another format, another version, a file that was cut or altered is refused
with words for just that.
"""

from __future__ import annotations

import sys

from ...errors import SnapshotError
from . import json_text

# Not hashlib, which loads OpenSSL: a tenth of what brings a machine back
if sys.version_info >= (3, 12):
    from _sha2 import sha256
else:
    from _sha256 import sha256  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
LONGEST_LINE = 200
MOST = 1 << 30
"""Bytes of a file: four drives kept in memory fit in."""


def seal(kind: str, document: dict[str, Any]) -> bytes:
    """The file's bytes; `kind` is "vmm-snapshot" or the like."""
    import json  # not where a machine is only brought back

    members = (f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in document.items())
    body = ("{\n" + ",\n".join(members) + "\n}\n").encode()
    return f"{kind} {VERSION} sha256={sha256(body).hexdigest()} bytes={len(body)}\n".encode() + body


def unseal(kind: str, content: bytes, what: str) -> dict[str, Any]:
    """The document. SnapshotError, with `what` for the file's name, for what is none, or not whole."""
    line, newline, body = content.partition(b"\n")
    words = line[:LONGEST_LINE].decode("ascii", "replace").split(" ")
    if words[0] != kind:
        raise SnapshotError(f"{what} does not begin like a saved machine ({kind})")
    if not newline or len(words) != 4 or not words[1].isdecimal() or not words[3].startswith("bytes="):
        raise SnapshotError(f"{what}: its first line is damaged")
    if words[1] != str(VERSION):
        age = "a newer" if len(words[1]) > 9 or int(words[1]) > VERSION else "an older"
        raise SnapshotError(f"{what} was written by {age} vmm: its version is {words[1]}, this one reads {VERSION}")
    length = words[3].removeprefix("bytes=")
    if len(length) < 12 and length.isdecimal() and len(body) < int(length):
        raise SnapshotError(f"{what} was cut: {len(body)} of its {length} bytes are there")
    if str(len(body)) != length or words[2] != f"sha256={sha256(body).hexdigest()}":
        raise SnapshotError(f"{what} was altered: its checksum is another")
    try:
        document = json_text.read(body)
    except (ValueError, RecursionError):
        raise SnapshotError(f"{what} has a right checksum over what is no JSON") from None
    if not isinstance(document, dict):
        raise SnapshotError(f"{what} has no members")
    return document
