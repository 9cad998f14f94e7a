"""Parallel ATA: a channel's registers and the drives behind them, in programmed I/O."""
