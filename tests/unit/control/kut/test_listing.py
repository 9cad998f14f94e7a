"""unittests.cfg: what is read from it, what is refused, what is not for this host."""

from __future__ import annotations

import pytest

from vmm.control.kut import listing
from vmm.errors import ConfigError

LIST = '''
# a comment
[apic]
file = apic.flat
smp = 2
qemu_params = -cpu qemu64,+x2apic -m 512
timeout = 30
groups = apic smp

[args]
file = args.flat
test_args = "'two words' `date +%s`"
extra_params = """-append
  'from older files'"""
accel = kvm
groups = nodefault

[old]
file = old.flat
arch = i386
'''


def parse(text: str) -> list[listing.Entry]:
    return listing.parse(text, "unittests.cfg")


def test_a_list_is_read_with_its_parameters():
    apic, args, old = parse(LIST)
    assert apic == listing.Entry(
        name="apic", file="apic.flat", smp=2, words=("-cpu", "qemu64,+x2apic", "-m", "512"), timeout=30.0,
        groups=("apic", "smp"),
    )  # fmt: skip
    assert listing.started_at(args.append, 1700000000.9) == "'two words' 1700000000"
    assert args.words == ("-append", "from older files")
    assert (args.timeout, old.timeout, old.smp) == (90.0, 90.0, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[a]\nsmp = 1", r"unittests.cfg:1: \[a\] names no file"),
        ("file = a.flat", "unittests.cfg:1: .* neither a heading nor a key"),
        ("[a", "is no heading"),
        ("[]", "is no heading"),
        ("[a]\nfile = a\n[a]\nfile = b", "unittests.cfg:3: there is another test called a"),
        ("[a]\nfile = a\nfiel = b", "unittests.cfg:3: 'fiel' is not known here, did you mean file"),
        ("[a]\nfile = a\nsmp = two", r"\[a\] invalid literal"),
        ("[a]\nfile = a\ntimeout = soon", r"\[a\] 'soon' is not a duration"),
        ("[a]\nfile = a\ntest_args = 'x", r"\[a\] test_args: No closing quotation"),
        ("[a]\nword", "neither a heading nor"),
    ],
)
def test_a_fault_is_refused_with_its_line(text, words):
    with pytest.raises(ConfigError, match=words):
        parse(text)


def test_a_missing_list_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--config: cannot read .*: No such file"):
        listing.read(str(tmp_path / "none.cfg"))


def test_groups_and_names_choose_and_nodefault_waits_to_be_asked_for():
    entries = parse(LIST)
    assert [entry.name for entry in listing.select(entries)] == ["apic", "old"]
    assert [entry.name for entry in listing.select(entries, group="smp")] == ["apic"]
    assert [entry.name for entry in listing.select(entries, group="nodefault")] == ["args"]
    assert [entry.name for entry in listing.select(entries, names=("args", "old"))] == ["args", "old"]
    with pytest.raises(ConfigError, match="no test is in 'apix', did you mean apic"):
        listing.select(entries, group="apix")
    with pytest.raises(ConfigError, match="no test is called 'arg', did you mean args"):
        listing.select(entries, names=("arg",))


def test_what_is_not_for_this_host_is_told_in_words(tmp_path):
    (tmp_path / "a.flat").write_bytes(b"")
    (tmp_path / "parameter").write_text("N\n")
    parameter = tmp_path / "parameter"

    def why(lines: str) -> str:
        (entry,) = parse(f"[a]\nfile = a.flat\n{lines}")
        return listing.not_here(entry, str(tmp_path))

    assert why("") == ""
    assert why(f"check = {parameter}=N") == ""
    assert why(f"check = {parameter}=N {parameter}=Y") == f"{parameter} not equal to Y"
    assert why("check = /none=Y") == "/none not equal to Y"
    assert why("arch = i386") == "i386 only"
    assert why("arch = x86_64\naccel = kvm") == ""
    assert why("accel = tcg") == "tcg only, but this is kvm"
    assert why("file = b.flat") == f"b.flat is not in {tmp_path}"
    assert why("disabled_if = [ 1 ]") == "disabled_if is a shell expression: [ 1 ]"
    assert why("test_args = `uname`") == "test_args has a shell command: `uname`"
