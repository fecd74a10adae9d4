"""The `appliance` command: sets up, starts, stops and shows the stack; for all else a client of the admin API."""
