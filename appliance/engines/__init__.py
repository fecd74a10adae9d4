"""Engine packs: how an engine is installed, launched and probed. A pack is data (`packs/<name>/pack.yaml`).

Called by the installer (install), by `appliance.serving` (launch, probe) and by `doctor` (what a pack needs).
An engine is a process in an environment of its own; nothing here imports one, and nothing here knows Ray.
"""
