"""`vmm kut`: x86 kvm-unit-tests, one or a list, and beside QEMU."""

from __future__ import annotations

import os
import sys

from ...errors import ConfigError
from ...units import SECOND, parse_duration, parse_size
from ..json_file import to_text
from ..kut.result import VERDICTS, Result
from ..whole_file import check_path
from .options import Command, Option, help_page, number, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMAND = Command(
    name="kut",
    summary="Runs an x86 kvm-unit-test, or with --config a list of them.",
    arguments="FILE.flat | --config unittests.cfg DIR [TEST...]",
    most=1000,
    options=(
        Option(names=("--smp", "-smp", "--vcpus"), value="N", convert=number, help="number of vCPUs"),
        Option(names=("--append", "-append"), value="WORDS", help="the test's arguments"),
        Option(names=("--cpu", "-cpu"), value="MODEL", help="CPUID in QEMU's words: qemu64, max, host,-x2apic"),
        Option(names=("--memory", "-m"), value="SIZE", convert=lambda text: parse_size(text, "m"),
               help="RAM: 128M if not given"),
        Option(names=("--initrd", "-initrd"), value="FILE", help="the test's environment, a module"),
        Option(names=("--timeout", "-t"), value="TIME", convert=parse_duration, help="90s, or the list's own"),
        Option(names=("--config",), value="FILE", help="a unittests.cfg; DIR is where the tests are"),
        Option(names=("--group",), value="NAME", help="only the tests of this group"),
        Option(names=("--jobs", "-j"), value="N", convert=number, default=1, help="so many tests at a time"),
        Option(names=("--compare",), help="run QEMU beside, list every test that differs"),
        Option(names=("--junit",), value="FILE", help="write JUnit XML"),
        Option(names=("--json",), help="one JSON document on stdout"),
        Option(names=("--stats",), help="print every exit, counted and timed, to stderr"),
        Option(names=("--name",), value="NAME", help=""),
        Option(names=("--qemu-word",), value="WORD", help="", many=True),
    ),
    notes="Exit code: 0 pass, 1 fail, 77 skip, 124 timeout; of a list or comparison 0 or 1.\ndocs/kut.md says more.",
)  # fmt: skip


def main(words: list[str]) -> int:
    """The command's exit code."""
    values, plain = parse(COMMAND, words)
    if values["help"]:
        sys.stdout.write(help_page(COMMAND, bool(values["help_all"])))
        return 0
    if not plain:
        raise ConfigError.of("", f"no test given; usage: vmm kut {COMMAND.arguments}")
    if values["junit"] is not None:
        check_path("--junit", values["junit"])
    if values["jobs"] < 1:
        raise ConfigError.of("--jobs", f"from 1 on, not {values['jobs']}")
    if values["config"] is not None:
        return _list(values, plain[0], tuple(plain[1:]))
    if len(plain) > 1:
        raise ConfigError.of("", "more than one test given; a list of them needs --config")
    return _compared(values, plain[0]) if values["compare"] else _one(values, plain[0])


def _one(values: dict[str, Any], file: str) -> int:
    from ..kut import single

    tee = None if values["json"] else _Tee()
    run = single.run(file, _fields(values), _timeout(values), tee, values["name"] or "")
    if values["json"]:
        document = {"schema": "vmm.kut", "version": 1, "result": run.result.as_json(), "exits": run.exits.as_json()}
        sys.stdout.write(to_text(document))
    else:
        _say(run.result)
    if values["stats"]:
        from ...observe.exit_table import render

        sys.stderr.write("\n" + render(run.exits) + "\n")
    _write_junit(values, [run.result])
    if tee is not None and tee.failure is not None:
        raise tee.failure
    return run.result.exit_code


