"""The command as its users meet it: `vmm` as a process of its own, in an empty folder, with guests of a few bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(sys.executable).with_name("vmm")

SAY = b"\xba\xf8\x03"  # mov dx, 0x3f8; then for each letter: mov al, letter; out dx, al


def say(text: bytes) -> bytes:
    """Real-mode code that sends `text` to COM1."""
    return SAY + b"".join(b"\xb0" + bytes([letter]) + b"\xee" for letter in text)


class Code:
    """Guests in 16-bit machine code, to be put one behind the other."""

    say = staticmethod(say)
    halt = b"\xfa\xf4"
    spin = b"\xeb\xfe"
    crash = b"\xea\x00\x00\x00\xf0"
    """jmp 0xf000:0: with 64 KiB of memory there is nothing to execute."""
    chatter = b"\xba\xf8\x03\xb0x\xee\xeb\xfd"
    """Sends x without end."""
    echo = bytes.fromhex("bafd03 ec a801 74f8 baf803 ec ee 3c04 75ef fa f4")
    """Polls COM1 and sends back what comes, up to Ctrl-D, then halts."""
    bulk_echo = bytes.fromhex("fc 31c0 8ec0 8ed8 bf0080 b90001 baf803 f36c be0080 b90001 f36e ebeb")
    """Reads and sends 256 bytes at a time without end; what was read from an empty port is 0."""

    @staticmethod
    def exit(value: int) -> bytes:
        """Writes `value` to the debug-exit port."""
        return b"\xb8" + bytes([value, 0]) + b"\xe6\xf4\xf4"


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: bytes
    err: str


class Command:
    """Runs `vmm` in `cwd`, and looks afterwards that it left nothing behind."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.cwd = folder / "cwd"
        self.temporary = folder / "tmp"
        self.argv = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "vmm"]
        self.env = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(cache),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.started: list[subprocess.Popen[bytes]] = []
        self.cwd.mkdir()
        self.temporary.mkdir()

    def __call__(self, *words: str, check: bool = True, prefix: tuple[str, ...] = (), **options: Any) -> Ran:
        """Runs it to its end. Unless `check` is off nothing may be left in the folders it was given."""
        before = set(self.cwd.iterdir())
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "timeout": 20, "env": self.env, **options}
        if "input" in options:
            del options["stdin"]
        done = subprocess.run(
            [*prefix, *self.argv, *words], stderr=subprocess.PIPE, cwd=self.cwd, check=False, **options
        )
        err = done.stderr.decode()
        assert "Traceback" not in err, err
        if check:
            assert set(self.cwd.iterdir()) == before
            assert not list(self.temporary.iterdir())
        return Ran(done.returncode, done.stdout or b"", err)

    def start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """Starts it with pipes on all three sides."""
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        started = subprocess.Popen([*self.argv, *words], cwd=self.cwd, env=self.env, **{**pipes, **options})
        self.started.append(started)
        return started

    def end(self) -> None:
        """Ends what a failed test has left running: a guest that spins would slow every test behind it."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()

    def refused(self, *words: str, code: int = 125, **options: Any) -> str:
        """Runs what must fail with one line on stderr and nothing on stdout, and gives that line."""
        ran = self(*words, **options)
        assert (ran.code, ran.out) == (code, b""), ran
        assert ran.err.startswith("vmm: ")
        assert ran.err.endswith("\n")
        assert ran.err.count("\n") == 1, ran.err
        return ran.err[5:-1]


@pytest.fixture(scope="session")
def guest_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def vmm(tmp_path: Path, guest_cache: Path) -> Iterator[Command]:
    command = Command(tmp_path, guest_cache)
    yield command
    command.end()


@pytest.fixture
def unprivileged() -> tuple[str, ...]:
    """A prefix that runs a command without root's right to open everything."""
    if os.getuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if not shutil.which("setpriv") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("root can give no right away here: no setpriv")
    return prefix


@pytest.fixture
def code() -> type[Code]:
    return Code


@pytest.fixture
def image(tmp_path: Path) -> Callable[..., str]:
    """Makes a file of the bytes given and answers its path."""

    def make(*parts: bytes, name: str = "guest.bin") -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(parts))
        return str(path)

    return make


@pytest.fixture
def runtime(vmm, tmp_path_factory):
    """Where the command's machines listen, in a runtime directory of the test's own."""
    folder = tmp_path_factory.mktemp("run")
    vmm.env["XDG_RUNTIME_DIR"] = str(folder)
    return folder / "vmm"
