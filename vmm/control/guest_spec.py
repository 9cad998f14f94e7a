"""What a guest's expect.toml says: the machine it needs and how its run must end. guests/README.md describes the file.

Reads and checks the text; builds nothing and runs nothing.
"""

from __future__ import annotations

from ..errors import ConfigError, nearest
from ..machine.config import MachineConfig
from ..machine.outcome import EXIT_CODES
from ..machine.validate import validate
from ..observe.location import parse_location
from ..records import Record
from ..units import MiB, parse_duration, parse_size
from .guest_drives import GuestDrives, read_drives

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REFUSED = "refused"
"""Kind of an outcome, besides those of a run: the host cannot give the guest its machine (a HostError)."""

HOST_KINDS = ("pvm", "svm", "vmx")
"""The kinds of host that a guest's expectation may differ by; "hardware" stands for svm and vmx."""

DEFAULT_MEMORY = 2 * MiB
DEFAULT_DEADLINE = "5s"

MACHINE_KEYS = (
    "mode", "format", "load", "entry", "stack", "unreal", "user", "memory", "vcpus", "cpu", "irqchip", "strict",
    "test_devices", "display", "pc_testdev", "command_line", "modules", "virtio", "disks", "rng", "balloon", "vsock",
)  # fmt: skip
"""The fields of MachineConfig that [machine] may give."""

FORMATS = ("flat", "elf", "multiboot", "multiboot2", "bzimage")
SERIAL_PORTS = ("com1", "com2", "com3", "com4")
REGISTERS = (
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "rflags",
)  # fmt: skip
_SECTIONS = ("outcome", "serial", "debug_console", "screen", "registers", "memory", "exits")


class Expectation(Record):
    """How a run must end. What is left at its default is not looked at."""

    outcome_kind: str = ""
    """One of vmm.machine.outcome.EXIT_CODES, or REFUSED."""
    outcome_value: int | None = None
    outcome_words: str = ""
    """Text that must occur in the outcome's words."""
    serial: tuple[tuple[str, bytes], ...] = ()
    """(port such as "com1", everything it sent)."""
    serial_patterns: tuple[tuple[str, str], ...] = ()
    """(port, regular expression that matches everything it sent)."""
    debug_console: bytes | None = None
    screen_contains: tuple[str, ...] = ()
    """Texts that must be on the text screen at the end, each within one or more of its lines."""
    screen_lines: tuple[tuple[int, str], ...] = ()
    """(row from 0, all that is on it, but for blanks at its end)."""
    screen_cursor: tuple[int, int] | None = None
    """(row, column) of the cursor."""
    registers: tuple[tuple[str, int], ...] = ()
    """(register of vCPU 0, value at the end)."""
    memory: tuple[tuple[int, bytes], ...] = ()
    """(guest physical address, bytes at the end)."""
    exits: tuple[tuple[str, int, int | None], ...] = ()
    """(location as in vmm.observe.location, fewest exits, most exits or None for no limit)."""
    why: str = ""
    """Why this differs from the expectation on other hosts; "" for the general one."""


class GuestSpec(Record):
    """One guest of the set, described."""

    name: str
    summary: str
    """One line: what it shows and why it traps."""
    folder: str
    """Where its source and expect.toml are."""
    machine: MachineConfig
    """All but the image, which `build` makes: machine.replace(image=...)."""
    drives: GuestDrives = GuestDrives()
    """Where the guest's image is, if it is a disk."""
    input: str = ""
    """What comes in on COM1."""
    keys: str = ""
    """What is typed on the keyboard."""
    deadline: int
    """Nanoseconds after which the run ends at the latest."""
    build: str = "elf"
    """Of what kind its image is: "elf" or "flat", which the loader's name says, unless it takes both."""
    expected: Expectation
    """On hosts that `differs` does not name."""
    differs: tuple[tuple[str, Expectation], ...] = ()
    """(kind of host, expectation there)."""

    def expectation(self, host_kind: str) -> Expectation:
        """What to expect on a host of this kind ("pvm", "svm", "vmx"); any other word gets the general one."""
        return dict(self.differs).get(host_kind, self.expected)


