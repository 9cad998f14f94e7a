"""docs/testing.md: its tests run as they stand there, and its workflow names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/testing.md").read_text()
FILES = dict(re.findall(r"```python\n# (test_\w+\.py)\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_page_s_tests_run(pytester, monkeypatch, words):
    monkeypatch.delenv("VMM_REQUIRE_KVM", raising=False)
    assert sorted(FILES) == ["test_boot.py", "test_greeting.py", "test_needs.py"]
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs", *words)
    outcomes = done.parseoutcomes()
    assert outcomes.get("passed", 0) + outcomes["skipped"] == 4
    assert outcomes["passed"] >= 2
    assert "failed" not in outcomes
    assert "errors" not in outcomes
    done.stdout.fnmatch_lines(["*build/kernel.elf is not built: make*"])


def test_the_workflow_is_yaml_and_its_words_are_vmm_s(pytester):
    yaml = pytest.importorskip("yaml")
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    steps = yaml.safe_load(text)["jobs"]["boot"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert "vmm doctor" in commands
    assert any("pip install kvm-vmm pytest" in command for command in commands)
    told = pytester.runpytest_subprocess("--help").stdout.str()
    assert "--vmm-artifacts" in told
