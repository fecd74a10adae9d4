"""Licences for sealed weights: signed files, the appliance's key, the box's fingerprint, and what may be loaded.

Called by the control plane (apply, state, seats), by whoever loads sealed weights (`open_data_key`) and by the vendor's
tool, which writes what is read here. It knows no database and no network, parses nothing whose signature it has not
checked (a request's own signature aside: that proves no more than that it is whole), and never logs a key.
"""
