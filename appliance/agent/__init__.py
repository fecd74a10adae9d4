"""The node agent: inventory, health and the usage shipper of one node."""