def _compared(values: dict[str, Any], file: str) -> int:
    """One test beside QEMU, as a list of one."""
    from ..kut import batch, listing, qemu

    qemu.expect()
    timeout = _timeout(values)
    folder, name = os.path.split(file)
    words = [*values["qemu_word"]]
    words += ["-cpu", values["cpu"]] if values["cpu"] is not None else []
    words += ["-m", str(-(-values["memory"] >> 20))] if values["memory"] is not None else []
    entry = listing.Entry(
        name=values["name"] or name.removesuffix(".flat"), file=name, smp=values["smp"] or 1,
        append=values["append"] or "", words=tuple(words), timeout=timeout or 0.0,
    )  # fmt: skip
    plan = batch.Plan(folder=folder or ".", compare=True, initrd=values["initrd"] or "")
    pairs = batch.run([entry], plan, lambda pair: None)
    _report(values, pairs)
    return _code(pairs)


def _list(values: dict[str, Any], folder: str, names: tuple[str, ...]) -> int:
    from ..kut import batch, listing, qemu, summary

    if values["compare"]:
        qemu.expect()
    for option in ("smp", "append", "cpu", "memory", "stats"):
        if values[option] is not None and values[option] is not False:
            raise ConfigError.of(f"--{option}", "the list says it for each test")
    entries = listing.select(listing.read(values["config"]), values["group"] or "", names)
    timeout = None if values["timeout"] is None else values["timeout"] / SECOND
    plan = batch.Plan(
        folder=folder,
        jobs=values["jobs"],
        timeout=timeout,
        initrd=values["initrd"] or "",
        compare=bool(values["compare"]),
    )

    def told(pair: batch.Pair) -> None:
        if not values["json"]:
            sys.stderr.write(summary.progress(pair))
            sys.stderr.flush()

    pairs = batch.run(entries, plan, told)
    _report(values, pairs)
    return _code(pairs)


def _report(values: dict[str, Any], pairs: list[Any]) -> None:
    from ..kut import summary

    if values["json"]:
        runs = [
            {"result": pair.ours.as_json(), "qemu": None if pair.theirs is None else pair.theirs.as_json()}
            for pair in pairs
        ]
        sys.stdout.write(to_text({"schema": "vmm.kut-list", "version": 1, "runs": runs}))
    else:
        sys.stdout.write(summary.render(pairs, _width()))
    _write_junit(values, [pair.ours for pair in pairs])


def _code(pairs: list[Any]) -> int:
    """1 when a comparison found a difference; without one, when a test neither passed nor skipped."""
    from ..kut.comparison import differences, is_comparable

    if any(pair.theirs is not None for pair in pairs):
        beside = [pair for pair in pairs if pair.theirs is not None and is_comparable(pair.theirs)]
        return int(any(differences(pair.ours, pair.theirs) for pair in beside))
    return int(any(pair.ours.verdict not in ("pass", "skip") for pair in pairs))


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    from ..kut import qemu_words

    try:
        found = qemu_words.fields(values["qemu_word"])
        if values["cpu"] is not None:
            found["cpu"] = qemu_words.cpu(values["cpu"])
    except qemu_words.NotUnderstood as fault:
        raise ConfigError.of("--cpu" if values["cpu"] is not None else "", str(fault)) from None
    for option, field in (("smp", "vcpus"), ("append", "command_line"), ("memory", "memory")):
        if values[option] is not None:
            found[field] = values[option]
    if values["initrd"] is not None:
        found["modules"] = tuple(qemu_words.modules(values["initrd"]))
    return found


def _timeout(values: dict[str, Any]) -> float | None:
    from ..kut.listing import TIMEOUT

    return TIMEOUT if values["timeout"] is None else values["timeout"] / SECOND or None


def _say(run: Result) -> None:
    sys.stdout.flush()
    meaning = run.words or VERDICTS[run.verdict][1]
    sys.stderr.write(f"vmm: {run.name}: {run.verdict}: {meaning}\n")


def _write_junit(values: dict[str, Any], results: list[Result]) -> None:
    if values["junit"] is not None:
        from ..json_file import write_text
        from ..kut.junit import render

        write_text(values["junit"], render(results))


def _width() -> int:
    return os.get_terminal_size(1).columns if os.isatty(1) else 160


class _Tee:
    """What the guest says, to standard output as it says it; a write that fails ends the echo, not the test."""

    def __init__(self) -> None:
        self.failure: OSError | None = None

    def __call__(self, data: bytes) -> None:
        try:
            while data and self.failure is None:
                data = data[os.write(1, data) :]
        except OSError as error:
            self.failure = error
