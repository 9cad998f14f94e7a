from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vmm.engine.kvm_hidden_trouble import Host, opening, tracepoints
from vmm.errors import HostError

NAMES = ("kvm_exit", "kvm_entry", "kvm_cpuid")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "filesystems").write_text("nodev\ttracefs\n\text4\n")
    (tmp_path / "paranoid").write_text("2\n")
    places = (str(tmp_path / "tracing"), str(tmp_path / "debug"))
    return Host(places=places, filesystems=str(tmp_path / "filesystems"), paranoia=str(tmp_path / "paranoid"))


def have(host: Host, *names: str, place: int = 0) -> None:
    for number, name in enumerate(names, 7):
        folder = Path(host.places[place]) / "events" / "kvm" / name
        folder.mkdir(parents=True)
        (folder / "id").write_text(f"{number}\n")
        (folder / "format").write_text("")


def said(host: Host) -> str:
    with pytest.raises(HostError) as raised:
        tracepoints(NAMES, 2, host)
    return str(raised.value)


def test_all_there(host: Host) -> None:
    have(host, *NAMES)
    assert [point.id for point in tracepoints(NAMES, 2, host) if point] == [7, 8, 9]


def test_the_older_place_serves_too(host: Host) -> None:
    have(host, *NAMES, place=1)
    assert all(tracepoints(NAMES, 2, host))


def test_what_is_not_needed_may_be_missing(host: Host) -> None:
    have(host, *NAMES[:2])
    assert tracepoints(NAMES, 2, host)[2] is None


def test_what_is_needed_and_missing_is_named(host: Host) -> None:
    have(host, NAMES[0])
    assert "does not have the tracepoint kvm:kvm_entry" in said(host)


def test_tracefs_that_is_not_mounted_is_told_from_one_that_is_not_there(host: Host) -> None:
    assert "not mounted" in said(host)
    assert f"mount -t tracefs tracefs {host.places[0]}" in said(host)
    Path(host.filesystems).write_text("nodev\tproc\n")
    assert "has no tracefs" in said(host)


def test_a_tracefs_without_kvm(host: Host) -> None:
    (Path(host.places[0]) / "events" / "sched").mkdir(parents=True)
    assert "no tracepoints of KVM" in said(host)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_tracefs_for_root_alone(host: Host) -> None:
    have(host, *NAMES)
    Path(host.places[0]).chmod(0)
    assert "run as root" in said(host)
    Path(host.places[0]).chmod(0o700)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "perf_event_paranoid is 2"),
        (errno.EPERM, "CAP_PERFMON"),
        (errno.ENOSYS, "no perf events"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EINVAL, "Invalid argument"),
    ],
)
def test_each_refusal_of_perf_has_its_remedy(host: Host, number: int, words: str) -> None:
    assert words in str(opening(number, host))
