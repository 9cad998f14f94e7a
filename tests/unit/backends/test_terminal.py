"""Output: everything in order, a failure told once, and no waiting for a reader whom nobody waits for."""

from __future__ import annotations

import errno
import os
import threading
import time

import pytest

from vmm.backends.terminal import Output


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def read_all(reader: int, size: int) -> bytes:
    came = b""
    while len(came) < size:
        came += os.read(reader, size - len(came))
    return came


@pytest.mark.parametrize("is_open", [False, True])
def test_all_of_a_long_text_comes_through_a_slow_pipe(pipe, is_open):
    reader, writer = pipe
    output, text = Output(writer), bytes(range(256)) * 1024
    if is_open:
        output.open()
    thread = threading.Thread(target=output.write, args=(text,))
    thread.start()
    time.sleep(0.02)
    assert read_all(reader, len(text)) == text
    thread.join()
    output.close()


def test_a_reader_that_left_is_told_once(pipe):
    reader, writer = pipe
    failures = []
    output = Output(writer)
    output.on_failure = failures.append
    output.open()
    os.close(reader)
    output.write(b"a")
    output.write(b"b")
    assert [error.errno for error in failures] == [errno.EPIPE]
    assert output.failure is failures[0]
    output.close()


def test_a_full_disk_is_told_with_its_reason():
    with open("/dev/full", "wb", buffering=0) as full:
        output = Output(full.fileno())
        output.open()
        output.write(b"a")
        output.close()
    assert output.failure is not None
    assert output.failure.errno == errno.ENOSPC


def test_a_reader_that_takes_nothing_is_left_when_nobody_wants_it_any_more(pipe):
    _, writer = pipe
    output = Output(writer)
    output.is_wanted = lambda: False
    output.open()
    output.write(bytes(1 << 20))
    assert output.failure is None
    output.close()


def test_closing_gives_back_one_descriptor_and_leaves_the_given_one_open(pipe):
    reader, writer = pipe
    before = len(os.listdir("/proc/self/fd"))
    output = Output(writer)
    output.open()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    assert os.get_blocking(writer)
    output.close()
    output.close()
    assert len(os.listdir("/proc/self/fd")) == before
    output.write(b"after")
    assert os.read(reader, 10) == b"after"


def test_a_file_is_written_as_it_is(tmp_path):
    with open(tmp_path / "log", "ab", buffering=0) as file:
        output = Output(file.fileno())
        output.open()
        output.write(b"one")
        output.write(b"two")
        output.close()
    assert (tmp_path / "log").read_bytes() == b"onetwo"
