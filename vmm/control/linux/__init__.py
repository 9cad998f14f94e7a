"""Linux as a guest: what `vmm linux` boots, the initramfs it makes of directories and a command, and the way back."""
