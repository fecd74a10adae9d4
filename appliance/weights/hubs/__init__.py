"""Models from a hub or a mirror of one, through the hubs' own client libraries, which load only when they are needed.

Called by the import job's process alone. It sends no telemetry, follows no redirect that the URL guard refuses, and
writes no token to a log or a journal.
"""
