"""What pytest calls: options, markers, fixtures, and what is added to a failed test's report."""

from __future__ import annotations

import os

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

    from .machine import GuestMachine, LinuxRun

REQUIRE = "VMM_REQUIRE_KVM"
_MACHINES: pytest.StashKey[list[Any]] = pytest.StashKey()
_MARKERS = (
    "requires_kvm(hw=False, caps=(), linux=False): skipped where /dev/kvm cannot be used, or has no hardware support, "
    "not these capabilities, or does not boot stock Linux; VMM_REQUIRE_KVM=1 makes it fail instead",
    'vm(asm="...", c="...", image=..., mode=..., ...): what the fixture `vm` boots; other words are MachineConfig\'s',
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """--vmm-artifacts."""
    group = parser.getgroup("vmm", "KVM guests (vmm)")
    group.addoption(
        "--vmm-artifacts", metavar="DIR", default=None,
        help="keep console, registers, exits and a trace of the machines of failed tests there",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """The markers."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what this host cannot run."""
    for marker in item.iter_markers("requires_kvm"):
        from .. import missing

        reason = missing(**marker.kwargs)
        if not reason:
            continue
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(f"{REQUIRE}=1, but {reason}", pytrace=False)
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test's report says what its machines were about."""
    report = yield
    machines = item.stash.get(_MACHINES, [])
    if report.when == "call" and report.failed and machines:
        from .findings import attach

        attach(report, machines, item.config.getoption("--vmm-artifacts"), item.nodeid)
    return report


@pytest.fixture
def vm_factory(request: pytest.FixtureRequest) -> Iterator[Callable[..., GuestMachine]]:
    """vm_factory(image, ...) makes a machine (a vmm.Machine with .console) that is closed when the test ends."""
    from .machine import GuestMachine

    machines: list[GuestMachine] = request.node.stash.setdefault(_MACHINES, [])

    def make(image: str | bytes = "", **fields: Any) -> GuestMachine:
        machine = GuestMachine(image=image, **fields)
        machines.append(machine)
        if request.config.getoption("--vmm-artifacts") is not None:
            machine.begin_trace()
        return machine

    yield make
    for machine in machines:
        machine.close()


@pytest.fixture
def vm(
    request: pytest.FixtureRequest, vm_factory: Callable[..., GuestMachine], guest_asm: Callable[..., str],
    guest_c: Callable[..., str],
) -> GuestMachine:  # fmt: skip
    """The machine that the test's marker `vm` describes."""
    marker = request.node.get_closest_marker("vm")
    if marker is None:
        raise pytest.UsageError('the fixture vm boots what @pytest.mark.vm(asm="...") names; or take vm_factory')
    fields = dict(marker.kwargs)
    for word, build in (("asm", guest_asm), ("c", guest_c)):
        if word in fields:
            fields["image"] = build(fields.pop(word), mode=fields.setdefault("mode", "long"))
    return vm_factory(**fields)


@pytest.fixture(scope="session")
def guest_asm() -> Callable[..., str]:
    """guest_asm("...", mode="long") gives the path of a guest made of GNU assembly; "real" links a flat image."""
    return lambda text, mode="long": _built(text, "asm", mode)


@pytest.fixture(scope="session")
def guest_c() -> Callable[..., str]:
    """guest_c("...", mode="long") gives the path of a guest made of freestanding C; its guest_main() gives its end."""
    return lambda text, mode="long": _built(text, "c", mode)


def _built(text: str, language: str, mode: str) -> str:
    import inspect
    import textwrap

    from .. import HostError, build_guest

    caller = inspect.stack()[2]
    try:
        return build_guest(textwrap.dedent(text), language, mode, os.path.basename(caller.filename))
    except HostError as error:
        said = "\n".join(getattr(error, "__notes__", []))
        pytest.fail(f"{error}\n{said}", pytrace=False)


@pytest.fixture
def linux_guest(request: pytest.FixtureRequest) -> Callable[..., LinuxRun]:
    """linux_guest("uname -r", kernel=None, deadline=120, ...) boots Linux, runs a shell command in it, and gives its
    exit status and what the console said. Skips where stock Linux does not boot."""
    from .. import missing

    if reason := missing(linux=True):
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(f"{REQUIRE}=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    from .machine import run_linux

    machines: list[Any] = request.node.stash.setdefault(_MACHINES, [])
    return lambda command, deadline=120.0, **fields: run_linux(machines, command, deadline, **fields)
