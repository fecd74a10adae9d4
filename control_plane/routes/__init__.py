"""Routes and endpoints elsewhere: what an admin decided about where public names lead.

The snapshot reconciler tells the gateways, who do the rest. It never calls an endpoint itself and never shows a key.
"""
