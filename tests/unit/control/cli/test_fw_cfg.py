"""The words of --fw-cfg."""

from __future__ import annotations

from pathlib import Path

import pytest

from vmm.control.cli.fw_cfg import file_of


def test_content_comes_from_a_file_a_text_or_a_number(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\x00\xffkey")
    assert file_of(f"opt/a={tmp_path}/key") == ("opt/a", b"\x00\xffkey")
    assert file_of("opt/b=string:x=y,z") == ("opt/b", b"x=y,z")
    assert file_of("etc/c=number:0x3f8") == ("etc/c", b"\xf8\x03\0\0\0\0\0\0")
    assert file_of(f"name=opt/d,file={tmp_path}/key") == ("opt/d", b"\x00\xffkey")
    assert file_of("name=opt/e,string=text") == ("opt/e", b"text")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("opt/a", "write it as NAME=FILE"),
        ("=x", "write it as NAME=FILE"),
        ("name=opt/a,size=4", "after the name comes file=PATH"),
        ("a=number:x", "not a number"),
        ("a=number:-1", "no place in eight bytes"),
        ("a=/nowhere/at/all", "cannot read /nowhere/at/all: No such file"),
        ("a=/proc", "cannot read /proc: Is a directory"),
        ("a=/dev/zero", "larger than the 64 MiB"),
    ],
)
def test_what_gives_no_content_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        file_of(text)
