"""The pytest plugin as its users meet it: in sessions of their own, with guests that pass, fail and cannot run."""

from __future__ import annotations

import json
import os

import pytest

HELLO = """
    GREET = '''
        mov $message, %rsi
        mov $0x3f8, %edx
    next:
        lodsb
        test %al, %al
        jz wait
        out %al, (%dx)
        jmp next
    wait:
        mov $0x3fd, %edx
    poll:
        in (%dx), %al
        test $1, %al
        jz poll
        mov $0x3f8, %edx
        in (%dx), %al
        out %al, (%dx)
        mov $0x21, %al
        out %al, $0xf4
    message: .asciz "ready> "
    '''
"""


@pytest.fixture
def session(pytester, monkeypatch):
    """session(text, *words) runs pytest on a file of that text."""
    monkeypatch.delenv("VMM_REQUIRE_KVM", raising=False)

    def run(text: str, *words: str):
        pytester.makepyfile(text)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest", *words)

    return run


def test_the_fixtures_boot_guests_and_expect_their_words(session):
    done = session(
        "import pytest\n"
        + HELLO.replace("\n    ", "\n")
        + """
@pytest.mark.vm(asm=GREET)
def test_talk(vm):
    vm.console.expect("ready> ")
    vm.console.send("y")
    vm.console.expect("y")
    outcome = vm.run(deadline=5)
    assert outcome.value == 0x21
    vm.exits.check("io.out[0xf4] == 1")
    assert vm.console.text == "ready> y"

def test_c(guest_c, vm_factory):
    image = guest_c('''
        static void out(unsigned short port, unsigned char value) {
            __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
        }
        int guest_main(void) { out(0x80, 7); return 42; }
    ''')
    assert [vm_factory(image).run(deadline=5).value for _ in range(2)] == [42, 42]

def test_real_mode(guest_asm, vm_factory):
    assert vm_factory(guest_asm("mov $9, %al; out %al, $0xf4", mode="real"), mode="real").run(deadline=5).value == 9
"""
    )
    done.assert_outcomes(passed=3)


def test_a_failure_shows_console_registers_and_exits_and_keeps_them(session, pytester):
    done = session(
        "import pytest\n" + HELLO.replace("\n    ", "\n") + """
@pytest.mark.vm(asm=GREET)
def test_talk(vm):
    vm.console.expect("login:", timeout=0.5)
""",
        "--vmm-artifacts", "kept",
    )  # fmt: skip
    done.assert_outcomes(failed=1)
    done.stdout.re_match_lines(
        [
            r".*AssertionError: 'login:' was expected on the console, but deadline: .*; it said:",
            r".*ready>.*",
            r"-+ vm: console -+",
            r"ready>.*",
            r"-+ vm: outcome -+",
            r"deadline: .*",
            r"-+ vm: registers -+",
            r".*rip .*",
            r"-+ vm: exits -+",
            r".*io\.out\.1\[0x3f8\] +com1.*",
            r"-+ vm: artifacts -+",
            r"kept/.*test_talk/vm0",
        ],
        consecutive=False,
    )
    (folder,) = (path for path, _, files in os.walk(pytester.path / "kept") if files)
    assert sorted(os.listdir(folder)) == [
        "console.txt", "exits.json", "exits.txt", "outcome.txt", "registers.txt", "trace.json",
    ]  # fmt: skip
    with open(os.path.join(folder, "exits.json"), encoding="utf-8") as file:
        assert json.load(file)["total"] > 7
    with open(os.path.join(folder, "trace.json"), encoding="utf-8") as file:
        assert json.load(file)["traceEvents"]


def test_a_broken_budget_names_its_rows(session):
    done = session("""
        def test_budget(guest_asm, vm_factory):
            vm = vm_factory(guest_asm("out %al, $0x80; out %al, $0x80; out %al, $0xf4"))
            vm.run(deadline=5)
            vm.exits.check("io.out[0x80] <= 1")
    """)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*BudgetError*io.out*0x80*"])


def test_errors_of_the_compiler_point_into_the_test(session):
    done = session("""
        def test_typo(guest_c):
            guest_c('''
                int guest_main(void) {
                    return answer;
                }
            ''')
    """)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*test_errors_of_the_compiler*.py:3:*answer*undeclared*"])


def test_what_the_host_lacks_is_a_skip_with_the_remedy_or_a_failure_on_request(session, monkeypatch):
    text = """
        import pytest
        from vmm.engine import kvm_facts

        LACKING = next(name for name, answer in kvm_facts.gather().capabilities.items() if not answer)

        @pytest.mark.requires_kvm(hw="svm" if open("/proc/cpuinfo").read().count(" svm") == 0 else "vmx")
        def test_other_hardware():
            pass

        @pytest.mark.requires_kvm(caps=[LACKING.removeprefix("KVM_CAP_").lower()])
        def test_newer_kernel():
            pass

        @pytest.mark.requires_kvm(caps=["user_memory", "KVM_CAP_IRQCHIP"])
        def test_here():
            pass

        @pytest.mark.requires_kvm(caps=["KVM_CAP_USER_MEMORIES"])
        def test_misspelt():
            pass
    """
    done = session(text, "-rs")
    done.assert_outcomes(skipped=2, passed=1, errors=1)
    done.stdout.fnmatch_lines(["*needs KVM with ???, and this host's is *; run it on bare metal*"])
    done.stdout.fnmatch_lines(["*this host's KVM has no KVM_CAP_*; use a newer kernel*"])
    done.stdout.fnmatch_lines(["*no KVM capability is called 'KVM_CAP_USER_MEMORIES'*KVM_CAP_USER_MEMORY*"])
    monkeypatch.setenv("VMM_REQUIRE_KVM", "1")
    session(text).assert_outcomes(failed=0, passed=1, errors=3)


def test_a_test_without_guests_pays_nothing(pytester):
    pytester.makepyfile("""
        import sys

        def test_plain():
            assert [name for name in sys.modules if name.startswith("vmm.")] == ["vmm.testing", "vmm.testing.plugin"]
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