def parse_spec(text: str, name: str, summary: str, folder: str) -> GuestSpec:
    """The guest that the text of an expect.toml describes. ConfigError with every breach found."""
    from tomllib import TOMLDecodeError, loads

    try:
        document = loads(text)
    except TOMLDecodeError as error:
        raise ConfigError.of(f"{name}/expect.toml", str(error)) from error
    reader = Reader()
    tables = {key: reader.table(document, key) for key in ("machine", "drives", *_SECTIONS, "on")}
    reader.only(document, "", (*tables, "input", "keys", "deadline", "build"))
    drives = read_drives(reader, tables["drives"])
    machine = _machine(reader, tables["machine"], folder, bool(drives))
    build = reader.value(document, "build", str, "flat" if drives or machine.format in ("flat", "bzimage") else "elf")
    if build not in ("elf", "flat") or (machine.format in ("elf", "flat") and build != machine.format):
        reader.breach("build", f"{build!r} does not go with format {machine.format}: elf or flat, for multiboot images")
    deadline = _converted(reader, document, "deadline", DEFAULT_DEADLINE, parse_duration)
    general = Expectation(**_sections(reader, tables, ""))
    if not general.outcome_kind:
        reader.breach("outcome.kind", "is needed")
    differs = _differs(reader, tables["on"], general)
    if reader.breaches:
        raise ConfigError([(f"{name}/expect.toml: {path}", fault) for path, fault in reader.breaches])
    return GuestSpec(
        name=name,
        summary=summary,
        folder=folder,
        machine=machine,
        drives=drives,
        input=reader.value(document, "input", str, ""),
        keys=reader.value(document, "keys", str, ""),
        build=build,
        deadline=deadline,
        expected=general,
        differs=differs,
    )


