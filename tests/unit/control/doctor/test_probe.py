"""The tiny guests as data: their bytes are what their assembly says, and they fit where they go."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vmm.control.doctor import speed
from vmm.control.doctor.examination import MODES, PROBES
from vmm.control.doctor.probe import AREAS, CODE, HANDLER, NOT_OFFERED, Probe

ALL = (*PROBES, *speed.PROBES)
BITS = {"real": 16, "protected": 32, "paged": 32, "long": 64}


def assembled(folder: Path) -> dict[tuple[str, str], str]:
    """The machine code of every probe's code and handler, from one run of GNU as: (name, part) -> hex digits."""
    parts = {(probe.name, part): (probe.mode, text) for probe in ALL for part, text in pieces(probe)}
    source = [".intel_syntax noprefix"]
    for at, (mode, text) in enumerate(parts.values()):
        body = text
        for label in ("next", "again", "absent", "spin", "sleep", "wait", "first", "second", "user"):
            body = body.replace(f"{label}:", f"{label}_{at}:")
            body = body.replace(f" {label}\n", f" {label}_{at}\n").replace(f"+ {label}]", f"+ {label}_{at}]")
        source += [f'.section .text.s{at}, "ax"', f".code{BITS[mode]}", body, ""]
    (folder / "all.s").write_text("\n".join(source))
    subprocess.run(["as", "-o", folder / "all.o", folder / "all.s"], check=True)
    code = {}
    for at, key in enumerate(parts):
        raw = folder / f"{at}.bin"
        subprocess.run(["objcopy", "-O", "binary", "-j", f".text.s{at}", folder / "all.o", raw], check=True)
        code[key] = raw.read_bytes().hex()
    return code


def pieces(probe: Probe) -> tuple[tuple[str, str], ...]:
    return ("code", probe.assembly + "\n"), ("handler", probe.handler_assembly + "\n")


@pytest.mark.skipif(not shutil.which("as") or not shutil.which("objcopy"), reason="binutils are not here")
def test_the_bytes_are_what_the_assembly_says(tmp_path: Path) -> None:
    expected = assembled(tmp_path)
    for probe in ALL:
        assert bytes.fromhex(probe.code).hex() == expected[probe.name, "code"], probe.name
        assert bytes.fromhex(probe.handler).hex() == expected[probe.name, "handler"], probe.name


def test_no_two_probes_share_a_name() -> None:
    names = [probe.name for probe in ALL]
    assert len(names) == len(set(names))
    assert set(MODES) <= set(names)


@pytest.mark.parametrize("probe", ALL, ids=lambda probe: probe.name)
def test_a_probe_is_complete(probe: Probe) -> None:
    assert probe.area in AREAS
    assert probe.answer != NOT_OFFERED
    assert 0 < probe.deadline <= 1
    assert len(bytes.fromhex(probe.code)) < HANDLER - CODE
    assert probe.image().endswith(bytes.fromhex(probe.handler))


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_loss_is_a_sentence(probe: Probe) -> None:
    assert probe.loss.endswith(".")
    assert not probe.otherwise.endswith(".")
