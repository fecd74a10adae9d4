"""The ground under everything: settings, errors, logging, clock, ids, paths, and the contracts between processes.

Every other package imports it; it imports none of them. It never touches the network, a database or a vendor library.
"""
