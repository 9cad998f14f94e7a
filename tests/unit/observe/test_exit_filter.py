"""Exit filters: what they take, and what is no filter."""

from __future__ import annotations

import pytest

from vmm.errors import ConfigError
from vmm.observe.exit_filter import ExitFilter, filtered

COM1 = ("io", "out", 0x3F8, "com1")


@pytest.mark.parametrize(
    ("words", "takes"),
    [
        ("", True),
        ("device=com1", True),
        ("device=com1,device=pit", True),
        ("device=pit", False),
        ("port=0x3f8-0x3ff", True),
        ("port=1016", True),
        ("port=0x3f9", False),
        ("mmio=0x3f8", False),
        ("port=0x60,mmio=0-4,port=0x3f8", True),
        ("direction=out", True),
        ("direction=in", False),
        ("device=com1,direction=in", False),
        ("rip=0x1000-0x1fff", True),
        ("rip=0x2000", False),
    ],
)
def test_an_exit_must_meet_every_key_by_one_of_its_values(words, takes):
    assert ExitFilter(words).takes(*COM1, rip=0x1004) is takes


@pytest.mark.parametrize(
    "words", ["com1", "colour=red", "device=", "port=x", "port=9-3", "port=-4", "direction=up", "rip=1-"[:-1] + "z"]
)
def test_what_is_no_filter_is_said_with_its_option(words):
    with pytest.raises(ConfigError, match="--trace-filter"):
        ExitFilter(words, "--trace-filter")


def test_a_hook_behind_a_filter_hears_only_what_it_takes():
    heard = []
    hook = filtered("device=com1,direction=out", lambda *access: heard.append(access))
    hook("out", 0x3F8, 1, 65, "com1")
    hook("in", 0x3F8, 1, 65, "com1")
    hook("out", 0x80, 1, 65, "post")
    assert heard == [("out", 0x3F8, 1, 65, "com1")]


def test_a_filter_without_a_hook_or_with_rips_is_refused():
    with pytest.raises(ConfigError):
        filtered("device=com1", None)
    with pytest.raises(ConfigError):
        filtered("rip=4", lambda *access: None)
