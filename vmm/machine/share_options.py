"""What a user writes of a shared directory, "DIR[:TAG][,ro]"."""

from __future__ import annotations

from ..errors import ConfigError
from ..records import Record

SHARE_FORM = "DIR[:TAG][,ro]"
LONGEST_TAG = 63


class ShareOptions(Record):
    """The parts."""

    path: str
    tag: str = ""
    """As which the guest mounts it; "" for "share" and, from the second share on, its number."""
    is_read_only: bool = False


def parse_share(text: str, field: str = "share") -> ShareOptions:
    """ConfigError, with `field`, for a value that cannot be. What follows the last colon is the tag, unless it has a
    slash."""
    path, comma, word = text.rpartition(",")
    is_read_only = bool(comma) and word == "ro"
    if not is_read_only:
        path = text
    where, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        where, tag = path, ""
    if not where or "\0" in where or (colon and where != path and not tag):
        raise ConfigError.of(field, f"{text!r} is not {SHARE_FORM}")
    if len(tag.encode()) > LONGEST_TAG:
        raise ConfigError.of(field, f"the tag {tag!r} is longer than {LONGEST_TAG} bytes")
    return ShareOptions(path=where, tag=tag, is_read_only=is_read_only)


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
