"""The live socket: how a running machine is looked at from another process (docs/live.md)."""
