"""`vmm report`: from a run's file to a page."""

from __future__ import annotations


def test_a_run_becomes_a_page(vmm, code, image):
    whole = vmm("run", "--json", image(code.say(b"hello"), code.exit(4)))
    (vmm.cwd / "run.json").write_bytes(whole.out)
    assert vmm("report", "run.json", "-o", "report.html", check=False) == (0, b"", "")
    text = (vmm.cwd / "report.html").read_text()
    assert "exit code 4" in text
    assert ">0x3f8<" in text
    assert "<pre>hello</pre>" in text


def test_the_page_lies_beside_the_run(vmm, code, image):
    assert vmm("run", "--stats-out", "run.json", "--expect", "hlt < 1", image(code.halt), check=False).code == 117
    assert vmm("report", "run.json", check=False).code == 0
    text = (vmm.cwd / "run.html").read_text()
    assert "Exits of run" in text
    assert "the guest halted" in text, "--stats-out has the verdict too"
    assert "exit code 117" in text
    assert "hlt &lt; 1" in text


def test_what_is_no_run_is_refused(vmm):
    assert "none.json: cannot be read" in vmm.refused("report", "none.json")
    assert "there is no folder" in vmm.refused("report", "none.json", "-o", "no/where.html")


def test_a_run_writes_its_page_at_once(vmm, code, image):
    guest = image(code.say(b"hello"), code.halt)
    assert vmm("run", "--report", "run.html", "--expect", "io < 2", guest, check=False).code == 117
    text = (vmm.cwd / "run.html").read_text()
    assert "Exits of guest.bin" in text
    assert "exit code 117" in text
    assert "io &lt; 2" in text
