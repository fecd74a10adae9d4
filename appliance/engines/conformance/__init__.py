"""The conformance suite: what an engine pack must do before it is offered, tried on the bundled model.

Called by `appliance engines check` and by the tests. It starts the pack's engine in a folder of its own, outside any
running appliance, asks it over its socket as the gateway would, and ends it. It never installs a pack, and no pack is
an exception to a check: what an engine cannot do is a known limit of its pack.
"""
