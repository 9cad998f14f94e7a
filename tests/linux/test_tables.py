"""Debian's kernels with what they find and tell: ACPI and MP table, power-off, reset, button, keys, panic."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from vmm import Machine, MachineConfig, Outcome
from vmm.boot import cpio
from vmm.control.doctor.linux import obstacle
from vmm.errors import HostError
from vmm.units import MiB

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("button", "evdev", "pvpanic-mmio")
COMPLAINTS = ("ACPI BIOS", "ACPI Error", "ACPI Warning", "ACPI Exception", "[Firmware ", "BIOS bug", "32/64X")
DEADLINE = 240.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session", autouse=True)
def _linux_boots_here() -> None:
    try:
        found = obstacle()
    except HostError as error:
        found = str(error)
    if found:
        pytest.skip(found)


@pytest.fixture(scope="session")
def debian():
    """debian(flavour) gives paths of a kernel and its initramfs."""
    known: dict[str, list[str]] = {}

    def files(flavour: str) -> list[str]:
        if flavour not in known:
            words = [word for module in MODULES for word in ("-m", module)]
            command = [ROOT / "scripts/guest-linux", "-f", flavour, *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"scripts/guest-linux: {done.stderr.strip()}")
            known[flavour] = done.stdout.splitlines()
        return known[flavour]

    return files


class Boot:
    """One boot of a kernel with a script that its init runs; `act(machine)` is called when the script says READY."""

    def __init__(self, files, tmp_path: Path, script: str, words: str = "", vcpus: int = 1, act=None) -> None:
        self._said = bytearray()
        self.act = act
        extra = tmp_path / "command.cpio"
        members = [cpio.file("vmm/settings", b"input=none\n"), cpio.file("vmm/command", script.encode())]
        with open(extra, "wb") as file:
            file.writelines(cpio.pack(cpio.in_order(members)))
        kernel, initramfs = files
        config = MachineConfig(
            image=kernel, modules=(initramfs, str(extra)), command_line=f"+quiet {words}".strip(), vcpus=vcpus,
            memory=256 * MiB, console=self._hear,
        )  # fmt: skip
        with Machine(config) as machine:
            self.machine = machine
            self.outcome: Outcome = machine.run(deadline=DEADLINE)

    @property
    def text(self) -> str:
        return self._said.decode("utf-8", "replace")

    def _hear(self, data: bytes) -> None:
        self._said += data
        if self.act is not None and b"\n" in data and b"READY" in self._said:
            act, self.act = self.act, None
            threading.Timer(1.0, act, (self.machine,)).start()


@pytest.mark.parametrize(("flavour", "vcpus"), [("cloud", 1), ("cloud", 4), ("amd64", 2)])
def test_acpi_is_taken_without_a_complaint_and_powers_off(debian, tmp_path, flavour, vcpus):
    script = """
    dmesg | grep -iE 'acpi|bios|firmware'
    echo cpus=$(nproc)
    cat /sys/class/dmi/id/product_name /proc/interrupts
    ls -1 /sys/bus/acpi/devices
    echo END
    poweroff -f"""
    boot = Boot(debian(flavour), tmp_path, script, vcpus=vcpus)
    assert (boot.outcome.kind, boot.outcome.exit_code()) == ("power-off", 0), boot.text[-3000:]
    lines = boot.text.splitlines()
    assert "END" in lines
    assert [line for line in lines if any(words in line for words in COMPLAINTS)] == []
    assert f"cpus={vcpus}" in lines
    assert "vmm" in lines
    assert "ACPI: Using IOAPIC for interrupt routing" in boot.text
    assert any("9-fasteoi" in line and "acpi" in line for line in lines)
    devices = {"ACPI0007:00", "LNXPWRBN:00", "PNP0501:00", "PNP0B00:00", "PNP0303:00", "QEMU0001:00", "VMMV0001:00"}
    assert devices - set(lines) == set()


@pytest.mark.parametrize("vcpus", [2, 4])
def test_without_acpi_the_mp_table_tells_of_all_cpus(debian, tmp_path, vcpus):
    script = "dmesg | grep MPTABLE; echo cpus=$(nproc); poweroff -f"
    boot = Boot(debian("amd64"), tmp_path, script, words="acpi=off", vcpus=vcpus)
    assert boot.outcome.exit_code() == 0, boot.outcome
    assert "MPTABLE: OEM ID: VMM" in boot.text
    assert f"cpus={vcpus}" in boot.text.splitlines()


@pytest.mark.parametrize(
    ("way", "kind", "words"),
    [("k", "reset", "keyboard controller command 0xfe"), ("a", "reset", "hard reset"), ("t", "shutdown", "")],
)
def test_reboot_ends_the_run_with_a_reset(debian, tmp_path, way, kind, words):
    boot = Boot(debian("cloud"), tmp_path, "reboot -f; sleep 60", words=f"reboot={way}")
    assert boot.outcome.kind == kind, boot.outcome
    assert words in boot.outcome.words


def test_the_power_button_is_an_event_that_a_guest_can_listen_to(debian, tmp_path):
    script = """
    grep -l LNXPWRBN /sys/class/input/event*/device/phys | while read -r file; do
      event=${file#/sys/class/input/}
      echo READY
      dd if=/dev/input/${event%%/*} bs=24 count=1 2>/dev/null | hexdump -v -e '/2 "%04x "'
      echo; echo PRESSED
      poweroff -f
    done
    echo no button
    sleep 60"""
    boot = Boot(debian("cloud"), tmp_path, script, act=lambda guest: guest.press_power_button())
    assert boot.outcome.kind == "power-off", boot.text
    assert "0001 0074 0001" in boot.text  # EV_KEY, KEY_POWER, pressed
    assert "PRESSED" in boot.text


def test_a_new_identity_seeds_the_random_numbers_anew(debian, tmp_path):
    script = """
    echo READY
    for _ in $(seq 100); do
      dmesg | grep 'virtual machine fork' && poweroff -f
      sleep 0.1
    done"""
    boot = Boot(debian("amd64"), tmp_path, script, act=lambda guest: guest.renew_identity())
    assert boot.outcome.kind == "power-off", boot.text
    assert "crng reseeded due to virtual machine fork" in boot.text


def test_ctrl_alt_del_reaches_linux(debian, tmp_path):
    boot = Boot(debian("cloud"), tmp_path, "echo READY; sleep 100", act=lambda guest: guest.press_ctrl_alt_del())
    assert boot.outcome.kind == "reset", boot.outcome
    assert "Restarting system" in boot.text


@pytest.mark.parametrize(
    ("script", "words", "said"),
    [
        ("echo c >/proc/sysrq-trigger", "panic=0", "sysrq triggered crash"),
        ("rmmod pvpanic_mmio; echo c >/proc/sysrq-trigger", "panic=0", "sysrq triggered crash"),
        ("rmmod pvpanic_mmio; echo c >/proc/sysrq-trigger", "panic=-1", "sysrq triggered crash"),
        ("", "rdinit=/bin/false", "Attempted to kill init!"),
    ],
    ids=["pvpanic", "last words", "reset", "no init"],
)
def test_a_panic_is_told_in_the_kernels_words(debian, tmp_path, script, words, said):
    boot = Boot(debian("cloud"), tmp_path, script, words=words)
    assert (boot.outcome.kind, boot.outcome.exit_code()) == ("panic", 118), boot.outcome
    assert "Kernel panic - not syncing" in boot.outcome.words
    assert said in boot.outcome.words
