"""What a shared directory is called, and what is refused."""

from __future__ import annotations

import pytest

from vmm.errors import ConfigError
from vmm.machine.config import MachineConfig
from vmm.machine.share_options import parse_share, tag_of
from vmm.machine.validate import validate


@pytest.mark.parametrize(
    ("text", "path", "tag", "is_read_only"),
    [
        ("/srv", "/srv", "share1", False),
        ("/srv,ro", "/srv", "share1", True),
        ("/srv:work", "/srv", "work", False),
        ("/srv:work,ro", "/srv", "work", True),
        ("/a:b/c", "/a:b/c", "share1", False),
        ("/a:b/c:d", "/a:b/c", "d", False),
        ("/with,comma", "/with,comma", "share1", False),
    ],
)
def test_the_parts(text, path, tag, is_read_only):
    options = parse_share(text)
    assert (options.path, tag_of(options, 1), options.is_read_only) == (path, tag, is_read_only)


@pytest.mark.parametrize("text", ["", ":tag", "/srv:", ",ro", "/srv:" + "x" * 64])
def test_what_is_none(text):
    with pytest.raises(ConfigError):
        parse_share(text)


def test_a_configuration_tells_of_each():
    with pytest.raises(ConfigError) as caught:
        validate(MachineConfig(image=b"\xf4", shares=("/a:x", 3, "/b:x", ":y")))
    assert [field for field, _ in caught.value.breaches] == ["shares[1]", "shares[2]", "shares[3]"]
