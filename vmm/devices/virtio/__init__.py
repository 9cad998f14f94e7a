"""Virtio devices as a guest's driver sees them: queues, transports, and one device a file.

No system calls and no threads here. What a device does with the host comes in through its constructor (backends/).
Source: Virtual I/O Device (VIRTIO) Version 1.2, OASIS.
"""
