"""kvm-unit-tests for x86, run here and compared with QEMU: one at a time, or a whole unittests.cfg."""
