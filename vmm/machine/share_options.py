"""What a user writes of a shared directory, "DIR[:TAG][,ro][,virtiofs]"."""

from __future__ import annotations

from ..errors import ConfigError
from ..records import Record

SHARE_FORM = "DIR[:TAG][,ro][,virtiofs]"
READ_ONLY, VIRTIOFS = "ro", "virtiofs"
LONGEST_TAG, LONGEST_VIRTIOFS_TAG = 63, 36


class ShareOptions(Record):
    """The parts."""

    path: str
    tag: str = ""
    """As which the guest mounts it; "" for "share" and, from the second share on, its number."""
    is_read_only: bool = False
    is_virtiofs: bool = False
    """Served by virtiofsd; else by 9P."""


def parse_share(text: str, field: str = "share") -> ShareOptions:
    """ConfigError, with `field`, for a value that cannot be. What follows the last colon is the tag, unless it has a
    slash."""
    path, words = text, set()
    while path.endswith((f",{READ_ONLY}", f",{VIRTIOFS}")):
        path, _, word = path.rpartition(",")
        words.add(word)
    where, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        where, tag = path, ""
    if not where or "\0" in where or (colon and where != path and not tag):
        raise ConfigError.of(field, f"{text!r} is not {SHARE_FORM}")
    longest = LONGEST_VIRTIOFS_TAG if VIRTIOFS in words else LONGEST_TAG
    if len(tag.encode()) > longest:
        raise ConfigError.of(field, f"the tag {tag!r} is longer than {longest} bytes")
    return ShareOptions(path=where, tag=tag, is_read_only=READ_ONLY in words, is_virtiofs=VIRTIOFS in words)


def is_virtiofs(share: object) -> bool:
    """Whether an engine outside serves it."""
    return isinstance(share, str) and share.endswith((f",{VIRTIOFS}", f",{VIRTIOFS},{READ_ONLY}"))


def tag_of(options: ShareOptions, index: int) -> str:
    """The tag of share number `index`."""
    return options.tag or (f"share{index}" if index else "share")


def breaches(shares: object) -> list[tuple[str, str]]:
    """(field, what is wrong) of each that cannot be."""
    if not isinstance(shares, tuple):
        return [("shares", f"a tuple is needed, not {shares!r}")]
    found: list[tuple[str, str]] = []
    tags: set[str] = set()
    for index, share in enumerate(shares):
        field = f"shares[{index}]"
        if not isinstance(share, str):
            found.append((field, f'"{SHARE_FORM}", not {share!r}'))
            continue
        try:
            tag = tag_of(parse_share(share, field), index)
        except ConfigError as error:
            found += error.breaches
            continue
        if tag in tags:
            found.append((field, f"there is a share {tag} already"))
        tags.add(tag)
    return found
