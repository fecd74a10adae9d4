"""Long jobs: the row is the job. State, attempt, lease and fence live in PostgreSQL; the queue's message only hurries.

The API submits and cancels, the worker claims, renews and finishes under its fence, the `jobs` reconciler sweeps and
dispatches. What a kind of job does is not known here: the slice that owns the kind says it (`versions` for imports).
"""
