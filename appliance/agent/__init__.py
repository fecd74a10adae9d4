"""The node agent: says every few seconds what this node has and how it is, and ships the gateway's usage spool.

Runs as `python -m appliance.agent`, one per node; a client of the control plane's API with the node token, and
nothing else. It never opens PostgreSQL or Redis, and never stands in the way of a request: without it, the spool
grows and is shipped later.
"""
