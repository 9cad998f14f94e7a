"""Builds that end whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmm import toolchain
from vmm.errors import HostError


def test_what_commands_make_moves_in_at_once_without_objects(tmp_path: Path) -> None:
    home = tmp_path / "cache" / "thing"
    toolchain.make("a thing", str(home), "thing", [["touch", "thing", "part.o"], ["sh", "-c", "echo done >thing"]])
    assert [path.name for path in home.iterdir()] == ["thing"]
    toolchain.make("a thing", str(home), "thing", [["touch", "thing"]])  # somebody was faster
    assert (home / "thing").read_text() == "done\n"
    assert [path.name for path in home.parent.iterdir()] == ["thing"]


def test_a_command_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="a thing cannot be built: sh: an error"):
        toolchain.make("a thing", str(tmp_path / "thing"), "thing", [["sh", "-c", "echo so; echo an error; exit 1"]])
    with pytest.raises(HostError, match="there is no /none; apt install gcc binutils"):
        toolchain.make("a thing", str(tmp_path / "thing"), "thing", [["/none"]])
    assert not list(tmp_path.iterdir())


def test_a_digest_is_of_flags_names_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    digests = [toolchain.digest("x", [str(one)]), toolchain.digest("y", [str(one)]), toolchain.digest("x", [str(two)])]
    one.write_text("b")
    digests.append(toolchain.digest("x", [str(one)]))
    assert len(set(digests)) == 4
