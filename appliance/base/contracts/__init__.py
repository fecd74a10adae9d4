"""What processes say to each other: the gateway's snapshot, the replica table in Redis, the usage spool.

Each carries a format number; a reader takes its own number and the one before, and refuses a newer one with a sentence.
"""
