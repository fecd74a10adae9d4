"""The catalogue: YAML entries, their typed schema, and the bundled model. No network, no database."""
