"""Tables that firmware leaves for an operating system."""
