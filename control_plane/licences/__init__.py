"""Licences of sealed weights in the registry: vendors' roots, licences, revocation lists, card seats, the clock's mark.

`appliance.licences` judges; this slice keeps what was applied, counts seats under a lock and writes the signed files
into the home. It never sees a data key and keeps no secret.
"""
