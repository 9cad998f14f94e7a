"""What a user writes of a network: "user[,forward=8080:80]" or "tap=NAME[,queues=N]", with ",mac=" or ",seed="."""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..records import Record
from . import limit_options
from .limit_options import Limits

MOST_QUEUES = 8
LONGEST_TAP = 15
KINDS = ("user", "tap", "none")
WORDS = ("forward", "mac", "queues", "seed", *limit_options.WORDS)
FORM = "user[,forward=[ADDRESS/]PORT[:GUEST][/udp]] or tap=NAME[,queues=N], with ,mac=ADDRESS or ,seed=TEXT"


class NetOptions(Record):
    """The parts."""

    kind: str
    """One of KINDS."""
    tap: str = ""
    queues: int = 1
    mac: bytes = b""
    """6 bytes; b"" for one derived from `seed`."""
    seed: str = ""
    tcp: tuple[str, ...] = ()
    """Ports of the host's that lead to the guest, in passt's words: "[ADDRESS/]PORT[:GUEST]"."""
    udp: tuple[str, ...] = ()
    limits: Limits = Limits()


def parse_net(text: str, field: str = "net") -> NetOptions:
    """ConfigError, with `field`, for a value that cannot be."""
    kind, *words = text.split(",")
    kind, _, tap = kind.partition("=")
    if kind not in KINDS or (kind == "tap") != bool(tap):
        raise ConfigError.of(field, f"{text!r} is not {FORM}")
    if len(tap) > LONGEST_TAP or "/" in tap or not tap.isascii() or any(map(str.isspace, tap)) or tap in (".", ".."):
        raise ConfigError.of(field, f"{tap!r} is no tap's name: {LONGEST_TAP} characters at most, no space, no slash")
    found: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in WORDS or not value or (name == "forward" and kind != "user"):
            raise ConfigError.of(field, f"{word!r} is none of {FORM}{nearest(name, WORDS)}")
        found.setdefault(name, []).append(value)
        if name != "forward" and len(found[name]) > 1:
            raise ConfigError.of(field, f"{name} is given twice")
    queues = found.get("queues", ["1"])[0]
    if not queues.isdecimal() or not 1 <= int(queues) <= (1 if kind == "user" else MOST_QUEUES):
        raise ConfigError.of(field, f"a tap has 1 to {MOST_QUEUES} queues, user networking has one, not {queues!r}")
    forwards = [_forward(value, field) for value in found.get("forward", [])]
    return NetOptions(
        kind=kind, tap=tap, queues=int(queues), mac=_mac(found.get("mac", [""])[0], field),
        seed=found.get("seed", [""])[0], tcp=tuple(ports for ports, is_udp in forwards if not is_udp),
        udp=tuple(ports for ports, is_udp in forwards if is_udp),
        limits=limit_options.parse_limits({name: values[0] for name, values in found.items()}, field),
    )  # fmt: skip


def without_network(text: str) -> str:
    """The same card with a cable that leads nowhere."""
    _, *words = text.split(",")
    return ",".join(["none", *(word for word in words if not word.startswith("forward="))])


def derived_mac(seed: str) -> bytes:
    """A unicast address of those that anybody may give, always the same for a seed."""
    from hashlib import sha256

    digest = sha256(seed.encode()).digest()
    return bytes((digest[0] & 0xFC | 2,)) + digest[1:6]


def _mac(text: str, field: str) -> bytes:
    if not text:
        return b""
    parts = text.split(":")
    try:
        mac = bytes(int(part, 16) for part in parts)
    except ValueError:
        mac = b""
    if len(mac) != 6 or any(len(part) != 2 for part in parts) or mac[0] & 1 or not any(mac):
        raise ConfigError.of(field, f"a MAC address is such as 52:54:00:12:34:56, the first byte even, not {text!r}")
    return mac


def _forward(text: str, field: str) -> tuple[str, bool]:
    """(in passt's words, whether it is UDP)."""
    ports, is_udp = text.removesuffix("/udp"), text.endswith("/udp")
    address, slash, numbers = ports.rpartition("/")
    for number in numbers.split(":"):
        if not number.isdecimal() or not 0 < int(number) < 1 << 16:
            raise ConfigError.of(field, f"a forward is [ADDRESS/]PORT[:GUEST][/udp], not {text!r}")
    if numbers.count(":") > 1 or (slash and not address):
        raise ConfigError.of(field, f"a forward is [ADDRESS/]PORT[:GUEST][/udp], not {text!r}")
    return ports, is_udp
