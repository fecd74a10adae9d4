"""The loops that close the gap between what is wanted and what is. Each takes no input and reads the world again.

Run by `control_plane.reconciler`, one process, leader by advisory lock. A loop that fails is tried again, never
stops the others, and says so in its status row. No network call is made inside a database session: load, close,
act, apply guarded.
"""
