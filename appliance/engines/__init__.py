"""Engine packs: how an engine is installed, launched and probed. A pack is data."""
