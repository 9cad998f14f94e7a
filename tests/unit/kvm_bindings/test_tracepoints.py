from __future__ import annotations

from pathlib import Path

import pytest

from kvm_bindings.tracepoints import fields_of, tracepoint

FORMAT = """name: kvm_exit
ID: 103
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned int exit_reason;\toffset:8;\tsize:4;\tsigned:0;
\tfield:unsigned long guest_rip;\toffset:16;\tsize:8;\tsigned:0;
\tfield:char name[16];\toffset:24;\tsize:16;\tsigned:0;

print fmt: "field:%u", REC->exit_reason
"""


def test_fields_have_their_places() -> None:
    fields = fields_of(FORMAT)
    assert fields["exit_reason"] == (8, 4)
    assert fields["guest_rip"] == (16, 8)
    assert fields["name"] == (24, 16)
    assert set(fields) == {"common_type", "common_pid", "exit_reason", "guest_rip", "name"}


def test_a_tracepoint_is_two_files(tmp_path: Path) -> None:
    folder = tmp_path / "events" / "kvm" / "kvm_exit"
    folder.mkdir(parents=True)
    with pytest.raises(FileNotFoundError):
        tracepoint(str(tmp_path), "kvm", "kvm_exit")
    (folder / "id").write_text("103\n")
    (folder / "format").write_text(FORMAT)
    found = tracepoint(str(tmp_path), "kvm", "kvm_exit")
    assert (found.name, found.id, found.fields["guest_rip"]) == ("kvm:kvm_exit", 103, (16, 8))
