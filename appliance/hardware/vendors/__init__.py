"""One module per vendor, each with one `VENDOR`; `discovery` runs those whose gate is open, in a process apart.

A module turns its vendor's words into `inventory`'s. It may hang or crash, as its library may: it never runs inside
the agent. It touches the machine through `World` alone, and never writes.
"""
