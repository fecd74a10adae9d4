"""Nodes and their accelerators, as their agents report them. They belong to the installation, not to a tenant."""
