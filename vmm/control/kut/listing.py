"""unittests.cfg: which tests there are, and what each needs. Reads and filters; runs nothing.

Values may be written over several lines between triple double quotes. Known keys: file, smp, test_args, qemu_params
(extra_params in older files), groups, accel, timeout, check, arch, machine; `disabled_if` is a shell expression and is
not evaluated. Source: the documentation of kvm-unit-tests, docs/unittests.txt.
"""

from __future__ import annotations

import os
import shlex

from ...errors import ConfigError, nearest
from ...records import Record
from ...units import SECOND, parse_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = (
    "file", "smp", "test_args", "qemu_params", "extra_params", "groups", "accel", "timeout", "check", "arch",
    "machine", "disabled_if",
)  # fmt: skip
ARCHITECTURE = "x86_64"
ACCELERATOR = "kvm"
TIMEOUT = 90.0
"""Seconds for a test that names no time of its own."""
NOW = "`date +%s`"
"""The one shell command that is understood, in a test's arguments: started_at() puts its answer in."""
NOT_BY_DEFAULT = "nodefault"
"""The group of tests that run only when asked for."""


class Entry(Record):
    """One test of the list."""

    name: str
    file: str
    smp: int = 1
    append: str = ""
    """The test's arguments."""
    words: tuple[str, ...] = ()
    """Options for QEMU."""
    groups: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    """Seconds; 0 for no limit."""
    accel: str = ""
    arch: str = ""
    machine: str = ""
    checks: tuple[tuple[str, str], ...] = ()
    """(file, what it must hold)."""
    unreadable: str = ""
    """Why this test cannot be run from here; "" if it can."""


def read(path: str) -> list[Entry]:
    """The tests of the file at `path`. ConfigError with the line that has a fault."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError.of("--config", f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    return parse(text, path)


def parse(text: str, path: str) -> list[Entry]:
    """As read(), from the text itself."""
    sections: list[tuple[str, int, dict[str, str]]] = []
    for number, line in _lines(text):
        if line.startswith("["):
            name = line[1:].partition("]")[0].strip()
            if "]" not in line or not name:
                raise ConfigError.of(f"{path}:{number}", f"{line!r} is no heading: write [name]")
            if any(name == known for known, _, _ in sections):
                raise ConfigError.of(f"{path}:{number}", f"there is another test called {name}")
            sections.append((name, number, {}))
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not sections:
            raise ConfigError.of(f"{path}:{number}", f"{line!r} is neither a heading nor a key with a value")
        if key not in KEYS:
            raise ConfigError.of(f"{path}:{number}", f"{key!r} is not known here{nearest(key, KEYS)}")
        sections[-1][2][key] = value
    return [_entry(name, values, f"{path}:{number}") for name, number, values in sections]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) without comments and blank lines; a value in triple quotes is one line."""
    held, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if held:
            held += " " + line.strip()
        elif line.strip() and not line.lstrip().startswith("#"):
            held, began = line.strip(), number
        if held and held.count('"""') != 1:
            yield began, held.replace('"""', "")
            held = ""
    if held:
        yield began, held


def _entry(name: str, values: dict[str, str], where: str) -> Entry:
    if not values.get("file"):
        raise ConfigError.of(where, f"[{name}] names no file")
    try:
        timeout = parse_duration(values.get("timeout") or f"{TIMEOUT}") / SECOND
        smp = int(values.get("smp") or 1)
    except ValueError as error:
        raise ConfigError.of(where, f"[{name}] {error}") from None
    unreadable = f"disabled_if is a shell expression: {values['disabled_if']}" if values.get("disabled_if") else ""
    split = {}
    for key in ("test_args", "qemu_params", "extra_params"):
        given = values.get(key, "")
        if "`" in given.replace(NOW, "") or "$(" in given:
            unreadable = f"{key} has a shell command: {given}"
            given = ""
        try:
            split[key] = shlex.split(given)
        except ValueError as error:
            raise ConfigError.of(where, f"[{name}] {key}: {error}") from None
    checks = (check.partition("=") for check in values.get("check", "").split())
    return Entry(
        name=name,
        file=values["file"],
        smp=smp,
        append=" ".join(split["test_args"]),
        words=tuple(split["qemu_params"] + split["extra_params"]),
        groups=tuple(values.get("groups", "").split()),
        timeout=timeout,
        accel=values.get("accel", ""),
        arch=values.get("arch", ""),
        machine=values.get("machine", ""),
        checks=tuple((path, value) for path, _, value in checks),
        unreadable=unreadable,
    )


def started_at(append: str, now: float) -> str:
    """A test's arguments, as they are for a test that starts `now`, in seconds since 1970."""
    return append.replace(NOW, str(int(now)))


def not_here(entry: Entry, folder: str) -> str:
    """Why `entry` is not run on this host, in words, as the harness of kvm-unit-tests decides it; "" if it is."""
    if entry.arch and entry.arch != ARCHITECTURE:
        return f"{entry.arch} only"
    if entry.accel and entry.accel != ACCELERATOR:
        return f"{entry.accel} only, but this is {ACCELERATOR}"
    for path, value in entry.checks:
        try:
            with open(path, encoding="utf-8") as file:
                found = file.read().strip()
        except (OSError, UnicodeDecodeError):
            found = ""
        if found != value:
            return f"{path} not equal to {value}"
    if not os.path.isfile(os.path.join(folder, entry.file)):
        return f"{entry.file} is not in {folder}"
    return entry.unreadable


def select(entries: list[Entry], group: str = "", names: tuple[str, ...] = ()) -> list[Entry]:
    """Those of a group, or with one of the names; without either all that are run by default.

    ConfigError for a group or a name that nothing has.
    """
    known = sorted({word for entry in entries for word in entry.groups})
    if group and group not in known:
        raise ConfigError.of("--group", f"no test is in {group!r}{nearest(group, known)}; known: {' '.join(known)}")
    for name in names:
        if all(name != entry.name for entry in entries):
            raise ConfigError.of("", f"no test is called {name!r}{nearest(name, [entry.name for entry in entries])}")
    chosen = [entry for entry in entries if not names or entry.name in names]
    if group:
        return [entry for entry in chosen if group in entry.groups]
    return [entry for entry in chosen if names or NOT_BY_DEFAULT not in entry.groups]
