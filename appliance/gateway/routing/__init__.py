"""Where a request goes: targets of a route, replicas of a target, and whether there is room now.

The relay asks it; the parts that decide are pure and know no connection. It never reads the database, never parses an
answer, and forgets everything at a restart but what the snapshot and the replica table say.
"""
