"""The pytest plugin: guests in tests, with their console, registers and exits in the report of a test that fails.

It is there once vmm is installed (entry point pytest11); docs/testing.md shows what it gives. Importing it costs a test
run nothing to speak of: vmm itself is imported by the first test that uses a fixture.
"""
