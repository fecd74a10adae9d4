"""The audit log: who changed what, written in the same transaction as the change itself.

Every slice that changes something calls `service.record`. Entries are never changed or deleted by code.
"""
