"""The live socket against those who ask badly: it answers the next one, keeps to its folder, and holds up no run."""

from __future__ import annotations

import json
import os
import socket
import stat
import time
from contextlib import suppress
from threading import Thread

import pytest

from vmm.control.live import server as server_module
from vmm.control.live.door import Door
from vmm.control.live.server import REQUEST, Server
from vmm.control.live.sockets import ask, path_in, running

POLL = "mov $0x3fd, %dx \n 1: in (%dx), %al \n jmp 1b"


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """An XDG_RUNTIME_DIR with room for a socket's path."""
    folder = tmp_path / "r"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def server(guest, runtime):
    """A machine that runs and its server, which gives nobody more than 0.3 s."""
    machine = guest(POLL)
    machine.start(deadline=60.0)
    server_module.PATIENCE, usual = 0.3, server_module.PATIENCE
    server = Server(machine, str(runtime))
    thread = Thread(target=server.serve)
    thread.start()
    yield server
    server.close()
    server.close()
    thread.join(10)
    server_module.PATIENCE = usual
    assert not thread.is_alive()
    assert not os.path.exists(server.path)
    machine.stop()
    assert machine.wait(10).kind == "stopped"


def connect(server: Server) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(20)
    line.connect(server.path)
    return line


def everything(line: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    with suppress(ConnectionResetError):
        while part := line.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def is_alive(server: Server) -> bool:
    return json.loads(ask(server.path, "info"))["schema"] == "vmm.live"


def test_a_request_that_never_ends_is_answered_at_its_limit(server):
    with connect(server) as line:
        with suppress(OSError):
            line.sendall(b"x" * (REQUEST * 100))
        said = everything(line)
        assert b"unknown request" in said or not said  # what was sent and not read may reset the line
    assert is_alive(server)


def test_a_request_that_drips_is_left_alone_in_time(server):
    with connect(server) as line:
        started = time.monotonic()
        with pytest.raises(OSError, match=r"Broken pipe|Connection reset"):  # noqa: PT012 - when, is the question
            while time.monotonic() - started < 15:
                line.sendall(b"s")
                time.sleep(0.05)
        assert time.monotonic() - started < 10
    assert is_alive(server)


def test_silence_and_disconnects_do_not_hold_up_the_next(server):
    silent = [connect(server) for _ in range(5)]
    for _ in range(20):
        connect(server).close()
    with connect(server) as line:
        line.sendall(b"stats json\n")  # and away, with the answer unread
    assert is_alive(server)
    for line in silent:
        line.close()


def test_a_reader_that_does_not_read_is_given_up(server, monkeypatch):
    monkeypatch.setattr(
        server, "_content", lambda request: "x" * (8 << 20) if request == "prometheus" else _info(server)
    )
    with connect(server) as line:
        line.sendall(b"prometheus\n")
        assert is_alive(server)
        time.sleep(1.0)
        assert 0 < len(everything(line)) < 8 << 20


def _info(server: Server) -> str:
    return json.dumps(server._info()) + "\n"


def test_many_who_ask_at_once_are_all_answered(server):
    answers: list[bytes] = []
    threads = [Thread(target=lambda: answers.append(ask(server.path, "stats json"))) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 24
    assert all(json.loads(answer)["schema"] == "vmm.exits" for answer in answers)


@pytest.mark.parametrize("request_", [b"\n", b"GET\n", b"GET /\r\n\r\n", b"\xff\xfe\n", b"stats json; rm\n", b"INFO\n"])
def test_what_is_no_request_has_an_answer_and_no_statistics(server, request_):
    with connect(server) as line:
        line.sendall(request_)
        answer = everything(line)
    assert b"unknown request" in answer or answer.startswith(b"HTTP/1.0 404 ")


def test_who_asks_as_the_machine_ends_is_told_so(guest, runtime):
    server = Server(guest("hlt"), str(runtime))
    server.close()
    assert b"the machine has ended" in server.answer("info")


@pytest.mark.parametrize("kind", ["socket", "file", "dangling link"])
def test_what_a_dead_process_left_is_replaced(guest, runtime, kind):
    (runtime / "vmm").mkdir(mode=0o700)
    path = path_in(str(runtime / "vmm"), os.getpid())
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
    elif kind == "file":
        (runtime / "vmm" / f"{os.getpid()}.sock").touch()
    else:
        os.symlink(runtime / "nowhere", path)
    server = Server(guest("hlt"), str(runtime))
    try:
        found = os.lstat(path)
        assert stat.S_ISSOCK(found.st_mode)
        assert found.st_mode & 0o777 == 0o600
        assert running(str(runtime)) == [(os.getpid(), path)]
        assert not (runtime / "nowhere").exists()
    finally:
        server.close()


def test_a_folder_in_the_way_means_no_socket_and_the_run_goes_on(guest, runtime, soon):
    (runtime / "vmm").mkdir(mode=0o700)
    os.mkdir(path_in(str(runtime / "vmm"), os.getpid()))
    machine = guest(POLL)
    with Door(machine, after=0.01):
        assert machine.run(deadline=0.3).kind == "deadline"
    assert os.path.isdir(path_in(str(runtime / "vmm"), os.getpid()))


def test_a_door_opens_late_and_shuts_with_the_run(guest, runtime):
    machine = guest(POLL)
    path = path_in(str(runtime / "vmm"), os.getpid())
    seen: list[bool] = []

    def look() -> None:
        time.sleep(0.5)
        seen.append(os.path.exists(path) and b"vmm.live" in ask(path, "info"))

    thread = Thread(target=look)
    thread.start()
    with Door(machine, after=0.05):
        machine.run(deadline=1.5)
    thread.join(10)
    assert seen == [True]
    assert not os.path.exists(path)


def test_a_short_run_opens_no_door(guest, runtime):
    with Door(guest("hlt"), after=0.2):
        pass
    time.sleep(0.3)
    assert os.listdir(runtime) == []


def test_without_a_runtime_directory_there_is_no_door(guest, monkeypatch):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    machine = guest(POLL)
    with Door(machine, after=0.0):
        assert machine.run(deadline=0.1).kind == "deadline"
