"""A list of kvm-unit-tests, run each in a process of its own, several at a time, and beside QEMU if asked.

A process of its own keeps what goes wrong with one machine from the others, and can be killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from ...records import Record
from . import listing, qemu, result
from .listing import Entry
from .qemu_words import NotUnderstood, fields
from .result import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

GRACE = 30.0
"""Seconds that a process has beyond its test's time before it is killed."""


class Plan(Record):
    """How a list is run."""

    folder: str
    """Where the tests are."""
    jobs: int = 1
    timeout: float | None = None
    """Seconds that replace those of every test."""
    initrd: str = ""
    """A module for every test."""
    compare: bool = False


class Pair(Record):
    """A test's run here, and under QEMU where that was asked for."""

    ours: Result
    theirs: Result | None = None


def run(entries: Sequence[Entry], plan: Plan, told: Callable[[Pair], None]) -> list[Pair]:
    """Runs the tests, in order as far as `plan.jobs` allows; `told` hears of each as it ends, one at a time."""
    with ThreadPoolExecutor(max_workers=plan.jobs) as pool:
        futures = [pool.submit(_pair, entry, plan) for entry in entries]
        pairs = []
        try:
            for future in futures:
                pairs.append(future.result())
                told(pairs[-1])
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return pairs


def _pair(entry: Entry, plan: Plan) -> Pair:
    why = listing.not_here(entry, plan.folder)
    if why:
        return Pair(ours=Result(name=entry.name, verdict=result.SKIP, words=why))
    timeout = (plan.timeout if plan.timeout is not None else entry.timeout) or None
    theirs = None
    if plan.compare:
        file = os.path.join(plan.folder, entry.file)
        append = listing.started_at(entry.append, time.time())
        line = qemu.command(file, entry.smp, append, entry.words, plan.initrd)
        theirs = qemu.run(entry.name, line, timeout)
    return Pair(ours=_ours(entry, plan, timeout), theirs=theirs)


def _ours(entry: Entry, plan: Plan, timeout: float | None) -> Result:
    try:
        fields(entry.words)
    except NotUnderstood as fault:
        return Result(name=entry.name, verdict=result.SKIP, words=str(fault))
    line = [sys.executable, "-m", "vmm", "kut", os.path.join(plan.folder, entry.file), "--json"]
    line += ["--smp", str(entry.smp), "--append", listing.started_at(entry.append, time.time()), "--name", entry.name]
    line += ["--timeout", f"{timeout or 0}s"]
    line += ["--initrd", plan.initrd] if plan.initrd else []
    for word in entry.words:
        line.append(f"--qemu-word={word}")
    started = time.monotonic()
    process = Popen(line, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": _home()})
    try:
        said, complaint = process.communicate(timeout=None if not timeout else timeout + GRACE)
    except TimeoutExpired:
        process.kill()
        process.communicate()
        words = "it had to be killed: KVM did not come back from the guest"
        return Result(name=entry.name, verdict=result.TIMEOUT, words=words, seconds=time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.kill()
    try:
        return Result.from_json(json.loads(said)["result"])
    except (ValueError, KeyError, TypeError):
        lines = complaint.decode("utf-8", "replace").strip().splitlines() or ["it ended without a word"]
        words = lines[-1].removeprefix("vmm: ")
        return Result(name=entry.name, verdict=result.REFUSED, words=words, seconds=time.monotonic() - started)


def _home() -> str:
    """The path from which this very package was imported, so that the processes import it too."""
    above = os.path.dirname
    home = above(above(above(above(os.path.abspath(__file__)))))
    return os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
