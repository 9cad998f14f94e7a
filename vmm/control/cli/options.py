"""Command-line options as a table, and the parser and the help page that both read it.

Own code in place of argparse for start-up's sake (argparse costs as much as creating and running a virtual machine),
for QEMU's one-dash spellings, and for refusals that name the nearest option. See docs/adr/0003-own-option-parser.md.
"""

from __future__ import annotations

from ...errors import ConfigError, nearest
from ...records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Option(Record):
    """One option of a command."""

    names: tuple[str, ...]
    """All spellings with their dashes, the one for the help page first."""
    help: str
    """What it does, in a few words; "" leaves it out of the help page."""
    value: str = ""
    """The word for its argument in the help page; "" for a switch."""
    convert: Callable[[str], Any] = str
    """Makes the value; ValueError with words refuses it."""
    default: Any = None
    many: bool = False
    """May be given several times: its value is a list, of all that was given."""

    group: str = ""
    """The heading it stands under on the whole help page; "" also puts it on the short one."""

    @property
    def field(self) -> str:
        """Its name in what parse() gives."""
        return self.names[0].lstrip("-").replace("-", "_")


class Command(Record):
    """One command: its options and how many plain arguments it takes."""

    name: str
    summary: str
    """One line."""
    arguments: str = ""
    """The plain arguments in the help page."""
    least: int = 0
    most: int = 0
    options: tuple[Option, ...] = ()
    notes: str = ""
    """Closing lines of the help page."""


HELP = Option(names=("--help", "-h"), help="")
HELP_ALL = Option(names=("--help-all",), help="")


def one_of(*known: str) -> Callable[[str], str]:
    """A converter that takes one of some words."""

    def convert(text: str) -> str:
        if text not in known:
            raise ValueError(f"{text!r} is not one of {', '.join(known)}{nearest(text, known)}")
        return text

    return convert


def number(text: str) -> int:
    """A converter: decimal, or hexadecimal with 0x."""
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f"{text!r} is not a number: write it as 32768 or 0x8000") from None


def parse(command: Command, words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """(values by field, plain arguments). ConfigError for what does not fit; everything after "--" is plain."""
    known = {name: option for option in (*command.options, HELP, HELP_ALL) for name in option.names}
    values = {option.field: [] if option.many else option.default for option in (*command.options, HELP, HELP_ALL)}
    plain: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            plain += rest
            break
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        name, equals, text = word.partition("=")
        option = known.get(name)
        if option is None:
            raise ConfigError.of("", f"vmm {command.name}: unknown option {name}{nearest(name, known)}")
        if not option.value:
            if equals:
                raise ConfigError.of(name, "takes no value")
            values[option.field] = True
            continue
        if not equals:
            if not rest:
                raise ConfigError.of(name, f"needs a value: {option.value}")
            text = rest.pop(0)
        try:
            value = option.convert(text)
        except ValueError as error:
            raise ConfigError.of(name, str(error)) from None
        values[option.field] = [*values[option.field], value] if option.many else value
    values["help"] = values["help"] or values["help_all"]
    if not values["help"] and not command.least <= len(plain) <= command.most:
        usage = f"usage: vmm {command.name} {command.arguments}".rstrip()
        raise ConfigError.of("", f"{'too few' if len(plain) < command.least else 'too many'} arguments; {usage}")
    return values, plain


def help_page(command: Command, all: bool = False) -> str:
    """A page of at most 80 columns: what most need, or with `all` every option under its heading."""
    lines = [f"usage: vmm {command.name} [options] {command.arguments}".rstrip(), "", command.summary, ""]
    groups = dict.fromkeys(option.group for option in command.options if option.help)
    for group in groups if all else [""]:
        lines += ["", f"{group}:"] if group else []
        lines += [_line(option) for option in command.options if option.help and option.group == group]
    if not all and len(groups) > 1:
        from ...observe.table import wrap

        lines += ["", *wrap(f"--help-all adds: {', '.join(group for group in groups if group)}.", 80)]
    return "\n".join([*lines, *([""] if command.notes else []), command.notes]).rstrip() + "\n"


def _line(option: Option) -> str:
    short = [name for name in option.names if not name.startswith("--") and len(name) == 2]
    left = ", ".join([*short, option.names[0]]) + (f" {option.value}" if option.value else "")
    return f"  {left:<23}{option.help}"
