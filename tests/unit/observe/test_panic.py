from __future__ import annotations

import pytest

from vmm.observe.panic import LONGEST, PanicListener

NOTE = b"[    9.000001] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300\r\n"
WORDS = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"
END = b"[    9.000002] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n"


class Ear:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.listener = PanicListener(self.said.append, lambda: self.said.append("over"))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 4096])
def test_words_are_known_across_the_borders_of_pieces(ear: Ear, size: int) -> None:
    text = b"init\r\n" + NOTE + b"CPU: 0 PID: 1\r\nCall Trace:\r\n" + END + b"more\r\n"
    for at in range(0, len(text), size):
        ear.listener.hear(text[at : at + size])
    assert ear.said == [WORDS, "over"]


def test_nothing_is_over_before_the_last_words(ear: Ear) -> None:
    ear.listener.hear(NOTE + b" <TASK>\r\n")
    assert ear.said == [WORDS]
    ear.listener.hear(b"[    9.1] Rebooting in 5 seconds..\r\n")
    assert ear.said == [WORDS, "over"]


@pytest.mark.parametrize(
    "line",
    [b"Kernel panic - not syncing: x", b"[    1.0][    T1] Kernel panic - not syncing: x",
     b"\rKernel panic - not syncing: x", b"/ # [    1.0] Kernel panic - not syncing: x"],
)  # fmt: skip
def test_printk_stamps_lines_or_does_not(ear: Ear, line: bytes) -> None:
    ear.listener.hear(line + b"\n")
    assert ear.said == ["Kernel panic - not syncing: x"]


@pytest.mark.parametrize(
    "line", [b"# echo Kernel panic - not syncing: x", b"Kernel panic", b"kernel panic - not syncing: x", b"\n" * 5]
)
def test_other_lines_are_not_taken_for_one(ear: Ear, line: bytes) -> None:
    ear.listener.hear(line + b"\n" + END)
    assert ear.said == []


def test_it_is_told_once(ear: Ear) -> None:
    ear.listener.hear((NOTE + END) * 3)
    assert ear.said == [WORDS, "over"]


def test_a_line_without_an_end_takes_no_memory(ear: Ear) -> None:
    for _ in range(1000):
        ear.listener.hear(bytes(range(0x20, 0x7F)))
    assert len(ear.listener._line) <= LONGEST + 0x60
    ear.listener.hear(b"\n" + NOTE)
    assert ear.said == [WORDS]


def test_bytes_that_are_no_text_are_quoted_as_well_as_may_be(ear: Ear) -> None:
    ear.listener.hear(b"Kernel panic - not syncing: \xff\xfe\x00\n")
    assert ear.said == ["Kernel panic - not syncing: \ufffd\ufffd\0"]
