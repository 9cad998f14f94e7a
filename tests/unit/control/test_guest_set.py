"""The guests of the repository: each described in full, each built from source."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from vmm.boot import elf, flat, multiboot, multiboot2
from vmm.boot.linux import setup_code
from vmm.boot.loader import BootParams, choose
from vmm.control import guest_set
from vmm.errors import ConfigError, HostError
from vmm.memory.guest_memory import GuestMemory

needs_gcc = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("ld")), reason="needs gcc and ld: apt install gcc binutils"
)

EXPECT = '[machine]\nmode = "long"\nformat = "flat"\n[outcome]\nkind = "halted"\n'


@pytest.fixture
def folder(tmp_path):
    """A set of one guest."""
    home = tmp_path / "guests"
    shutil.copytree(os.path.join(guest_set.find(), "lib"), home / "lib")
    (home / "nap").mkdir()
    (home / "nap" / "guest.S").write_text(".globl _start\n_start: cli\nhlt\n")
    (home / "nap" / "expect.toml").write_text(EXPECT)
    (home / "nap" / "README.md").write_text("Halts at once.\n")
    return home


def test_every_guest_says_in_one_line_what_it_shows():
    names = guest_set.names()
    assert len(names) >= 20
    for name in names:
        spec = guest_set.describe(name)
        assert spec.summary.endswith(".")
        with open(os.path.join(spec.folder, "README.md"), encoding="utf-8") as file:
            assert len(file.readlines()) == 1


def test_an_unknown_guest_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="there is no 'hello-lung' here, did you mean hello-long"):
        guest_set.describe("hello-lung")
    with pytest.raises(ConfigError, match=r"no '\.\./lib'"):
        guest_set.describe("../lib")


@needs_gcc
@pytest.mark.parametrize("name", guest_set.names())
def test_every_guest_builds_and_loads(name, tmp_path_factory):
    spec = guest_set.describe(name)
    image = guest_set.build(name, cache=str(tmp_path_factory.getbasetemp() / "guests"))
    memory = GuestMemory()
    memory.add(0, spec.machine.memory)
    try:
        with open(image, "rb") as file:
            content = file.read()
        assert (image[-3:] == "elf") == (spec.build == "elf")
        if spec.drives:
            assert len(content) == spec.drives.size
            return
        loader = choose((multiboot2, multiboot, setup_code, elf, flat), content)
        assert loader.format == spec.machine.format
        params = BootParams(mode=spec.machine.mode, load=spec.machine.load, entry=spec.machine.entry)
        state = loader.load(content, memory, params)
        assert state.entry in [gpa for gpa, _, _ in state.loaded] or spec.machine.format == "multiboot"
    finally:
        memory.close()
    assert os.path.isfile(guest_set.image_symbols(image))


@needs_gcc
def test_an_image_is_built_once_and_again_when_its_source_changes(folder, tmp_path):
    cache = str(tmp_path / "cache")
    first = guest_set.build("nap", str(folder), cache)
    with open(first, "rb") as file:
        assert file.read() == b"\xfa\xf4"
    stamp = os.stat(first).st_mtime_ns
    assert guest_set.build("nap", str(folder), cache) == first
    assert os.stat(first).st_mtime_ns == stamp
    (folder / "nap" / "guest.S").write_text(".globl _start\n_start: hlt\n")
    assert guest_set.build("nap", str(folder), cache) != first


@needs_gcc
def test_builders_at_the_same_time_agree_and_leave_nothing_else_behind(folder, tmp_path):
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: guest_set.build("nap", str(folder), str(cache)), range(4)))
    assert len(set(images)) == 1
    assert [entry.name for entry in cache.iterdir()] == [os.path.basename(os.path.dirname(images[0]))]


@needs_gcc
def test_a_source_that_does_not_compile_is_told_in_one_line(folder, tmp_path):
    (folder / "nap" / "guest.S").write_text("no such instruction\n")
    with pytest.raises(HostError, match=r"guest nap cannot be built: gcc: .*Error: no such instruction") as refusal:
        guest_set.build("nap", str(folder), str(tmp_path / "cache"))
    assert "\n" not in str(refusal.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_compiler_is_told_with_its_remedy(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="there is no gcc; apt install gcc binutils"):
        guest_set.build("nap", str(folder), str(tmp_path / "cache"))


def test_a_cache_that_cannot_be_written_is_told_with_its_remedy(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="set XDG_CACHE_HOME"):
        guest_set.build("nap", str(folder), str(tmp_path / "file" / "cache"))


def test_the_cache_is_where_xdg_says(monkeypatch, folder, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="there is no gcc"):
        guest_set.build("nap", str(folder))
    assert (tmp_path / "xdg" / "vmm" / "guests").is_dir()
