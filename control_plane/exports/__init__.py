"""Exports: a version leaves the box as a signed ModelPack artifact, to a folder, to volumes or to a registry.

A kind of job and no table: the job's row says what was asked and what was written. Its process reads the weight store,
which it holds against clean-up, and opens no database.
"""
