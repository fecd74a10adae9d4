"""The data path between clients and engines: keys, routing, metering. Knows Redis and files, never PostgreSQL."""
