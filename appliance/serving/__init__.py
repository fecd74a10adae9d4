"""Ray Serve: one application per served version; a replica supervises one engine process."""
