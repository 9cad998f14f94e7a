"""The cache of unpacked kernels: what is kept, under which names, and that a bad directory is no error."""

from __future__ import annotations

import os

import pytest

from vmm.backends.kernel_cache import MOST, KernelCache


@pytest.fixture
def cache(tmp_path) -> KernelCache:
    return KernelCache(str(tmp_path / "kernels"))


def content(cache: KernelCache, name: str) -> bytes | None:
    mapping = cache.find(name)
    if mapping is None:
        return None
    with mapping:
        return mapping[:]


def test_a_kernel_is_found_under_its_name_and_its_alias(cache):
    assert cache.find("digest") is None
    cache.put("digest", b"kernel")
    cache.alias("file-1", "digest")
    assert content(cache, "digest") == content(cache, "file-1") == b"kernel"


def test_an_alias_may_move_on(cache):
    cache.put("one", b"1")
    cache.put("two", b"2")
    cache.alias("file", "one")
    cache.alias("file", "two")
    assert content(cache, "file") == b"2"


def test_the_kernels_used_last_stay_and_the_aliases_of_the_others_go(cache, tmp_path):
    for number in range(MOST):
        cache.put(f"kernel-{number}", b"x")
        cache.alias(f"file-{number}", f"kernel-{number}")
        os.utime(tmp_path / "kernels" / f"kernel-{number}", ns=(number, number))
    assert content(cache, "kernel-0") == b"x"  # is the newest now
    cache.put("another", b"y")
    names = set(os.listdir(tmp_path / "kernels"))
    assert {"kernel-0", "another", "file-0"} <= names
    assert not {"kernel-1", "file-1"} & names
    assert len([name for name in names if not name.startswith("file")]) == MOST


def test_nothing_half_written_is_left(cache, tmp_path):
    cache.put("kernel", b"x" * 100)
    assert os.listdir(tmp_path / "kernels") == ["kernel"]


def test_where_there_can_be_no_directory_there_is_no_cache(tmp_path):
    (tmp_path / "file").write_text("")
    cache = KernelCache(str(tmp_path / "file" / "kernels"))
    cache.put("name", b"kernel")
    cache.alias("other", "name")
    assert cache.find("name") is None


def test_an_empty_file_is_no_kernel(cache, tmp_path):
    cache.put("name", b"kernel")
    (tmp_path / "kernels" / "name").write_bytes(b"")
    assert cache.find("name") is None