class Reader:
    """Takes values out of tables and collects what is wrong with them."""

    def __init__(self) -> None:
        self.breaches: list[tuple[str, str]] = []

    def breach(self, path: str, fault: str) -> None:
        self.breaches.append((path, fault))

    def only(self, table: dict[str, Any], path: str, known: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                self.breach(f"{path}{key}", f"is not known here{nearest(key, known)}")

    def table(self, document: dict[str, Any], key: str, path: str = "") -> dict[str, Any]:
        value = document.get(key, {})
        if isinstance(value, dict):
            return value
        self.breach(f"{path}{key}", "must be a table")
        return {}

    def value(self, table: dict[str, Any], path: str, wanted: type, default: Any) -> Any:
        value = table.get(path.rpartition(".")[2], default)
        if value is not default and type(value) is not wanted:
            self.breach(path, f"must be {wanted.__name__}, not {value!r}")
            return default
        return value


def _converted(reader: Reader, table: dict[str, Any], path: str, default: str, convert: Any) -> int:
    text = reader.value(table, path, str, default)
    try:
        return int(convert(text))
    except ValueError as error:
        reader.breach(path, str(error))
        return int(convert(default))


def _machine(reader: Reader, table: dict[str, Any], folder: str, is_disk: bool) -> MachineConfig:
    reader.only(table, "machine.", MACHINE_KEYS)
    fields: dict[str, Any] = {"memory": DEFAULT_MEMORY}
    for key in MACHINE_KEYS:
        if key not in table:
            continue
        if key == "memory":
            fields[key] = _converted(reader, table, "machine.memory", str(DEFAULT_MEMORY), parse_size)
            continue
        if key == "modules":
            fields[key] = _modules(reader, table[key], folder)
            continue
        if key == "disks":
            fields[key] = _disks(reader, table[key])
            continue
        default = getattr(MachineConfig, key)
        wanted = type(default) if default is not None else str if key in ("mode", "format") else int
        fields[key] = reader.value(table, f"machine.{key}", wanted, default)
    config = MachineConfig(**fields)
    if config.mode is None and not (is_disk or config.is_kernel):
        reader.breach("machine.mode", "is needed")
    if config.format not in FORMATS and not is_disk:
        reader.breach("machine.format", f"must be one of {', '.join(FORMATS)}")
    if config.format != "flat" and config.load is not None:
        reader.breach("machine.load", "is for flat images; an ELF file is linked for its address")
    try:
        validate(config.replace(**({"hda": "image"} if is_disk else {"image": "image"})))
    except ConfigError as error:
        reader.breaches += [(f"machine.{path}", fault) for path, fault in error.breaches]
    return config


def _modules(reader: Reader, value: object, folder: str) -> tuple[str, ...]:
    """Files of the guest's folder with their arguments, by their whole paths."""
    from os.path import isfile, join

    if not isinstance(value, list) or not all(isinstance(words, str) for words in value):
        reader.breach("machine.modules", 'must be a list such as ["file.txt with words"]')
        return ()
    for words in value:
        if folder and not isfile(join(folder, words.split(" ")[0])):
            reader.breach("machine.modules", f"there is no {words.split(' ')[0]} beside expect.toml")
    return tuple(join(folder, words) for words in value)


def _disks(reader: Reader, value: object) -> tuple[bytes, ...]:
    """Empty disks of the sizes in a list."""
    if not isinstance(value, list) or not all(isinstance(size, str) for size in value):
        reader.breach("machine.disks", 'must be a list of sizes such as ["64K"]')
        return ()
    return tuple(bytes(_converted(reader, {"disks": size}, "machine.disks", "64K", parse_size)) for size in value)


def _sections(reader: Reader, tables: dict[str, dict[str, Any]], path: str) -> dict[str, Any]:
    """The fields of an Expectation that the sections in `tables` give."""
    fields: dict[str, Any] = {}
    for section, read in (
        ("outcome", _outcome),
        ("serial", _serial),
        ("debug_console", _debug_console),
        ("screen", _screen),
        ("registers", _registers),
        ("memory", _memory),
        ("exits", _exits),
    ):
        if section in tables:
            fields.update(read(reader, tables[section], f"{path}{section}."))
    return fields


def _differs(reader: Reader, table: dict[str, Any], general: Expectation) -> tuple[tuple[str, Expectation], ...]:
    """The expectation on each kind of host that has one of its own: a section there replaces the general one."""
    reader.only(table, "on.", ("hardware", *HOST_KINDS))
    found: dict[str, Expectation] = {}
    for kind, hosts in (("hardware", ("svm", "vmx")), *((kind, (kind,)) for kind in HOST_KINDS)):
        path = f"on.{kind}."
        changes = reader.table(table, kind, "on.")
        if kind not in table:
            continue
        reader.only(changes, path, ("why", *_SECTIONS))
        fields = _sections(reader, {key: reader.table(changes, key, path) for key in changes if key != "why"}, path)
        fields["why"] = reader.value(changes, f"{path}why", str, "")
        if not fields["why"]:
            reader.breach(f"{path}why", "is needed: say what differs on such hosts")
        for host in hosts:
            found[host] = found.get(host, general).replace(**fields)
    return tuple(found.items())


def _outcome(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    reader.only(table, path, ("kind", "value", "words"))
    kind = reader.value(table, f"{path}kind", str, "")
    if kind and kind not in (*EXIT_CODES, REFUSED):
        reader.breach(f"{path}kind", f"{kind!r} is no outcome{nearest(kind, EXIT_CODES)}")
    value = reader.value(table, f"{path}value", int, None)
    return {"outcome_kind": kind, "outcome_value": value, "outcome_words": reader.value(table, f"{path}words", str, "")}


def _serial(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    import re

    reader.only(table, path, (*SERIAL_PORTS, *(f"{port}_matches" for port in SERIAL_PORTS)))
    texts, patterns = [], []
    for port in SERIAL_PORTS:
        text = reader.value(table, f"{path}{port}", str, None)
        if text is not None:
            texts.append((port, text.encode()))
        pattern = reader.value(table, f"{path}{port}_matches", str, None)
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                reader.breach(f"{path}{port}_matches", f"is no regular expression: {error}")
            patterns.append((port, pattern))
    return {"serial": tuple(texts), "serial_patterns": tuple(patterns)}


def _debug_console(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    reader.only(table, path, ("text",))
    text = reader.value(table, f"{path}text", str, None)
    return {"debug_console": None if text is None else text.encode()}


def _screen(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    rows = {key: int(key[5:]) for key in table if key.startswith("line_") and key[5:].isdecimal()}
    reader.only(table, path, ("contains", "cursor", *rows))
    contains = reader.value(table, f"{path}contains", list, [])
    if not all(isinstance(text, str) and text for text in contains):
        reader.breach(f"{path}contains", "must be a list of texts")
    cursor = reader.value(table, f"{path}cursor", list, None)
    if cursor is not None and not (len(cursor) == 2 and all(type(number) is int for number in cursor)):
        reader.breach(f"{path}cursor", "must be [row, column], both from 0")
    return {
        "screen_contains": tuple(contains),
        "screen_lines": tuple(
            (row, reader.value(table, f"{path}{key}", str, "").rstrip()) for key, row in rows.items()
        ),
        "screen_cursor": None if cursor is None else tuple(cursor),
    }


def _registers(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    reader.only(table, path, REGISTERS)
    found = [(name, reader.value(table, f"{path}{name}", int, 0)) for name in table if name in REGISTERS]
    return {"registers": tuple(found)}


def _memory(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    found = []
    for key, value in table.items():
        try:
            found.append((int(key, 0), bytes.fromhex(value)))
        except (ValueError, TypeError):
            reader.breach(f"{path}{key}", 'must be an address and bytes in hex, such as "0x8000" = "de ad"')
    return {"memory": tuple(found)}


def _exits(reader: Reader, table: dict[str, Any], path: str) -> dict[str, Any]:
    found = []
    for location, value in table.items():
        try:
            parse_location(location)
        except ConfigError as error:
            reader.breach(f"{path}{location}", str(error))
        bounds = _bounds(value)
        if bounds is None:
            reader.breach(f"{path}{location}", f'must be a number, ">= 1", "<= 9" or "1..9", not {value!r}')
        else:
            found.append((location, *bounds))
    return {"exits": tuple(found)}


def _bounds(value: object) -> tuple[int, int | None] | None:
    """(fewest, most) for 13, ">= 10", "<= 10" and "10..20"; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value
    if not isinstance(value, str):
        return None
    try:
        if value.startswith(">="):
            return int(value[2:]), None
        if value.startswith("<="):
            return 0, int(value[2:])
        low, dots, high = value.partition("..")
        return (int(low), int(high)) if dots else None
    except ValueError:
        return None
