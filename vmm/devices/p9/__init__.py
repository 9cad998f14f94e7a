"""A file server that speaks 9P2000.L, the protocol of Linux's v9fs: messages in, messages out, no system calls."""
