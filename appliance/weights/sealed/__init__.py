"""Sealed weights: safetensors files encrypted in chunks, which an engine opens in memory and never on a disk.

Called by the vendor's tool (`sealing`), by the weight store and the licence check (`artifact`, without a key), and
inside the engine (`reader`). What the engine imports of this package needs `cryptography` and nothing else, because an
engine's environment is not ours. It never keeps, wraps or asks for keys: it is handed one.
"""
