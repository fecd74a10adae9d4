"""Ray Serve: one application per served version; a replica supervises one engine process and publishes its address.

`spec` and `ray_command` are for the control plane and the installer (no ray import there); the rest runs inside Ray.
Never on the byte path: the gateway talks to the engine's own socket.
"""
