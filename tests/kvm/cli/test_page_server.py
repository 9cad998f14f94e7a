"""vmm snapshot serve, and vmm restore --from it: in processes of their own, to the end and to the server's death."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from served import Server, skip_unless_permitted, wait_and_cut

from vmm import Machine
from vmm.units import MiB

VMM = [sys.executable, "-m", "vmm"]


@pytest.fixture(autouse=True)
def permitted():
    skip_unless_permitted()


@pytest.fixture
def served(image, code, tmp_path):
    """The address of a machine that says hello, and the server's process."""
    path, place = str(tmp_path / "a.snap"), tmp_path / "pages"
    with Machine(image=image(code.say(b"hello") + code.exit(7)), mode="real", memory=64 * MiB) as machine:
        machine.memory.write(16 * MiB, os.urandom(32 * MiB))
        machine.snapshot(path)
    command = [*VMM, "snapshot", "serve", path, f"unix:{place}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        while not place.exists():
            assert server.poll() is None
            time.sleep(0.01)
        yield f"unix:{place}", server
        server.terminate()
        assert server.wait(10) == 0


def test_each_client_gets_the_machine_and_the_server_goes_on(served):
    address, server = served
    for _ in range(2):
        done = subprocess.run([*VMM, "restore", "--from", address], capture_output=True, check=False, timeout=30)
        assert (done.returncode, done.stdout) == (7, b"hello")
    assert server.poll() is None


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    command = [*VMM, "restore", "--from", f"unix:{tmp_path / 'none'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 126
    assert done.stderr.startswith("vmm: nobody serves a snapshot at unix:")
    assert len(done.stderr.splitlines()) == 1


def test_bad_words_are_refused(tmp_path):
    for words in (["restore", "a", "--from", "unix:b"], ["restore", "--from", "nowhere"], ["snapshot", "serve", "a"]):
        done = subprocess.run([*VMM, *words], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode in (125, 126)
        assert "Traceback" not in done.stderr


def test_a_server_that_dies_ends_a_machine_that_waits_for_it_with_words(image, code, tmp_path):
    """The guest runs off its code into memory that the server does not give."""
    path, place = str(tmp_path / "a.snap"), f"unix:{tmp_path / 'pages'}"
    with Machine(image=image(code.say(b"hello") + b"\x90" * 4096), mode="real", memory=64 * MiB) as machine:
        machine.memory.write(16 * MiB, os.urandom(32 * MiB))
        machine.snapshot(path)
    server = Server(path, place, 6, wait_and_cut)
    with subprocess.Popen([*VMM, "restore", "--from", place], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ours:
        assert ours.stdout.read(5) == b"hello"
        server.go_on.set()
        _, said = ours.communicate(timeout=30)
    assert ours.returncode == 121
    assert "not all of its memory came from unix:" in " ".join(said.decode().split())  # a long path is cut
    assert b"Traceback" not in said
