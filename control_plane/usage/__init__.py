"""Usage: one row per request, from the gateways' spool; read as roll-ups per hour or day.

Agents ship the records, also twice; a request is counted once. Plain ids and no foreign keys: usage outlives keys.
"""
