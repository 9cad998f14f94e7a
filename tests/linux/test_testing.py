"""The plugin's linux_guest."""

from __future__ import annotations


def test_a_command_runs_in_linux_and_its_status_and_words_are_here(linux_guest):
    ran = linux_guest("uname -s; exit 7")
    assert ran.status == 7
    assert "Linux\n" in ran.output
