"""Signed catalogue updates: reading one as a box does (`reading`), and the tool that makes them (`python -m`).

The control plane and the command line read; the tool is for whoever publishes updates. Nothing here opens a network
connection or a database, and no key comes with it.
"""
