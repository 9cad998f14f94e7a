"""The option table: what the parser gives, what it refuses, and the page it prints."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.control.cli import boot, exit_watch, linux, report, run, trace
from vmm.control.cli.options import Command, Option, help_page, number, one_of, parse
from vmm.errors import ConfigError

COMMAND = Command(
    name="paint",
    summary="Paints WALLs.",
    arguments="WALL...",
    least=1,
    most=2,
    options=(
        Option(names=("--colour", "-c", "-colour"), value="NAME", convert=one_of("red", "green"), help="of the paint"),
        Option(names=("--coats",), value="N", convert=number, default=1, help="how many"),
        Option(names=("--dry-run",), help="only say what would be done"),
        Option(names=("-hidden",), value="X", help=""),
    ),
    notes="Stand back.",
)


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as refusal:
        parse(COMMAND, words)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    "words", [["--colour", "red"], ["--colour=red"], ["-c", "red"], ["-c=red"], ["-colour", "red"]]
)
def test_every_spelling_gives_the_value(words):
    values, plain = parse(COMMAND, ["wall", *words])
    assert (values["colour"], plain) == ("red", ["wall"])


def test_what_is_not_given_has_its_default():
    values, _ = parse(COMMAND, ["wall"])
    assert values == {"colour": None, "coats": 1, "dry_run": None, "hidden": None, "help": None, "help_all": None}


def test_the_last_of_two_counts():
    assert parse(COMMAND, ["wall", "--coats=2", "--coats", "0x10"])[0]["coats"] == 16


def test_words_after_two_dashes_are_plain_and_a_lone_dash_too():
    assert parse(COMMAND, ["-", "--", "--colour"])[1] == ["-", "--colour"]


def test_refusals_name_the_option_and_the_nearest():
    assert refused("wall", "--color=red") == "vmm paint: unknown option --color, did you mean --colour?"
    assert refused("wall", "--colour", "rad") == "--colour: 'rad' is not one of red, green, did you mean red?"
    assert refused("wall", "--coats=many") == "--coats: 'many' is not a number: write it as 32768 or 0x8000"
    assert refused("wall", "--coats") == "--coats: needs a value: N"
    assert refused("wall", "--dry-run=no") == "--dry-run: takes no value"


def test_too_few_and_too_many_arguments_show_the_usage():
    assert refused() == "too few arguments; usage: vmm paint WALL..."
    assert refused("a", "b", "c") == "too many arguments; usage: vmm paint WALL..."
    assert parse(COMMAND, ["--help"])[0]["help"] is True


def test_the_page_has_every_option_that_is_to_be_seen():
    assert (
        help_page(COMMAND)
        == """\
usage: vmm paint [options] WALL...

Paints WALLs.

  -c, --colour NAME      of the paint
  --coats N              how many
  --dry-run              only say what would be done

Stand back.
"""
    )


@settings(max_examples=100)
@given(st.lists(st.text(max_size=8) | st.sampled_from(["--colour", "--coats=", "-c", "--", "-h", "red"]), max_size=6))
def test_any_words_are_taken_or_refused_in_words(words):
    try:
        values, plain = parse(COMMAND, words)
    except ConfigError:
        return
    else:
        assert values["help"] or 1 <= len(plain) <= 2


def test_an_option_that_may_come_again_gives_a_list():
    command = Command(
        name="load", summary="", options=(Option(names=("--part",), value="N", convert=number, many=True, help=""),)
    )
    assert parse(command, [])[0]["part"] == []
    assert parse(command, ["--part", "1", "--part=0x10"])[0]["part"] == [1, 16]


def test_no_option_of_run_stands_in_its_table_twice():
    from vmm.control.cli.run_options import COMMAND as RUN

    names = [name for option in RUN.options for name in option.names]
    assert sorted(names) == sorted(set(names))


def test_vmm_linux_has_every_option_that_the_parts_it_shares_with_vmm_run_read() -> None:
    """Linux is not booted everywhere; a KeyError at the end of a boot would be seen late."""
    known = {option.field for option in linux.COMMAND.options} | {"json", "exit_code"}
    for part in (run.report, exit_watch, trace, boot, report.write_page):
        read = set(re.findall(r'values\["(\w+)"\]', inspect.getsource(part)))
        assert read <= known, f"{part.__name__} reads {read - known}"
