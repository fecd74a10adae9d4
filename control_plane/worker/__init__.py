"""The job worker: a Celery task that supervises one job process at a time under a lease.

Started by `python -m control_plane.worker`. The task does no work of its own: it claims the row, starts the job's
process in its own process group, renews the lease, saves progress, and kills the group on cancel or when the lease
is lost.
"""
