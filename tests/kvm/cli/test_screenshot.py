"""`--screenshot FILE`, `--display text` without a terminal, and the screen in `--json`."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

PAINT = bytes.fromhex("b800b8 8ec0 31ff fc b84807 ab b8691e ab")
"""mov ax, 0xb800; mov es, ax; xor di, di; cld; then H in grey and i in yellow on blue by stosw."""


@pytest.mark.parametrize("name", ["shot.png", "shot.svg", "shot.txt"])
def test_a_picture_is_written_after_the_run_and_nothing_else(vmm, code, image, name):
    target = vmm.cwd / name
    target.write_text("old")
    ran = vmm("run", "--screenshot", name, image(PAINT, code.say(b"said"), code.exit(4)))
    assert (ran.code, ran.out, ran.err) == (4, b"said", "")
    content = target.read_bytes()
    if name.endswith("png"):
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert content.endswith(b"IEND\xaeB`\x82")
    elif name.endswith("svg"):
        assert "".join(ElementTree.fromstring(content).itertext()).split() == ["Text", "screen", "H", "i"]
    else:
        assert content == b"Hi\n"


@pytest.mark.parametrize("options", [("-t", "200ms", "-q"), ("-t", "200ms", "--json"), ("-t", "200ms", "--stats")])
def test_a_guest_that_never_ends_has_a_picture_too(vmm, code, image, tmp_path, options):
    target = tmp_path / "shot.txt"
    assert vmm("run", *options, "--screenshot", str(target), image(PAINT, code.spin)).code == 124
    assert target.read_text() == "Hi\n"


def test_without_a_terminal_the_last_screen_is_printed_as_plain_text(vmm, code, image):
    ran = vmm("run", "--display", "text", image(PAINT, code.say(b"not shown"), code.exit(3)))
    assert (ran.code, ran.out, ran.err) == (3, b"Hi\n", "")


def test_the_serial_port_can_be_asked_for_beside_it(vmm, code, image):
    ran = vmm("run", "--display=text", "--console=stdio", image(PAINT, code.say(b"serial\n"), code.halt))
    assert (ran.code, ran.out) == (0, b"serial\nHi\n")


def test_a_blank_screen_prints_nothing(vmm, code, image):
    assert vmm("run", "--display", "text", image(code.halt)) == (0, b"", "")


def test_a_guest_of_the_set_prints_its_screen(vmm):
    ran = vmm("run", "--guest", "screen-colours", "--display", "text")
    lines = ran.out.decode().splitlines()
    assert ran.code == 0
    assert lines[1].startswith("║ Colours straight into video memory ")
    assert "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" in lines[18]


def test_a_locale_without_the_characters_is_no_disaster(vmm, code, image):
    words = image(bytes.fromhex("b800b8 8ec0 31ff b8da07 ab b84107 ab"), code.halt)
    ran = vmm("run", "--display", "text", words, env={**vmm.env, "PYTHONIOENCODING": "latin-1"})
    assert (ran.code, ran.out) == (0, b"?A\n")


def test_json_has_the_screen_where_there_is_something_on_it(vmm, code, image):
    found = json.loads(vmm("run", "--json", image(PAINT, code.halt)).out)
    assert found["screen"] == {"columns": 80, "rows": 25, "cursor": None, "lines": ["Hi"]}
    assert "screen" not in json.loads(vmm("run", "--json", image(code.halt)).out)
    assert "screen" not in json.loads(vmm("run", "--json", "-m", "64k", image(code.halt)).out)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--screenshot", "shot.gif"), "--screenshot: shot.gif must end in .png, .svg, .txt"),
        (("--screenshot", "no/shot.png"), "--screenshot: there is no folder"),
        (("--screenshot", "/tmp"), "--screenshot: /tmp must end in"),
        (("--screenshot",), "--screenshot: needs a value"),
        (("--screenshot", "shot.png", "-m", "64k"), "--screenshot: the machine has no text screen"),
        (("--display", "text", "-m", "512k"), "--display: the machine has no text screen: it needs 768K"),
        (("--display", "gtk"), "--display: 'gtk' is not one of text, none"),
        (("--display", "text", "--json"), "--display: not with --json"),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(vmm, code, image, options, words):
    assert words in vmm.refused("run", image(code.say(b"ran"), code.halt), *options)


def test_a_picture_that_cannot_be_written_is_told_after_the_run(vmm, code, image):
    (vmm.cwd / "full.png").symlink_to("/dev/full")
    ran = vmm("run", "--screenshot", "full.png", image(code.say(b"said"), code.exit(4)))
    assert ran == (126, b"said", "vmm: cannot write full.png: No space left on device\n")


def test_a_folder_without_permission_is_told_before_the_run(vmm, code, image, unprivileged):
    vmm.cwd.chmod(0o500)
    words = vmm.refused("run", "--screenshot", "shot.png", image(code.halt), prefix=unprivileged)
    assert words == "--screenshot: no permission to write shot.png"
