"""Discovery: what this node has. One module per vendor; `discover` asks them all.

Called by the agent (inventory), the installer (`doctor`, `hardware`) and the engine packs (processor flags). Reads
files of /proc and /sys only; never starts a tool, never writes, never fails because a vendor's part is missing.
"""
