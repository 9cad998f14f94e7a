"""`vmm run --device`: a device of the user's own from a file, and one clear line where it cannot be."""

from __future__ import annotations

import pytest

MINE = """
from vmm import Device

class Doubler(Device):
    name = "doubler"
    last = 0
    def read(self, offset, size):
        return 2 * self.last + offset
    def write(self, offset, size, value):
        self.last = value

class Deaf:
    def read(self, offset, size):
        return 0

class Broken:
    def __init__(self):
        raise RuntimeError("no\\nluck")
"""
DOUBLED = bytes.fromhex("ba0005 b015 ee 42 ec e6f4 f4")
"""mov dx, 0x500; mov al, 21; out; inc dx; in; out 0xf4."""


@pytest.fixture
def mine(vmm):
    (vmm.cwd / "mine.py").write_text(MINE)


def test_a_guest_talks_to_it_and_the_table_has_its_name(vmm, image, mine):
    ran = vmm("run", "--stats", "--device", "mine.py:Doubler,port=0x500,size=2,name=twice", image(DOUBLED), check=False)
    assert ran.code == 43
    assert "twice" in ran.err
    assert [path.name for path in vmm.cwd.iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("mine.py", "'mine.py' is not FILE.py:CLASS"),
        ("none.py:A,port=1", "cannot read none.py"),
        ("mine.py:Nobody,port=0x500", "mine.py has no class Nobody"),
        ("mine.py:Deaf,port=0x500", "mine.py:Deaf has no write"),
        ("mine.py:Broken,port=0x500", "mine.py:Broken failed: RuntimeError: no luck"),
        ("mine.py:Doubler", "needs either port=START or mmio=START"),
        ("mine.py:Doubler,port=x", "port=x is no number"),
        ("mine.py:Doubler,port=1,width=3", "width=3 is none of"),
        ("mine.py:Doubler,port=1,colour=red", "'colour=red' is not KEY=VALUE"),
        ("mine.py:Doubler,port=0x3f8", "com1"),
        ("mine.py:Doubler,port=0x10000", "the space ends at 0x10000"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(vmm, code, image, mine, words, fault):
    ran = vmm("run", "--device", words, image(code.halt), check=False)
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (125, b"", 1)
    assert fault in ran.err
