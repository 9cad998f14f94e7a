"""Stock Linux, booted: kernels and an initramfs from scripts/guest-linux, and a guest that runs one script.

These tests need a KVM on which Linux boots. Where this host's is none they are skipped with the reason, and
scripts/test --lab runs them on the machine of scripts/lab.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmm import Machine, Outcome
from vmm.boot.linux import bzimage, payload, setup_header
from vmm.control.linux import payload as init
from vmm.control.linux import tree
from vmm.units import GiB

ROOT = Path(__file__).parents[2]
DEADLINE = 240.0
"""Seconds for a boot on an emulated CPU that others use too."""

Boot = Callable[..., tuple[Outcome, str]]


class Kernel:
    """A kernel and the initramfs that goes with it, which loads `modules`."""

    def __init__(self, flavour: str, modules: list[str] = []) -> None:  # noqa: B006
        wanted = [word for module in modules for word in ("-m", module)]
        done = subprocess.run(
            [ROOT / "scripts/guest-linux", "-f", flavour, *wanted], stdout=subprocess.PIPE, text=True, check=True
        )
        self.image, self.initramfs = done.stdout.split()


@pytest.fixture(scope="session")
def kernels() -> dict[str, Kernel]:
    """Debian's, by flavour."""
    return {flavour: Kernel(flavour) for flavour in ("cloud", "amd64")}


@pytest.fixture(scope="session")
def with_virtio() -> Kernel:
    """Debian's cloud kernel with its drivers for virtio devices."""
    return Kernel("cloud", (ROOT / "tests/linux/virtio-modules").read_text().split())


@pytest.fixture(scope="session")
def with_9p() -> Kernel:
    """Debian's other kernel with the same drivers and v9fs, which the cloud kernel lacks."""
    return Kernel("amd64", [*(ROOT / "tests/linux/virtio-modules").read_text().split(), "9pnet_virtio", "9p"])


@pytest.fixture(scope="session")
def vmlinux(kernels, tmp_path_factory) -> str:
    """The ELF file inside the cloud kernel."""
    image = Path(kernels["cloud"].image).read_bytes()
    start, size = bzimage.expect_payload(setup_header.read(image), image)
    path = tmp_path_factory.mktemp("vmlinux") / "vmlinux"
    path.write_bytes(payload.unpack(image[start : start + size], GiB))
    return str(path)


@pytest.fixture
def linux() -> Callable[..., Machine]:
    """linux(kernel, script, **fields): the machine of a guest that runs `script`; without one the root's own init."""

    def linux(kernel: Kernel, script: str | None, image: str = "", words: str = "quiet", **fields: Any) -> Machine:
        archive = tree.ArchiveFile("script")
        try:
            archive.add_members(init.members([] if script is None else ["sh", "-c", script], init.NONE, None, ""))
            return Machine(
                image=image or kernel.image,
                modules=(kernel.initramfs, archive.path),
                command_line=f"+{words}",
                **fields,
            )
        finally:
            archive.close()

    return linux


@pytest.fixture
def boot(linux) -> Boot:
    """boot(kernel, script, **fields): how such a guest ends, and what it says."""

    def boot(kernel: Kernel, script: str | None, deadline: float = DEADLINE, **fields: Any) -> tuple[Outcome, str]:
        with linux(kernel, script, **fields) as machine:
            outcome = machine.run(deadline=deadline)
            return outcome, machine.console_output.decode(errors="replace")

    return boot
