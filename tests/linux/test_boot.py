"""Debian's kernels boot by every protocol, with several CPUs and sizes of memory, and end as they should.

The default is one boot or two of each protocol; VMM_LINUX_MATRIX=full has them all.
"""

from __future__ import annotations

import itertools
import os

import pytest

from vmm.units import GiB, MiB

FULL = os.environ.get("VMM_LINUX_MATRIX") == "full"
SIZES = {"128M": 128 * MiB, "1G": GiB, "5G": 5 * GiB}
ENTRIES = {
    "direct": {"direct": True},
    "linux64": {"boot_protocol": "linux64", "direct": False},
    "linux32": {"boot_protocol": "linux32"},
    "linux16": {"boot_protocol": "linux16"},
    "pvh": {"boot_protocol": "pvh"},
}
REPRESENTATIVE = [
    ("cloud", "direct", 1, "128M"), ("cloud", "linux64", 2, "1G"), ("cloud", "linux32", 2, "128M"),
    ("cloud", "pvh", 4, "5G"), ("amd64", "direct", 2, "1G"),
]  # fmt: skip
ALL = list(itertools.product(("cloud", "amd64"), ENTRIES, (1, 2, 4), SIZES))
FACTS = "echo cpus=$(nproc) kib=$(sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"


def facts(output: str) -> dict[str, str]:
    """The words of the guest's line of facts."""
    line = next((line for line in output.splitlines() if "cpus=" in line), "")
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


@pytest.mark.parametrize(("flavour", "entry", "cpus", "size"), ALL if FULL else REPRESENTATIVE)
def test_it_boots_and_powers_off(boot, kernels, flavour, entry, cpus, size):
    outcome, output = boot(kernels[flavour], f"{FACTS}; poweroff -f", vcpus=cpus, memory=SIZES[size], **ENTRIES[entry])
    found = facts(output)
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert found["cpus"] == str(cpus)
    assert 0.6 * SIZES[size] < int(found["kib"]) * 1024 < SIZES[size]


@pytest.mark.parametrize("protocol", ["linux64", "pvh"] if FULL else ["linux64"])
def test_a_vmlinux_boots_and_reboot_is_a_reset(boot, kernels, vmlinux, protocol):
    outcome, output = boot(kernels["cloud"], f"{FACTS}; reboot -f", image=vmlinux, boot_protocol=protocol)
    assert outcome.kind == "reset", f"{outcome}\n{output}"
    assert facts(output)["cpus"] == "1"


@pytest.mark.parametrize("cpus", [1, 2] if FULL else [2])
def test_it_boots_with_all_but_the_local_apics_in_python(boot, kernels, cpus):
    """The serial console's interrupts are edges, ACPI's a level: both come by the I/O APIC."""
    script = f"{FACTS}; cat /proc/interrupts; poweroff -f"
    outcome, output = boot(kernels["cloud"], script, vcpus=cpus, irqchip="split")
    assert outcome.kind == "power-off", f"{outcome}\n{output}"
    assert facts(output)["cpus"] == str(cpus)
    lines = {line.split()[-1]: line for line in output.splitlines() if "IO-APIC" in line}
    assert "edge" in lines["ttyS0"]
    assert "fasteoi" in lines["acpi"]


def test_kvms_clock_and_its_switch(boot, kernels):
    clock = "cat /sys/devices/system/clocksource/clocksource0/current_clocksource; poweroff -f"
    assert "kvm-clock" in boot(kernels["cloud"], clock)[1]
    output = boot(kernels["cloud"], clock, cpu="host,-kvmclock")[1]
    assert "kvm-clock" not in output
    assert "tsc" in output or "acpi_pm" in output


def test_a_quiet_boot_costs_few_exits(kernels):
    """QEMU's microvm makes about 550 port and 430 MMIO exits with the same kernel and initramfs."""
    from vmm import Machine

    with Machine(image=kernels["cloud"].image, modules=(kernels["cloud"].initramfs,),
                 command_line="+quiet vmm.run='poweroff -f'") as machine:  # fmt: skip
        outcome = machine.run(deadline=240)
        accesses = machine.exits.count("io") + machine.exits.count("mmio")
    assert outcome.kind == "power-off"
    assert accesses < 980
