"""Placements: which node, cards and cores each replica of a served model has. Decided here, carried out by Ray."""
