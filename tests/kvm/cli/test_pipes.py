"""Pipes, files and closed streams on the three standard descriptors."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time

import pytest

LONG = 192 * 1024
"""Three times what COM1 queues: the pipe has to wait for the guest. Each byte costs an exit of its own."""


def test_a_line_through_a_pipe_is_echoed(vmm):
    ran = vmm("run", "--guest", "serial-echo", "-t", "5s", input=b"Hello, guest\n")
    assert ran == (0, b"Hello, guest\n", "")


def test_a_file_as_standard_input_is_echoed(vmm, code, image, tmp_path):
    (tmp_path / "typed").write_bytes(b"from a file\x04")
    with open(tmp_path / "typed", "rb") as file:
        ran = vmm("run", "-t", "5s", image(code.echo), stdin=file)
    assert ran == (0, b"from a file\x04", "")


def test_a_pipe_carries_the_escape_key_to_the_guest(vmm, code, image):
    assert vmm("run", "-t", "5s", image(code.echo), input=b"\x01x\x03\x04").out == b"\x01x\x03\x04"


def test_a_long_text_through_a_pipe_comes_back_whole_and_in_order(vmm, code, image, tmp_path):
    sent, came = bytes(random.Random(1).choices(range(1, 256), k=LONG)), bytearray()
    with open(tmp_path / "echoed", "w+b", buffering=0) as echoed, open(tmp_path / "echoed", "rb") as reader:
        process = vmm.start("run", "-q", image(code.bulk_echo), stdout=echoed)
        feeder = threading.Thread(target=process.stdin.write, args=(sent,))
        feeder.start()
        while len(came) < LONG and process.poll() is None:
            came += reader.read().replace(b"\0", b"")  # 0 is what an empty port reads as
            time.sleep(0.1)
        process.terminate()
        feeder.join()
        process.communicate(timeout=5)
    assert process.returncode == 143
    assert bytes(came) == sent


def closing(descriptor: int):
    return lambda: os.close(descriptor)


def test_a_closed_standard_input_is_an_empty_one(vmm, code, image):
    assert vmm("run", image(code.say(b"alone"), code.halt), preexec_fn=closing(0)) == (0, b"alone", "")


def test_a_closed_standard_output_swallows_the_guests_words(vmm, code, image):
    assert vmm("run", image(code.say(b"unheard"), code.exit(5)), preexec_fn=closing(1)) == (5, b"", "")
    assert vmm("--version", preexec_fn=closing(1)).code == 0


def test_a_closed_standard_error_swallows_ours(vmm, code, image):
    assert vmm("run", "--stats", image(code.say(b"heard"), code.exit(5)), preexec_fn=closing(2)) == (5, b"heard", "")
    assert vmm("run", "nowhere", preexec_fn=closing(2)).code == 125


def without_reader() -> int:
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_reader_that_leaves_ends_an_endless_guest_without_a_word(vmm, code, image):
    process = vmm.start("run", image(code.chatter))
    assert process.stdout is not None
    assert process.stdout.read(5) == b"xxxxx"
    process.stdout.close()
    started = time.monotonic()
    assert process.wait(5) == 141
    assert time.monotonic() - started < 1
    assert process.stderr is not None
    assert process.stderr.read() == b""


def test_statistics_are_printed_though_the_reader_left(vmm, code, image):
    writer = without_reader()
    ran = vmm("run", "--stats", image(code.chatter), stdout=writer)
    os.close(writer)
    assert ran.code == 141
    assert "By reason" in ran.err


def test_a_reader_that_leaves_ends_a_guest_on_the_debug_console_too(vmm, image):
    writer = without_reader()
    ran = vmm("run", "-q", "-t", "1s", image(bytes.fromhex("b058 e6e9 ebfc")), stdout=writer)
    os.close(writer)
    assert ran.code == 141


def test_a_full_disk_behind_standard_output_is_told(vmm, code, image):
    with open("/dev/full", "wb") as full:
        assert vmm("run", image(code.chatter), stdout=full) == (
            126, b"", "vmm: cannot write standard output: No space left on device\n",
        )  # fmt: skip
        for words in (("--help",), ("guests",), ("run", "--json", image(code.halt))):
            assert vmm(*words, stdout=full) == (
                126, b"", "vmm: cannot write standard output: No space left on device\n",
            )  # fmt: skip


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("guests",), ("guests", "--json"), ("run", "--help")])
def test_words_for_a_reader_that_left_end_without_a_word(vmm, words):
    writer = without_reader()
    ran = vmm(*words, stdout=writer)
    os.close(writer)
    assert (ran.code, ran.err) == (141, "")


@pytest.mark.parametrize("way", ["deadline", "SIGTERM"])
def test_a_reader_that_takes_nothing_does_not_hold_up_the_end(vmm, code, image, way):
    process = vmm.start("run", "-q", "-t", "0.3s" if way == "deadline" else "20s", image(code.chatter))
    if way == "SIGTERM":
        time.sleep(0.3)
        process.terminate()
    assert process.wait(3) == (124 if way == "deadline" else 143)
    process.communicate()


def test_a_descriptor_that_others_share_stays_blocking(vmm, code, image):
    reader, writer = os.pipe()
    vmm("run", image(code.say(b"x"), code.halt), stdout=writer)
    assert os.get_blocking(writer)
    assert os.read(reader, 10) == b"x"
    os.close(reader)
    os.close(writer)


def test_a_socket_as_standard_output_works(vmm, code, image):
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        vmm("run", image(code.say(b"over a socket"), code.halt), stdout=theirs)
        assert ours.recv(100) == b"over a socket"


def test_standard_error_into_the_same_pipe_keeps_the_order(vmm, code, image):
    done = subprocess.run(
        [*vmm.argv, "run", "--stats", image(code.say(b"first\n"), code.halt)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=vmm.env, check=False,
    )  # fmt: skip
    assert done.stdout.startswith(b"first\nvmm: the guest halted")
