"""The data path: keys, limits, routing, metering between clients and engines. Knows Redis and files, never PostgreSQL."""
