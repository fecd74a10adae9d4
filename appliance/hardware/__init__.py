"""Discovery: what this node has. One module per vendor; `discover` asks them all, `Watcher` again and again.

Called by the agent (inventory), the installer (`doctor`, `hardware`) and the engine packs (processor flags). Reads
/proc and /sys; libraries and tools of vendors run in processes apart. Never writes, never fails because a vendor's
part is missing, hangs or crashes.
"""
