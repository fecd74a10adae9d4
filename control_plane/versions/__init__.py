"""Model versions: weights on this box, named by the digest of their manifest. A version is ready when a job imported
it whole.

`served_models` points at versions. The import job's kind lives here: its process writes the weight store and no
database; the worker applies its result to the row under the job's fence.
"""
