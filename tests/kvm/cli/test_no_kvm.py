"""A host that cannot: /dev/kvm missing, forbidden, or not what its name says. One line, one remedy, exit code 126."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def apart(commands: str) -> tuple[str, ...]:
    """A prefix that runs a command with mounts of its own, after `commands`."""
    return ("unshare", "--mount", "sh", "-c", f'{commands} && exec "$@"', "sh")


def needs(prefix: tuple[str, ...]) -> None:
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("mounts of one's own need root or user namespaces here")


def test_without_the_device_the_remedy_is_named(vmm, code, image, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    prefix = apart(f"mount --bind {empty} /dev")
    needs(prefix)
    words = vmm.refused("run", image(code.halt), prefix=prefix, code=126)
    assert words.startswith("/dev/kvm does not exist; ")


def test_a_device_that_is_not_kvm_is_told(vmm, code, image):
    prefix = apart("mount --bind /dev/null /dev/kvm")
    needs(prefix)
    vmm.refused("run", image(code.halt), prefix=prefix, code=126)


def test_without_permission_a_remedy_is_named(vmm, code, image, unprivileged, tmp_path):
    locked = tmp_path / "locked"
    locked.touch(0)
    prefix = apart(f"mount --bind {locked} /dev/kvm")
    needs(prefix)
    words = vmm.refused("run", image(code.halt), prefix=(*prefix, *unprivileged), code=126)
    assert words.startswith("no permission to open /dev/kvm; ")


def test_a_bad_request_is_told_before_a_bad_host(vmm, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    prefix = apart(f"mount --bind {empty} /dev")
    needs(prefix)
    vmm.refused("run", "nowhere", prefix=prefix, code=125)


def test_a_guest_that_cannot_be_built_is_told(vmm, tmp_path):
    vmm.env |= {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    words = vmm.refused("run", "--guest", "hello-long", code=126)
    assert words == "guest hello-long cannot be built: there is no gcc; apt install gcc binutils"
