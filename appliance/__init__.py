"""What runs on a node: gateway, serving, training, agent, placement, engines, weights, hardware.

Called by the two entry points, `installer` and `control_plane`. It never opens a database session.
"""

__version__ = "0.1.0"
