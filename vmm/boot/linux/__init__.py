"""Linux by the entries that need no BIOS: bzImage and vmlinux, 64-bit, 32-bit and PVH."""
