"""Fit: how many bytes a model needs on a kind of card, line by line, and what follows from that. Pure: no network, no
database. The sum is weights + KV cache + activations + process; `validated.yaml` has what others published, and wins.
Called by `appliance models fit` and by placement. It never starts, asks or measures anything.
"""
