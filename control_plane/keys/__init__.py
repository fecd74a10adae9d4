"""API keys: made, listed, revoked. The secret is shown once; the registry and the gateway know its digest only.

The snapshot reconciler reads the live ones; a change hurries it, so a revoked key stops within two seconds.
"""
