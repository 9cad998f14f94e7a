"""`vmm run --firmware`: a ROM's console and log, files for it, and the refusals, one line each."""

from __future__ import annotations

import pytest

ROM = bytes(0xFF00) + b"\xba\x02\x04\xb0L\xee\xba\xf8\x03\xb0C\xee\xb0\x2a\xe6\xf4\xf4"
"""At its end: "L" to port 0x402, "C" to COM1, 42 to the debug exit; hlt."""


@pytest.fixture
def rom(image):
    start = 0xFF00 - 0xFFF3  # from behind the jump at the reset vector
    return image(
        ROM.ljust(0xFFF0, b"\x90") + b"\xe9" + start.to_bytes(2, "little", signed=True) + bytes(13), name="rom"
    )


def test_com1_is_standard_output_and_the_log_is_a_file(vmm, rom, tmp_path):
    log = tmp_path / "log"
    done = vmm("run", "--firmware", rom, "--firmware-log", log)
    assert (done.code, done.out) == (42, b"C")
    assert log.read_bytes() == b"L"
    assert vmm("run", "-bios", rom, "--fw-cfg", "opt/a=string:x", "--fw-cfg", f"opt/b={rom}").code == 42


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "is empty"), (5000, "904 over whole pages of 4 KiB"), ((16 << 20) + 4096, "larger than the 16 MiB")],
)
def test_a_rom_of_a_wrong_size(vmm, image, size, words):
    assert words in vmm.refused("run", "--firmware", image(bytes(size)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["no such"], "firmware: cannot read no such: No such file or directory"),
        (["/"], "firmware: cannot read /: Is a directory"),
        (["/dev/zero"], "firmware: /dev/zero is larger than the 16 MiB"),
        (["ROM", "ROM"], "firmware: starts the machine from its reset vector"),
        (["ROM", "-m", "1"], "memory: with firmware at least 2 MiB are needed"),
        (["ROM", "--fw-cfg", "x"], "--fw-cfg: 'x' gives no name and content"),
        (["ROM", "--fw-cfg", f"{'x' * 56}=string:"], "fw_cfg: a name has 1 to 55 bytes, not 56"),
        (["ROM", "--fw-cfg", "a=no such"], "--fw-cfg: cannot read no such: No such file or directory"),
        (["ROM", "--fw-cfg", "a=string:", "--fw-cfg", "a=string:"], "fw_cfg: a is given twice"),
        (["ROM", "--firmware-log", "/no/where"], "--firmware-log: there is no folder /no"),
    ],
)
def test_requests_that_cannot_be(vmm, rom, options, words):
    assert words in vmm.refused("run", "--firmware", *(rom if word == "ROM" else word for word in options))
