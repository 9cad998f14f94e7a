"""The schematic, sheet by sheet: which chips a machine has, what each is wired to, where it is on the buses.

The only place that knows concrete devices, backends and loaders.
"""
