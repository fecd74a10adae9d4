"""`appliance-vendor`: what a vendor of sealed weights runs: make keys, seal, issue licences, revoke them.

A command of its own that the customer's `appliance` neither imports nor calls. It makes what `appliance.licences` and
the sealed weight store consume. It needs no network and keeps its keys in two folders: the root's stays offline.
"""
