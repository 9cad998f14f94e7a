"""The host's half of our BIOS: one file a service, each called once for a BIOS call, with the caller's registers.

firmware/ has the guest's half and each service's register contract; docs/bios.md the table of both.
"""
