"""PCI: configuration space, the ports that reach it, and the functions of a chipset of the nineties."""
