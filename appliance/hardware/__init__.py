"""Discovery, one module per vendor."""
